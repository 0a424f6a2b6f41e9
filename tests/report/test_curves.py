import time

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from gan_jax.report import draw_curves


@pytest.fixture
def figures(monkeypatch):
    """Collect the figures that are drawn."""
    saved = []
    save = Figure.savefig

    def savefig(self, *args, **kwargs):
        saved.append(self)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved


def drawn(figure, title):
    """Return the bold lines of a panel, in order."""
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left") == title]
    return axes, [line for line in axes.lines if line.get_gid() == "mean"]


def rows_of(number, **series):
    return [
        {"step": 10 * i, "wall_time": 1e9 + i, **{n: float(v[i]) for n, v in series.items()}}
        for i in range(number)
    ]


def test_related_metrics_share_a_panel_and_others_get_their_own(tmp_path, figures):
    names = [
        *("discriminator_loss", "generator_loss", "real_logit", "fake_logit"),
        *("real_accuracy", "fake_accuracy", "r1_penalty", "digits_frechet_distance", "modes"),
        *("discriminator_gradient_norm", "generator_gradient_norm", "images_per_second"),
    ]
    draw_curves(rows_of(3, **{name: [1.0, 2.0, 3.0] for name in names}), tmp_path / "curves.png")
    (figure,) = figures
    lines = {axes.get_title(loc="left"): len(drawn(figure, axes.get_title(loc="left"))[1])
             for axes in figure.axes}  # fmt: skip
    assert lines == {
        "Losses": 2,
        "Discriminator accuracy": 2,
        "Logits": 2,
        "Gradient norms": 2,
        "Penalties": 1,
        "Speed": 1,
        "Digits frechet distance": 1,
        "Modes": 1,
    }
    axes, _ = drawn(figure, "Gradient norms")
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["discriminator", "generator"]


def test_short_series_are_drawn_as_they_are(tmp_path, figures):
    rows = rows_of(5, generator_loss=[3.0, 1.0, np.nan, 2.0, np.inf])
    rows[1]["modes"] = 7.0
    draw_curves(rows, tmp_path / "curves.png")
    _, (loss,) = drawn(figures[0], "Losses")
    np.testing.assert_array_equal(loss.get_xydata(), [[0, 3], [10, 1], [30, 2]])
    _, (modes,) = drawn(figures[0], "Modes")
    np.testing.assert_array_equal(modes.get_xydata(), [[10, 7]])
    assert len({axes.get_xlim() for axes in figures[0].axes}) == 1


def test_a_hundred_thousand_rows_are_drawn_smoothed_and_in_no_time(tmp_path, figures):
    number = 100_000
    noise = np.random.default_rng(0).normal(size=number)
    trend = np.linspace(2.0, 1.0, number)
    values = trend + noise
    values[number // 2] = 1e30
    start = time.process_time()
    draw_curves(rows_of(number, generator_loss=values), tmp_path / "curves.png")
    assert time.process_time() - start < 20
    axes, (line,) = drawn(figures[0], "Losses")
    steps, means = line.get_xydata().T
    assert len(steps) <= 1000
    np.testing.assert_allclose(means, np.interp(steps, 10 * np.arange(number), trend), atol=0.15)
    low, high = axes.get_ylim()
    assert -6.0 < low < -2.0 < 5.0 < high < 8.0
    (marks,) = (line for line in axes.lines if line.get_gid() == "beyond")
    assert len(marks.get_xdata()) == 1


def test_what_lies_beyond_the_range_is_marked_where_it_is_and_said_how_far(tmp_path, figures):
    values = np.random.default_rng(0).normal(size=100_000)
    values[20_000], values[90_000] = 1e6, -250.0
    draw_curves(rows_of(len(values), generator_loss=values), tmp_path / "curves.png")
    axes, _ = drawn(figures[0], "Losses")
    above, below = (line for line in axes.lines if line.get_gid() == "beyond")
    bin_width = 10 * len(values) / 600
    for marks, step, edge in ((above, 200_000, 1), (below, 900_000, 0)):
        ((x, y),) = marks.get_xydata()
        assert (abs(x - step) <= bin_width, y) == (True, edge)
    assert [text.get_text() for text in axes.texts] == ["up to 1e+06", "down to -250"]


def test_the_range_of_a_bin_has_its_extremes(tmp_path, figures):
    values = np.tile([0.5, 0.6, 0.7, 0.4], 25_000)
    values[50_001] = 0.99
    draw_curves(rows_of(len(values), real_accuracy=values), tmp_path / "curves.png")
    axes, _ = drawn(figures[0], "Discriminator accuracy")
    (band,) = axes.collections
    ys = band.get_paths()[0].vertices[:, 1]
    assert (ys.min(), ys.max()) == (0.4, 0.99)
    assert [text.get_text() for text in axes.texts] == []


def test_values_on_many_scales_are_drawn_on_a_logarithmic_one(tmp_path, figures):
    norms = np.geomspace(1e-3, 10.0, 20)
    draw_curves(rows_of(20, generator_gradient_norm=norms), tmp_path / "curves.png")
    draw_curves(rows_of(20, generator_gradient_norm=0 * norms), tmp_path / "curves.png")
    assert [drawn(f, "Gradient norms")[0].get_yscale() for f in figures] == ["log", "linear"]


@pytest.mark.parametrize("rows", [[], [{"step": 0, "wall_time": 1.0}], rows_of(1, modes=[2.0])])
def test_draws_what_little_there_is(tmp_path, rows):
    draw_curves(rows, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 400
        assert picture.format == "PNG"


def test_leaves_matplotlibs_settings_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    draw_curves(rows_of(2, modes=[2.0, 3.0]), tmp_path / "curves.png")
    assert dict(matplotlib.rcParams) == before
