import matplotlib
import numpy as np
import pytest
from PIL import Image

from gan_jax.report import draw_heat_map, draw_swarm


def rows_of(*cells):
    """Return rows of cells `(rate, gamma, figures)`, one for each figure."""
    return [
        {"rate": rate, "gamma": gamma, "seed": seed, "score": figure}
        for rate, gamma, figures in cells
        for seed, figure in enumerate(figures)
    ]


CELLS = rows_of(
    (0.01, 10, [1.0, 2.0, 9.0]),
    (0.0001, 10, [4.0, np.nan, 6.0]),
    (0.01, 0, [np.inf, None]),
    (0.0001, 100, [0.5]),
)


def texts(axes):
    return {(round(t.get_position()[0]), round(t.get_position()[1] - 0.01), t.get_text())
            for t in axes.texts if t.get_text()}  # fmt: skip


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def heat_map(rows, path, **settings):
    draw_heat_map(rows, path / "heat.png", x="gamma", y="rate", value="score", **settings)


def swarm(rows, path, x="rate", **settings):
    draw_swarm(rows, path / "swarm.png", x=x, value="score", **settings)


def parts(axes):
    """Return the points of the scattered kinds, and of the lines, by name."""
    clouds = {c.get_label(): np.asarray(c.get_offsets()) for c in axes.collections}
    return clouds | {line.get_label(): line.get_xydata() for line in axes.lines}


def test_a_cell_has_the_median_of_its_runs_written_into_it(tmp_path, figures):
    heat_map(CELLS, tmp_path)
    axes, bar = figures[0].axes
    assert (ticks(axes.xaxis), ticks(axes.yaxis)) == (["0", "10", "100"], ["1e-4", "0.01"])
    assert texts(axes) == {
        (1, 1, "2"), (1, 0, "5"), (1, 0, "2 of 3"), (0, 1, "0 of 2"), (2, 0, "0.5"),
    }  # fmt: skip
    cells = np.ma.filled(axes.collections[0].get_array(), np.nan)
    np.testing.assert_array_equal(cells, [[np.nan, 5, 0.5], [np.nan, 2, np.nan]])
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("gamma", "rate", "score")
    assert axes.get_title(loc="left") == "Score"
    hatched = {
        (round(p.get_x() + 0.5), round(p.get_y() + 0.5)) for p in axes.patches if p.get_hatch()
    }
    assert hatched == {(0, 0), (0, 1), (2, 1)}


def test_larger_figures_are_darker_and_empty_cells_white(tmp_path, figures):
    heat_map(CELLS, tmp_path)
    axes, _ = figures[0].axes
    with Image.open(tmp_path / "heat.png") as picture:
        pixels = np.asarray(picture.convert("L"), float)

    def ground(x, y):
        column, line = axes.transData.transform((x - 0.4, y + 0.35)).round().astype(int)
        return np.median(
            pixels[len(pixels) - line - 3 : len(pixels) - line + 4, column - 3 : column + 4]
        )

    most, middle, least, empty = (ground(*place) for place in ((1, 0), (1, 1), (2, 0), (0, 0)))
    assert most < middle < least < 250 < empty
    writing = {t.get_text(): t.get_color() for t in axes.texts}
    assert writing["5"] == writing["2 of 3"] == "white" != writing["0.5"]


def test_another_statistic_and_a_logarithmic_scale(tmp_path, figures):
    rows = rows_of((1, "a", [1.0, 2.0, 9.0]), (2, "a", [400.0]), (1, "b", [20.0]))
    heat_map(rows, tmp_path, reduce=np.mean, logarithmic=True, title="By hand")
    axes, bar = figures[0].axes
    assert texts(axes) == {(0, 0, "4"), (0, 1, "400"), (1, 0, "20")}
    assert bar.get_yscale() == "log"
    assert axes.get_title(loc="left") == "By hand"
    np.testing.assert_allclose(axes.collections[0].norm([4, 40, 400]), [0, 0.5, 1], atol=1e-12)
    heat_map(rows_of((1, 1, [0.0]), (1, 2, [5.0])), tmp_path, logarithmic=True)
    assert figures[1].axes[1].get_yscale() == "linear"


