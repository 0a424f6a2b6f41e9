"""The comparison of metrics: the same figure on both sides, and a table of what was measured."""

import json

import numpy as np
import pytest

from benchmarks import fidelity, metric_side, metrics
from benchmarks.gate import Gate


@pytest.fixture
def asked(monkeypatch):
    """Compute nothing; note what was asked for."""
    calls = []

    def measured(name, side, size):
        calls.append((name, side, size))
        seconds = 1.0 if side == "ours" else 5.0
        return {"seconds": seconds, "figure": 2.0 * seconds, "megabytes": 100.0 * seconds}

    monkeypatch.setattr(metrics, "_measured", measured)
    monkeypatch.setattr(fidelity, "is_installed", lambda: True)
    return calls


@pytest.mark.parametrize("name", metrics.NAMES)
def test_both_sides_have_the_same_figure(name):
    if name != "frechet_distance" and not fidelity.is_installed():
        pytest.skip("torch-fidelity is not installed")
    ours, reference = (metric_side.measure(name, side, 60, 12) for side in ("ours", "reference"))
    assert ours["figure"] == pytest.approx(reference["figure"], rel=1e-4)
    assert ours["seconds"] > 0
    assert 50 < ours["megabytes"] < 20_000


def test_features_are_of_the_seed_and_of_one_distribution():
    a, b = (metric_side.features(seed, 2000, 64) for seed in (1, 2))
    assert a.dtype == np.float32
    assert (a >= 0).all()
    assert (a != b).any()
    np.testing.assert_allclose(a.mean(axis=0), b.mean(axis=0), atol=0.06)
    np.testing.assert_array_equal(a, metric_side.features(1, 2000, 64))


def test_the_last_line_is_what_it_came_to(capsys):
    metric_side.main(["frechet_distance", "ours", "20", "3"])
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said.keys() == {"seconds", "figure", "megabytes"}


def test_every_name_has_its_sides():
    assert tuple(metric_side.METRICS) == metrics.NAMES


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--only", "frechet"], "--only is frechet: it must be one of frechet_distance, "),
        (["--rounds", "0"], "--rounds is 0: it must be a whole number of at least 1"),
        (["--quick", "--rounds", "3"], "--quick has 1 round: leave out --rounds"),
        (["--json", "/proc/x"], "--json /proc/x can't be written: "),
    ],
)
def test_mistakes_get_one_line(arguments, line, asked, capsys):
    assert metrics.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: " + line)
    assert said.count("\n") == 1
    assert not asked


def test_rows_go_to_a_file_and_a_table(asked, capsys, tmp_path):
    file = tmp_path / "metrics.json"
    assert metrics.main(["--quick", "--only", "kernel_distance", "--json", str(file)]) == 0
    (row,) = json.loads(file.read_text())
    assert (row["ours"], row["reference"], row["ratio"]) == (1.0, 5.0, 5.0)
    assert (row["ours_megabytes"], row["reference_megabytes"]) == (100.0, 500.0)
    assert row["difference"] == pytest.approx(0.8)
    _, line = capsys.readouterr().out.splitlines()
    assert line.split()[:6] == ["kernel_distance", "1.00", "s", "5.00", "s", "5.00"]
    assert asked == [("kernel_distance", side, (300, 64)) for side in ("ours", "reference")]


def test_sides_take_turns(asked):
    gate = Gate(2, 1e9, canary=lambda: 2.0, others=lambda: 0.0)
    assert metrics.compared("kernel_distance", (9, 3), gate)["kept_rounds"] == 2
    assert [side for _, side, _ in asked] == ["ours", "reference", "reference", "ours"]


def test_a_busy_machine_gives_no_figure(asked):
    gate = Gate(2, 0.0, canary=lambda: 1.0, others=lambda: 0.0)
    row = metrics.compared("kernel_distance", (9, 3), gate)
    assert row["ratio"] is row["difference"] is row["ours_megabytes"] is None
    assert " - " in metrics.table_line(row)


def test_what_needs_torch_fidelity_is_left_out_without(asked, capsys, monkeypatch):
    monkeypatch.setattr(fidelity, "is_installed", lambda: False)
    assert metrics.main(["--quick"]) == 0
    assert capsys.readouterr().out.startswith("2 left out: torch-fidelity is not installed")
    assert {name for name, _, _ in asked} == {"frechet_distance"}
