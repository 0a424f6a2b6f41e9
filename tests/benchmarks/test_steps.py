import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import steps
from benchmarks.gate import Round, row
from benchmarks.row import BENCHMARKS
from gan_jax.errors import RunError

ROOT = Path(__file__).parents[2]
KEYS = {"name", "ours", "reference", "ratio", "spread", "kept_rounds", "unit", "note"}
ROUNDS = [Round(0.010, 0.030), Round(0.010, 0.020), Round(0.012, 0.024)]


@pytest.fixture
def asked(monkeypatch):
    """Measure nothing; note what was asked for."""
    calls = []

    def measured(name, rounds):
        calls.append((name, rounds))
        return row(name, BENCHMARKS[name].unit, ROUNDS[:rounds])

    monkeypatch.setattr(steps, "measured", measured)
    return calls


def without_torch(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )


def test_every_name_has_its_benchmark():
    assert tuple(BENCHMARKS) == steps.NAMES
    assert len(set(steps.NAMES)) == 18


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--only", "dcgan"], "--only is dcgan: it must be one of dcgan32_b64_vs_torch, "),
        (["--rounds", "0"], "--rounds is 0: it must be a whole number of at least 1"),
        (["--rounds", "many"], "--rounds is ['many']: it must be INT"),
        (["--quick", "--rounds", "3"], "--quick has 3 rounds: leave out --rounds"),
        (["--ronuds", "3"], "unknown option --ronuds: did you mean --rounds?"),
        (["--json", "{folder}"], "--json {folder} can't be written: Is a directory"),
        (["--json", "/proc/x"], "--json /proc/x can't be written: "),
    ],
)
def test_mistakes_get_one_line(arguments, line, asked, capsys, tmp_path):
    arguments = [argument.format(folder=tmp_path) for argument in arguments]
    assert steps.main(arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: " + line.format(folder=tmp_path))
    assert said.count("\n") == 1
    assert not asked


def test_rows_go_to_a_file_and_a_table(asked, capsys, tmp_path):
    file = tmp_path / "new" / "speed.json"
    names = ["pmap_2devices", "dcgan32_b64_vs_flax"]
    assert steps.main(["--json", str(file), "--only", *names]) == 0
    rows = json.loads(file.read_text())
    assert [row["name"] for row in rows] == names[::-1]
    assert all(row.keys() == KEYS for row in rows)
    assert rows[0]["ratio"] == 2.0
    assert asked == [(name, 15) for name in names[::-1]]
    heading, first, _ = capsys.readouterr().out.splitlines()
    assert heading.split() == ["benchmark", "ours", "reference", "ratio", "spread", "rounds"]
    assert first.split() == [
        "dcgan32_b64_vs_flax",
        "10.00",
        "ms",
        "24.00",
        "ms",
        "2.00",
        "0.500",
        "3",
    ]


def test_rows_measured_before_a_failure_are_kept(asked, capsys, monkeypatch, tmp_path):
    measured = steps.measured

    def broken(name, rounds):
        if name == "pmap_2devices":
            raise RunError("pmap_2devices failed: why")
        return measured(name, rounds)

    monkeypatch.setattr(steps, "measured", broken)
    file = tmp_path / "speed.json"
    assert steps.main(["--json", str(file), "--only", "pmap_1device", "pmap_2devices"]) == 1
    assert [row["name"] for row in json.loads(file.read_text())] == ["pmap_1device"]
    assert capsys.readouterr().err == "error: pmap_2devices failed: why\n"


def test_quick_is_few_rounds(asked):
    assert steps.main(["--quick", "--only", "peak_memory_mb"]) == 0
    assert asked == [("peak_memory_mb", 3)]


def test_without_torch_its_rows_are_left_out(asked, capsys, monkeypatch):
    without_torch(monkeypatch)
    assert steps.main(["--rounds", "1"]) == 0
    assert [name for name, _ in asked] == [
        "dcgan32_b64_vs_flax", "r1_vs_flax",
        "warm_start_seconds", "cold_start_seconds", "peak_memory_mb",
        "pmap_1device", "pmap_2devices", "pmap_4devices", "pmap_8devices",
    ]  # fmt: skip
    assert capsys.readouterr().out.startswith("9 left out: PyTorch is not installed")


@pytest.mark.parametrize(
    ("unit", "ours", "cell"),
    [
        ("s/step", 0.0123, "12.30 ms"),
        ("s/1000 images", 1.5, "1.50 s"),
        ("s", 4.25, "4.25 s"),
        ("MB", 812.4, "812 MB"),
        ("s/step", None, "-"),
    ],
)
def test_quantities_have_units(unit, ours, cell):
    line = steps.table_line({**row("game", unit, [], "a note"), "ours": ours})
    assert line.split() == ["game", *cell.split(), "-", "-", "-", "0", "a", "note"]


def test_a_benchmark_that_fails_says_why():
    with pytest.raises(RunError, match="nothing failed: KeyError: 'nothing'"):
        steps.measured("nothing", 1)


def test_help_loads_nothing_heavy():
    code = """
import contextlib, io, sys, benchmarks.steps
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    benchmarks.steps.main(["--help"])
print(*sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    loaded = set(done.stdout.split())
    assert "tyro" in loaded
    assert not loaded & {"jax", "numpy", "torch", "flax"}