@pytest.mark.parametrize("figure", [3.0, None])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_one_run_is_a_picture(figure, logarithmic, tmp_path):
    rows = rows_of((1, 1, [figure]))
    heat_map(rows, tmp_path, logarithmic=logarithmic)
    swarm(rows, tmp_path, logarithmic=logarithmic)
    with Image.open(tmp_path / "swarm.png") as picture:
        assert picture.format == "PNG"


def test_names_of_things_that_are_no_numbers_stay_in_order(tmp_path, figures):
    losses = ["wasserstein", "hinge", None, True]
    heat_map([{"gamma": name, "rate": 1, "score": 1.0} for name in losses], tmp_path)
    assert ticks(figures[0].axes[0].xaxis) == ["wasserstein", "hinge", "None", "True"]


def test_a_dot_for_each_run_near_its_value_and_the_medians(tmp_path, figures):
    swarm(CELLS, tmp_path)
    (axes,) = figures[0].axes
    drawn = parts(axes)
    assert axes.get_xscale() == "log"
    assert ticks(axes.xaxis) == ["1e-4", "0.01"]
    # Finite runs: at 0.0001 those of 4, 6 and 0.5, at 0.01 those of 1, 2 and 9.
    runs = drawn["run"][drawn["run"][:, 1].argsort()]
    np.testing.assert_array_equal(runs[:, 1], [0.5, 1, 2, 4, 6, 9])
    expected = np.log10([1e-4, 1e-2, 1e-2, 1e-4, 1e-4, 1e-2])
    np.testing.assert_allclose(np.log10(runs[:, 0]), expected, atol=0.35)
    assert len(np.unique(drawn["run"][:, 0])) == 6
    np.testing.assert_allclose(drawn["median"], [[1e-4, 4], [1e-2, 2]])
    lost = drawn["not finite (3)"]
    np.testing.assert_array_equal(lost[:, 1], 1)
    np.testing.assert_allclose(np.log10(lost[:, 0]).round(), [-4, -2, -2])
    names = {text.get_text() for text in figures[0].legends[0].get_texts()}
    assert names == {"run", "median", "not finite (3)"}


def test_only_numbers_of_even_ratios_are_on_a_logarithmic_scale(tmp_path, figures):
    for levels in ([1, 2, 4, 8, 16], [1, 5, 9], [0, 1, 100], ["a", "b"]):
        swarm([{"rate": level, "score": 1.0} for level in levels], tmp_path)
    assert [f.axes[0].get_xscale() for f in figures] == ["log", "linear", "linear", "linear"]
    assert ticks(figures[3].axes[0].xaxis) == ["a", "b"]
    np.testing.assert_array_equal(parts(figures[2].axes[0])["median"][:, 0], [0, 1, 2])
    assert ticks(figures[2].axes[0].xaxis) == ["0", "1", "100"]


def test_of_many_values_medians_are_those_of_as_many_runs(tmp_path, figures):
    rates = np.geomspace(1e-4, 1, 100)
    rows = [{"rate": rate, "score": 10 + np.log10(rate)} for rate in rates[::-1]]
    swarm(rows, tmp_path)
    swarm(rows, tmp_path, logarithmic=True)
    (axes,) = figures[0].axes
    drawn = parts(axes)
    np.testing.assert_allclose(np.sort(drawn["run"][:, 0]), rates)
    at, middle = drawn["median"].T
    assert len(at) == 10
    # Parts of ten: the first's middle is half way between its 5th and 6th.
    assert at[0] == pytest.approx(np.sqrt(rates[4] * rates[5]))
    np.testing.assert_allclose(middle, 10 + np.log10(at))
    assert figures[1].axes[0].get_yscale() == "linear"
    swarm([{"rate": rate, "score": rate} for rate in rates], tmp_path, logarithmic=True)
    assert figures[2].axes[0].get_yscale() == "log"


def test_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    heat_map(CELLS, tmp_path)
    swarm(CELLS, tmp_path)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "there are no rows, there must be one for each run"),
        ([{"rate": 1, "gamma": 1, "score": 1}, {"gamma": 1, "seed": 0}], "row 2 has no 'rate', it has gamma, seed"),
        ([{"rate": 1, "gamma": 1, "modes": 1}], "no row has 'score', the first has rate, gamma, modes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("draw", [heat_map, swarm])
def test_says_what_is_wrong_with_the_table(draw, rows, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        draw(rows, tmp_path)
