import math

import numpy as np
import pytest

from gan_jax.errors import UsageError
from gan_jax.tuning import best_rows, markdown_table, read_table, summarize, write_table

NAN = math.nan
ROWS = [
    {"rate": 0.1, "gamma": 1, "seed": 0, "modes": 20, "loss": 1.0},
    {"rate": 0.2, "gamma": 1, "seed": 0, "modes": 25, "loss": NAN},
    {"rate": 0.1, "gamma": 1, "seed": 1, "modes": 24, "loss": 3.0},
    {"rate": 0.2, "gamma": 1, "seed": 1, "modes": 25, "loss": 5.0},
    {"rate": 0.1, "gamma": 1, "seed": 2, "modes": 25, "loss": 2.0},
    {"rate": 0.1, "gamma": 2, "seed": 0, "modes": 7},
]


def test_a_summary_by_hand():
    first, second, third = summarize(ROWS, by=["rate", "gamma"], values=["modes"])
    assert list(first) == [
        "rate", "gamma", "runs", "modes_mean", "modes_standard_deviation", "modes_median",
        "modes_minimum", "modes_maximum", "modes_count",
    ]  # fmt: skip
    # 20, 24, 25: deviations from 23 are -3, 1, 2; 14 / 2 = 7.
    deviation = first.pop("modes_standard_deviation")
    assert deviation == pytest.approx(math.sqrt(7), rel=1e-12)
    assert list(first.values()) == [0.1, 1, 3, 23.0, 24.0, 20.0, 25.0, 3]
    assert (second["rate"], second["modes_standard_deviation"], second["runs"]) == (0.2, 0.0, 2)
    assert (third["gamma"], third["modes_mean"], third["runs"]) == (2, 7.0, 1)
    assert math.isnan(third["modes_standard_deviation"])


def test_summaries_agree_with_numpy():
    values = np.random.default_rng(0).normal(size=(5, 8))
    rows = [{"setting": i, "x": x} for i, row in enumerate(values) for x in row]
    for summary, row in zip(summarize(rows, by=["setting"], values=["x"]), values, strict=True):
        told = list(summary.values())[2:]
        expected = [row.mean(), row.std(ddof=1), np.median(row), row.min(), row.max(), 8]
        np.testing.assert_allclose(told, expected, rtol=1e-12)


def test_a_run_that_diverged_is_not_hidden():
    summary = summarize(ROWS, by=["rate"], values=["loss"])[1]
    assert math.isnan(summary["loss_mean"])
    assert math.isnan(summary["loss_minimum"])
    assert (summary["runs"], summary["loss_count"]) == (2, 1)


def test_what_is_not_a_number_can_be_left_out():
    one, two, three = summarize(ROWS, by=["rate", "gamma"], values=["loss"], omit_nan=True)
    assert (one["loss_mean"], one["loss_count"]) == (2.0, 3)
    assert (two["loss_mean"], two["loss_count"], two["runs"]) == (5.0, 1, 2)
    assert math.isnan(three["loss_mean"])
    assert three["loss_count"] == 0


def test_infinities_warn_of_nothing():
    (summary,) = summarize(
        [{"a": 1, "x": math.inf}, {"a": 1, "x": -math.inf}], by=["a"], values=["x"]
    )
    assert math.isnan(summary["x_mean"])
    assert summary["x_maximum"] == math.inf


def test_settings_without_a_value_are_one_group():
    rows = [{"clip": NAN, "x": 1}, {"clip": np.float32(NAN), "x": 3}, {"x": 5}, {"clip": 1, "x": 9}]
    summaries = summarize(rows, by=["clip"], values=["x"])
    assert [(s["clip"], s["x_mean"]) for s in summaries] == [(None, 3.0), (1, 9.0)]


def test_a_summary_is_a_table(tmp_path):
    summaries = summarize(ROWS, by=["rate", "gamma"], values=["modes", "loss"])
    write_table(summaries, tmp_path / "x.csv")
    assert repr(read_table(tmp_path / "x.csv")) == repr(summaries)


def test_the_best_rows_come_first():
    assert [row["modes"] for row in best_rows(ROWS, "modes", count=3)] == [25, 25, 25]
    assert best_rows(ROWS, "modes", count=1)[0] is ROWS[1]
    assert [row["modes"] for row in best_rows(ROWS, "modes", mode="min", count=2)] == [7, 20]
    ordered = [row.get("loss") for row in best_rows(ROWS, "loss", count=9)]
    assert ordered[:4] == [5.0, 3.0, 2.0, 1.0]
    assert ordered[4] is ROWS[1]["loss"]
    assert ordered[5] is None


def test_markdown_by_hand():
    rows = [
        {"name": "a|b", "rate": 1 / 3, "modes": 25},
        {"name": "c", "rate": NAN, "modes": 120000},
        {"name": "d", "rate": np.float32(1 / 3), "modes": np.int64(3)},
    ]
    assert markdown_table(rows, ["modes", "name", "rate"], digits=3) == "\n".join(
        [
            "| modes | name | rate |",
            "| ---: | :--- | ---: |",
            "| 25 | a\\|b | 0.333 |",
            "| 120000 | c |  |",
            "| 3 | d | 0.333 |",
        ]
    )
    assert markdown_table(rows).splitlines()[0] == "| name | rate | modes |"


def test_mistakes_in_a_line():
    says = "no row has a column 'gama': there are rate, gamma, seed, modes, loss"
    for call in (
        lambda: summarize(ROWS, by=["gama"], values=["modes"]),
        lambda: summarize(ROWS, by=["rate"], values=["gama"]),
        lambda: best_rows(ROWS, "gama"),
        lambda: markdown_table(ROWS, ["gama"]),
    ):
        with pytest.raises(UsageError, match=says):
            call()
    with pytest.raises(UsageError, match="there are none"):
        summarize([], by=["a"], values=[])
    with pytest.raises(ValueError, match="column 'x' has 'high': it must have numbers"):
        best_rows([{"x": "high"}], "x")
    with pytest.raises(ValueError, match="mode is 'worst'"):
        best_rows(ROWS, "modes", mode="worst")
