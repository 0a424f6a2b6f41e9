"""All families on the same data, for about the same time: what each reaches and costs.

    python -m benchmarks.families --json benchmarks/results/families.json --pictures docs/families
    python -m benchmarks.families --families dcgan r3gan --datasets mnist --seeds 1
    python -m docs.families

Runs that are in the file already are not trained again. The figures of `docs/families.md` come from
here.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError

__all__ = ["Options", "main", "merged"]

PROGRAM = "python -m benchmarks.families"


@dataclass(frozen=True)
class Options:
    """Train the families with several seeds, and keep what each came to."""

    families: tuple[str, ...] = ()
    """Which to train; all if not given."""
    datasets: tuple[Literal["mnist", "fashion_mnist", "digits"], ...] = ("mnist", "fashion_mnist")
    """What to train on."""
    seeds: int = 3
    """Seeds of each, from 0 on."""
    pictures: Path | None = None
    """Folder for samples of the first seeds."""
    json: Path | None = None
    """File for the results, an object a run; other runs in it are kept."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "from 1 to 1000")


def merged(known: Sequence[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a row among others, in the place of one of the same run.

    Args:
      known: other rows.
      new: the row.

    Returns:
      All of them, the row last.
    """
    return [row for row in known if _identity(row) != _identity(new)] + [new]


def _identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("dataset", "family", "seed"))


def _measured(options: Options, name: str, dataset: str, seeds: list[int]) -> Iterator[Any]:
    """Yield the rows of a process that trains one family."""
    command = [sys.executable, "-m", "benchmarks.family", name, dataset, *map(str, seeds)]
    command += ["--pictures", str(options.pictures)] if options.pictures and 0 in seeds else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise RunError(f"stopped with exit code {process.returncode}: {' '.join(command[1:])}")


def _run(options: Options) -> int:
    """Train what is asked, and return the exit code."""
    from benchmarks.family import FAMILIES

    for name in options.families:
        require(name in FAMILIES, "families", name, f"one of {', '.join(map(repr, FAMILIES))}")
    rows: list[dict[str, Any]] = []
    if options.json is not None and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    write_results(options.json, rows)
    known, failed = {_identity(row) for row in rows}, []
    for dataset, name in itertools.product(options.datasets, options.families or tuple(FAMILIES)):
        missing = [seed for seed in range(options.seeds) if (dataset, name, seed) not in known]
        try:
            for row in _measured(options, name, dataset, missing) if missing else ():
                rows = merged(rows, row)
                write_results(options.json, rows)
                distance, floor = row["figures"]["frechet_distance"]
                said = f"{name} on {dataset}, seed {row['seed']}: {row['seconds']:.0f} s"
                print(f"{said}, distance {distance:.2f} (of reals {floor:.2f})", flush=True)
        except RunError as error:  # the others need not wait for it
            failed.append(error)
    if failed:
        raise failed[0]
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"families": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
