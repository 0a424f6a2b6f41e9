import numpy as np
import pytest

from gan_jax.report import draw_neighbours


def grey(*values):
    return np.stack([np.full((8, 8, 1), value, np.uint8) for value in values])


def drawn(axes):
    """Return the grey level of each tile, sample over neighbour, and what is written below."""
    picture = np.squeeze(np.asarray(axes.images[0].get_array()))
    pairs = picture[2 + 28 :: 58, 2 + 28 :: 58]
    return pairs.tolist(), [text.get_text() for text in axes.get_xticklabels()]


def test_the_nearest_and_the_farthest_stand_over_their_neighbours(tmp_path, figures):
    samples, neighbours = grey(10, 20, 30, 40), grey(11, 22, 33, 44)
    draw_neighbours(samples, neighbours, [2.0, 0.0, 7.126, 1.0], tmp_path / "n.png", count=2)
    nearest, farthest = figures[0].axes
    assert drawn(nearest) == ([[20, 40], [22, 44]], ["0", "1"])
    assert drawn(farthest) == ([[30, 10], [33, 11]], ["7.13", "2"])
    assert [text.get_text() for text in nearest.get_yticklabels()] == ["sample", "nearest"]
    assert "median of all samples: 1.5)" in nearest.get_title(loc="left")
    assert (tmp_path / "n.png").stat().st_size > 1000


def test_the_distance_of_reals_is_beside_that_of_samples(tmp_path, figures):
    draw_neighbours(grey(1), grey(2), [3.0], tmp_path / "n.png", floor=4.256)
    assert "held-out reals: 4.26)" in figures[0].axes[0].get_title(loc="left")


def test_takes_colours(tmp_path, figures):
    images = np.linspace(-1, 1, 2 * 64 * 3).reshape(2, 8, 8, 3)
    draw_neighbours(images, -images, [1.0, 2.0], tmp_path / "n.png")
    assert np.asarray(figures[0].axes[0].images[0].get_array()).shape[-1] == 3


@pytest.mark.parametrize(
    ("neighbours", "distances"), [(grey(1), [1.0, 2.0]), (grey(1, 2), [1.0]), (grey(1, 2), 1.0)]
)
def test_says_what_does_not_fit(neighbours, distances, tmp_path):
    with pytest.raises(ValueError, match=r"samples \[2, 8, 8, 1\], neighbours .* do not belong"):
        draw_neighbours(grey(1, 2), neighbours, distances, tmp_path / "n.png")
