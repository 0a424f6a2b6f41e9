"""How fast the metrics are, and how much memory they take, against SciPy and torch-fidelity.

    python -m benchmarks.metrics
    python -m benchmarks.metrics --only frechet_distance --json metrics.json

Every computation is the first of a process of its own, now ours first, now the reference's; those
beside which something else ran do not count (see `benchmarks.gate`). torch-fidelity sums up kernels
in the precision of the features, which is single here: of a small distance only a few of its digits
agree with ours.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import gate
from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError, UsageError

__all__ = ["NAMES", "Options", "compared", "main", "table_line"]

PROGRAM = "python -m benchmarks.metrics"
NAMES = ("frechet_distance", "kernel_distance", "precision_recall")
ROUNDS, PATIENCE = 3, 600.0
FULL_SIZE, QUICK_SIZE = (10_000, 2048), (300, 64)
_HEADINGS = ("metric", "ours", "reference", "ratio", "spread", "MB", "MB", "differ by", "rounds")
_LINE = "{:<18} {:>9} {:>9} {:>7} {:>7} {:>6} {:>6} {:>9} {:>6}  {}"


@dataclass(frozen=True)
class Options:
    """Time the metrics of 10,000 x 2048 features, and print a table of them.

    A ratio above 1 says how many times faster this project is than the reference; its spread is the
    inter-quartile range over the rounds. Memory is the largest size of a process.
    """

    only: tuple[str, ...] = ()
    """Names of the metrics to compute; all if not given."""
    rounds: int | None = None
    """Rounds that are to count for each metric; 3 if not given."""
    quick: bool = False
    """Only see that it works, in one round, busy machine or not, of 300 x 64 features."""
    json: Path | None = None
    """File for the rows, one object each; it grows with every metric."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in self.only:
            require(name in NAMES, "only", name, f"one of {', '.join(NAMES)}")
        enough = self.rounds is None or self.rounds >= 1
        require(enough, "rounds", self.rounds, "a whole number of at least 1")
        if self.quick and self.rounds is not None:
            raise UsageError("--quick has 1 round: leave out --rounds")


def compared(name: str, size: tuple[int, int], which: gate.Gate) -> dict[str, Any]:
    """Compare our metric with the reference's.

    Args:
      name: of the metric.
      size: how many samples of how many dimensions.
      which: how many rounds are wanted, and which count.

    Returns:
      The row of `benchmarks.gate.row`, with the `megabytes` of `ours` and of the `reference`, and
      the relative `difference` of their figures.
    """
    figures: list[dict[str, dict[str, float]]] = []

    def one_round(number: int) -> dict[str, dict[str, float]]:
        order = ("ours", "reference") if number % 2 == 0 else ("reference", "ours")
        figures.append({side: _measured(name, side, size) for side in order})
        return figures[-1]

    kept = gate.gated(one_round, which)
    seconds = [gate.Round(one["ours"]["seconds"], one["reference"]["seconds"]) for one in kept]
    row = gate.row(name, "s", seconds, f"{size[0]} x {size[1]}")
    for side in ("ours", "reference"):
        sizes = [one[side]["megabytes"] for one in figures]
        row[f"{side}_megabytes"] = statistics.median(sizes) if sizes else None
    ours, reference = (
        [one[side]["figure"] for one in figures[:1]] for side in ("ours", "reference")
    )
    row["difference"] = abs(ours[0] / reference[0] - 1) if reference and reference[0] else None
    return row


def table_line(row: dict[str, Any]) -> str:
    """Lay out a row of the table.

    Args:
      row: as compared.

    Returns:
      A line.
    """
    return _LINE.format(
        row["name"],
        _number(row["ours"], "{:.2f} s"),
        _number(row["reference"], "{:.2f} s"),
        _number(row["ratio"], "{:.2f}"),
        _number(row["spread"], "{:.3f}"),
        _number(row["ours_megabytes"], "{:.0f}"),
        _number(row["reference_megabytes"], "{:.0f}"),
        _number(row["difference"], "{:.1e}"),
        row["kept_rounds"],
        row["note"],
    ).rstrip()


def _number(value: float | None, layout: str) -> str:
    return "-" if value is None else layout.format(value)


def _measured(name: str, side: str, size: tuple[int, int]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.metric_side", name, side, *map(str, size)]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RunError(f"{name} ({side}) failed: {said[-1]}") from None


def _chosen(options: Options) -> list[str]:
    """Choose the metrics, without those whose reference is not there."""
    from benchmarks import fidelity

    chosen = [name for name in NAMES if not options.only or name in options.only]
    without = [name for name in chosen if name == "frechet_distance"]
    if len(without) < len(chosen) and not fidelity.is_installed():
        print(f"{len(chosen) - len(without)} left out: torch-fidelity is not installed")
        return without
    return chosen


def _run(options: Options) -> int:
    """Measure what is asked, and return the exit code."""
    which = gate.Gate(options.rounds or ROUNDS, PATIENCE)
    if options.quick:
        which = gate.Gate(1, PATIENCE, canary=lambda: 2.0, others=lambda: 0.0)
    names, rows = _chosen(options), list[dict[str, Any]]()
    write_results(options.json, rows)
    print(_LINE.format(*_HEADINGS, "samples x dimensions"))
    for name in names:
        rows.append(compared(name, QUICK_SIZE if options.quick else FULL_SIZE, which))
        print(table_line(rows[-1]), flush=True)
        write_results(options.json, rows)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"metrics": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
