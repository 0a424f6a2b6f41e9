from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from PIL import Image

from gan_jax.report import draw_bars, draw_class_histogram


def bars_of(axes):
    """Return the heights of each kind's bars, by its name."""
    return {box.get_label(): [bar.get_height() for bar in box] for box in axes.containers
            if box.get_label()[0] != "_"}  # fmt: skip


def test_bars_stand_side_by_side_on_zero_under_their_numbers(tmp_path, figures):
    heights = {"reals": [1.0, 2.5], "fakes": [3.0, 0.0]}
    draw_bars(heights, ["a", "b"], tmp_path / "x" / "bars.png", label="%", numbers="{:.1f}")
    (axes,) = figures[0].axes
    assert bars_of(axes) == heights
    edges = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches)
    assert all(end <= start for (_, end), (start, _) in pairwise(edges))
    assert {bar.get_y() for bar in axes.patches} == {0}
    assert [text.get_text() for text in axes.texts] == ["1.0", "2.5", "3.0", "0.0"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b"]
    assert len({bar.get_facecolor() for bar in axes.patches}) == 2
    with Image.open(tmp_path / "x" / "bars.png") as picture:
        assert picture.format == "PNG"


def test_errors_reach_as_far_up_as_down(tmp_path, figures):
    draw_bars({"a": [2.0, 4.0]}, "xy", tmp_path / "bars.png", errors={"a": [0.5, 1.0]})
    (axes,) = figures[0].axes
    (lines,) = (box.lines[2][0] for box in axes.containers if hasattr(box, "has_yerr"))
    ends = [segment[:, 1].tolist() for segment in lines.get_segments()]
    assert ends == [[1.5, 2.5], [3.0, 5.0]]


def test_of_many_groups_some_are_named(tmp_path, figures):
    draw_bars({"a": np.arange(100)}, list(map(str, range(100))), tmp_path / "bars.png")
    names = [text.get_text() for text in figures[0].axes[0].get_xticklabels()]
    assert names == [str(i) for i in range(0, 100, 5)]


def test_a_histogram_has_shares_and_not_counts(tmp_path, figures):
    draw_class_histogram([5, 5], [30, 10], ["zero", "one"], tmp_path / "classes.png")
    assert bars_of(figures[0].axes[0]) == {"real": [50, 50], "fake": [75, 25]}


def test_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    draw_bars({"a": [1.0]}, ["x"], tmp_path / "bars.png")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("heights", "message"),
    [
        ({"a": [1.0, 2.0, 3.0]}, r"a: bars \[3\] for 2 names"),
        ({name: [1.0, 2.0] for name in "abcdef"}, "6 kinds of bars: there are colours for 5"),
    ],
)
def test_says_what_is_wrong_with_the_bars(heights, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw_bars(heights, ["x", "y"], tmp_path / "bars.png")


def test_no_images_have_no_classes(tmp_path):
    with pytest.raises(ValueError, match=r"fake images are counted in no class: \[0, 0\]"):
        draw_class_histogram([1, 2], [0, 0], "ab", tmp_path / "classes.png")
