"""How fast the steps are, against PyTorch, against Flax's own convolutions, and on many devices.

    python -m benchmarks.steps
    python -m benchmarks.steps --only dcgan32_b64_vs_torch mlp2d_b256_vs_torch --json speed.json

Every benchmark runs in a process of its own, one at a time, on the CPU. Figures come from rounds in
which nothing else ran (see `benchmarks.gate`): on a busy machine a benchmark gives up after a while
and has none.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError, UsageError

__all__ = ["NAMES", "Options", "main", "measured", "table_line"]

PROGRAM = "python -m benchmarks.steps"
NAMES = (
    "dcgan32_b64_vs_torch",
    "dcgan32_b128_vs_torch",
    "dcgan32_b64_vs_flax",
    "dcgan32_b64_2devices_vs_torch",
    "wgan_gp_vs_torch",
    "r1_vs_torch",
    "r1_vs_flax",
    "mlp2d_b256_vs_torch",
    "sweep32_vs_torch",
    "sweep32_vs_torch_2processes",
    "sampling_vs_torch",
    "warm_start_seconds",
    "cold_start_seconds",
    "peak_memory_mb",
    "pmap_1device",
    "pmap_2devices",
    "pmap_4devices",
    "pmap_8devices",
)
ROUNDS, QUICK_ROUNDS = 15, 3
_HEADINGS = ("benchmark", "ours", "reference", "ratio", "spread", "rounds", "")
_LINE = "{:<30} {:>10} {:>10} {:>6} {:>7} {:>7}  {}"


@dataclass(frozen=True)
class Options:
    """Time training steps, and print a table of them.

    A ratio above 1 says how many times faster this project is than the reference; its spread is the
    inter-quartile range over the rounds.
    """

    only: tuple[str, ...] = ()
    """Names of the benchmarks to run; all if not given."""
    rounds: int | None = None
    """Rounds that are to count in each benchmark; 15 if not given."""
    quick: bool = False
    """Only see that it works, in 3 rounds."""
    json: Path | None = None
    """File for the rows, one object each; it grows with every benchmark."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in self.only:
            require(name in NAMES, "only", name, f"one of {', '.join(NAMES)}")
        enough = self.rounds is None or self.rounds >= 1
        require(enough, "rounds", self.rounds, "a whole number of at least 1")
        if self.quick and self.rounds is not None:
            raise UsageError("--quick has 3 rounds: leave out --rounds")


def measured(name: str, rounds: int) -> dict[str, Any]:
    """Measure a benchmark in a process of its own.

    Args:
      name: its name.
      rounds: how many rounds are to count.

    Returns:
      Its row.

    Raises:
      RunError: the process failed.
    """
    command = [sys.executable, "-m", "benchmarks.row", name, str(rounds)]
    # NumPy's own threads would go on spinning after a canary, into what is measured.
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RunError(f"{name} failed: {said[-1]}") from None


def table_line(row: dict[str, Any]) -> str:
    """Lay out a row of the table.

    Args:
      row: as measured.

    Returns:
      A line.
    """
    unit = row["unit"]
    return _LINE.format(
        row["name"],
        _quantity(row["ours"], unit),
        _quantity(row["reference"], unit),
        "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
        "-" if row["spread"] is None else f"{row['spread']:.3f}",
        row["kept_rounds"],
        row["note"],
    ).rstrip()


def _quantity(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    if unit == "s/step":
        return f"{value * 1e3:.2f} ms"
    return f"{value:.2f} s" if unit.startswith("s") else f"{value:.0f} {unit}"


def _chosen(options: Options) -> list[str]:
    """Choose the benchmarks, without those that need PyTorch where there is none."""
    chosen = [name for name in NAMES if not options.only or name in options.only]
    without = [name for name in chosen if "_vs_torch" not in name]
    if len(without) < len(chosen) and importlib.util.find_spec("torch") is None:
        print(
            f"{len(chosen) - len(without)} left out: PyTorch is not installed (pip install torch)"
        )
        return without
    return chosen


def _run(options: Options) -> int:
    """Measure what is asked, and return the exit code."""
    rounds = QUICK_ROUNDS if options.quick else options.rounds or ROUNDS
    rows: list[dict[str, Any]] = []
    names = _chosen(options)
    write_results(options.json, rows)
    print(_LINE.format(*_HEADINGS).rstrip())
    for name in names:
        rows.append(measured(name, rounds))
        print(table_line(rows[-1]), flush=True)
        write_results(options.json, rows)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"steps": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
