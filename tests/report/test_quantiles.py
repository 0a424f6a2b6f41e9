import matplotlib
import numpy as np
import pytest
from PIL import Image

from gan_jax.report import draw_quantiles

STEPS = 100 * np.arange(40)


def lines(axes):
    """Return the medians by name, and the thin lines of the extremes in order."""
    named = {line.get_label(): line.get_xydata() for line in axes.lines
             if not line.get_label().startswith("_")}  # fmt: skip
    return named, [line.get_xydata() for line in axes.lines if line.get_label().startswith("_")]


def band(axes):
    """Return the lower and upper edge of the first band at each step."""
    (path,) = axes.collections[0].get_paths()
    return {x: (path.vertices[path.vertices[:, 0] == x, 1].min(),
                path.vertices[path.vertices[:, 0] == x, 1].max()) for x in STEPS}  # fmt: skip


def test_lines_are_the_median_and_the_extremes_and_the_band_lies_between(tmp_path, figures):
    # At step 100 t the runs have 0, 1, 2, 3 and 4 more than t, in another order each time.
    values = np.random.default_rng(0).permuted(np.tile(np.arange(5.0), (40, 1)), axis=1)
    values += np.arange(40)[:, None]
    draw_quantiles({"a": (STEPS, values), "b": (STEPS, values[:, :1])}, tmp_path / "q.png",
                   title="Distance", label="metres")  # fmt: skip
    (axes,) = figures[0].axes
    named, thin = lines(axes)
    assert list(named) == ["a (5 runs)", "b (1 run)"]
    t = np.arange(40.0)
    np.testing.assert_array_equal(named["a (5 runs)"], np.stack([STEPS, t + 2], axis=1))
    np.testing.assert_array_equal(thin[0][:, 1], t)
    np.testing.assert_array_equal(thin[1][:, 1], t + 4)
    assert band(axes) == {100 * i: (i + 1, i + 3) for i in range(40)}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "metres")
    assert axes.get_title(loc="left") == "Distance"
    assert [text.get_text() for text in figures[0].legends[0].get_texts()] == list(named)
    colors = {line.get_label(): line.get_color() for line in axes.lines}
    assert colors["a (5 runs)"] != colors["b (1 run)"]
    with Image.open(tmp_path / "q.png") as picture:
        assert picture.format == "PNG"


def test_what_is_not_finite_is_left_out_and_said(tmp_path, figures):
    values = np.tile([1.0, 2.0, 6.0], (40, 1))
    values[30:, 2] = np.nan
    values[5, 0] = np.inf
    values[7] = np.nan
    lost = np.full((40, 2), np.nan)
    draw_quantiles({"a": (STEPS, values), "b": (STEPS, lost)}, tmp_path / "q.png")
    named, _ = lines(figures[0].axes[0])
    x, median = named["a (3 runs, 1 not finite)"].T
    np.testing.assert_array_equal(x, STEPS)
    # Of 2 and 6 at step 500, of all three else, and of 1 and 2 at the end.
    expected = np.where(x == 500, 4.0, np.where(x >= 3000, 1.5, 2.0))
    np.testing.assert_array_equal(median, np.where(x == 700, np.nan, expected))
    assert np.isnan(named["b (2 runs, 2 not finite)"][:, 1]).all()


def test_values_on_many_scales_are_drawn_on_a_logarithmic_one_where_asked(tmp_path, figures):
    wide = np.geomspace(1e-3, 10.0, 40)[:, None]
    for values, asked in ((wide, True), (wide, False), (wide - 1, True), (1 + wide / 10, True)):
        draw_quantiles({"a": (STEPS, values)}, tmp_path / "q.png", logarithmic=asked)
    scales = [figure.axes[0].get_yscale() for figure in figures]
    assert scales == ["log", "linear", "linear", "linear"]


def test_a_single_step_is_seen(tmp_path, figures):
    draw_quantiles({"a": ([0], [[1.0, 2.0]])}, tmp_path / "q.png")
    assert figures[0].axes[0].lines[-1].get_marker() == "o"


def test_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    draw_quantiles({"a": ([0, 1], [[1.0], [2.0]])}, tmp_path / "q.png")
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "0 curves: there must be 1 to 5"),
        ({name: ([0], [[1.0]]) for name in "abcdef"}, "6 curves: there must be 1 to 5"),
        ({"a": ([0, 1], [[1.0]])}, r"a: steps \[2\] and values \[1, 1\] must be \[T\] and \[T, N\]"),
        ({"a": ([0, 1], [1.0, 2.0])}, r"a: steps \[2\] and values \[2\] must be"),
        ({"a": ([0], np.zeros((1, 0)))}, "T and N at least 1"),
    ],
)  # fmt: skip
def test_says_what_is_wrong_with_the_curves(curves, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw_quantiles(curves, tmp_path / "q.png")


def test_the_x_axis_may_be_a_hyper_parameter(tmp_path, figures):
    rates = [1e-4, 1e-3, 1e-2]
    draw_quantiles({"a": (rates, np.ones((3, 2)))}, tmp_path / "q.png", x="learning rate")
    draw_quantiles({"a": ([1, 2, 3], np.ones((3, 2)))}, tmp_path / "q.png", x="pack")
    (wide,), (narrow,) = (figure.axes for figure in figures)
    assert (wide.get_xscale(), wide.get_xlabel()) == ("log", "learning rate")
    assert narrow.get_xscale() == "linear"
