import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from gan_jax.report import draw_points
from gan_jax.report._figure import FAKE, REAL

REALS = np.random.default_rng(0).uniform(-1, 1, size=(300, 2))
CENTRES = np.array([[0.5, 0.5], [-0.5, 0.0]])


def clouds(axes):
    return {c.get_label(): np.asarray(c.get_offsets()) for c in axes.collections}


def test_a_square_panel_for_each_run(tmp_path, figures):
    panels = {f"run {i}": (REALS, 0.1 * i * REALS) for i in range(1, 6)}
    draw_points(panels, tmp_path / "points.png", extent=1.5, centres=CENTRES, columns=3)
    (figure,) = figures
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(panels)
    for axes, (real, fake) in zip(figure.axes, panels.values(), strict=True):
        drawn = clouds(axes)
        np.testing.assert_array_equal(drawn["real"], real)
        np.testing.assert_array_equal(drawn["generated"], fake)
        np.testing.assert_array_equal(drawn["centre"], CENTRES)
        assert (axes.get_xlim(), axes.get_ylim()) == ((-1.5, 1.5), (-1.5, 1.5))
        box = axes.get_window_extent()
        assert box.width == pytest.approx(box.height)
        assert axes.get_xlabel() == ""
    columns = {round(axes.get_window_extent().x0) for axes in figure.axes}
    assert len(columns) == 3
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(names) == ["centre", "generated", "real"]


def test_generated_points_are_in_front_and_real_ones_faint(tmp_path, figures):
    ground, dot = [[0.5, 0.5]] * 400, [[-0.5, -0.5]] * 400
    panels = {"apart": (ground, dot), "together": (dot, dot)}
    draw_points(panels, tmp_path / "points.png", extent=1.0)
    with Image.open(tmp_path / "points.png") as picture:
        pixels = np.asarray(picture.convert("RGB"), float) / 255

    def color(axes, place):
        x, y = axes.transData.transform((place, place)).round().astype(int)
        return pixels[len(pixels) - 1 - y, x]

    apart, together = figures[0].axes
    np.testing.assert_allclose(color(apart, -0.5), to_rgb(FAKE), atol=0.03)
    np.testing.assert_allclose(color(together, -0.5), to_rgb(FAKE), atol=0.03)
    np.testing.assert_allclose(color(apart, 0.5), to_rgb(REAL), atol=0.03)
    np.testing.assert_allclose(color(together, 0.5), 1.0)
    faint, strong = (cloud.get_alpha() for cloud in apart.collections)
    assert faint < strong / 2


def test_what_is_not_seen_is_counted(tmp_path, figures):
    fake = np.zeros((2000, 2))
    fake[:3] = [[5.0, 0.0], [0.0, -np.inf], [np.nan, 0.0]]
    draw_points({"a": (REALS, fake)}, tmp_path / "points.png", extent=1.0)
    (axes,) = figures[0].axes
    assert axes.get_xlabel() == "3 of 2,000 outside"
    assert len(clouds(axes)["generated"]) == 1998


def test_many_points_are_thinned_and_long_titles_wrapped(tmp_path, figures):
    title = "relativistic pairing with penalties of both kinds, seed 3"
    panels = {title: (REALS, REALS + 10)}
    draw_points(panels, tmp_path / "points.png", extent=1.0, most=50)
    (axes,) = figures[0].axes
    assert {name: len(cloud) for name, cloud in clouds(axes).items()} == {
        "real": 50,
        "generated": 50,
    }
    assert axes.get_xlabel() == "300 of 300 outside"
    found = axes.get_title(loc="left")
    assert found.replace("\n", " ") == title
    assert max(map(len, found.split("\n"))) <= 26


def test_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    draw_points({"": (REALS, REALS)}, tmp_path / "points.png", extent=1.0)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"panels": {}}, "0 panels of extent 1.0: both must be above 0"),
        ({"extent": 0.0}, "1 panels of extent 0.0: both must be above 0"),
        ({"extent": np.inf}, "1 panels of extent inf"),
        ({"columns": 0}, "columns and most are 0 and 2000, both must be at least 1"),
        ({"most": 0}, "columns and most are 4 and 0, both must be at least 1"),
        ({"centres": [0.0, 1.0]}, r"centres must be \[N, 2\], N at least 1, not \[2\]"),
        ({"panels": {"a": (REALS, REALS[:0])}}, r"a: generated must be .* not \[0, 2\]"),
        ({"panels": {"a": (REALS.T, REALS)}}, r"a: real must be .* not \[2, 300\]"),
    ],
)
def test_says_what_does_not_fit(change, message, tmp_path):
    given = {"panels": {"a": (REALS, REALS)}, "extent": 1.0} | change
    with pytest.raises(ValueError, match=message):
        draw_points(path=tmp_path / "points.png", **given)
