"""How many of the thousand modes of stacked digits each recipe covers.

    python -m benchmarks.stacked_mnist --json benchmarks/results/stacked_mnist.json
    python -m benchmarks.stacked_mnist --recipes pacgan2 --preset paper --seeds 1
    python -m docs.stacked_mnist

Every run is one of `experiments.stacked_mnist`, in a folder of its own: one that is there is gone
on with, and one that is over is only read. The figures of `docs/stacked_mnist.md` come from here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.results_file import write_results
from experiments import stacked_mnist
from gan_jax.command_line import Command, require, run
from gan_jax.errors import RunError

__all__ = ["Options", "main", "merged", "outcome"]

PROGRAM = "python -m benchmarks.stacked_mnist"
COUNTS = (26_000, 25_600)
KEPT = ("modes", "mode_kl", "mode_kl_if_uniform", "frechet_distance")


@dataclass(frozen=True)
class Options:
    """Train recipes on stacked digits, and keep how many modes they cover."""

    recipes: tuple[Literal["dcgan", "pacgan2", "pacgan3", "pacgan4", "r3gan"], ...] = ()
    """Which to train; all if not given."""
    preset: Literal["small", "paper"] = "small"
    """How long, and how large the networks are."""
    dataset: Literal["stacked_mnist", "stacked_digits"] = "stacked_mnist"
    """What is stacked."""
    seeds: int = 3
    """Seeds of each recipe, from 0 on."""
    steps: int | None = None
    """Training steps; the recipe's own if not given."""
    workdir: Path = Path("runs/stacked_mnist")
    """Folder of the runs' folders."""
    json: Path | None = None
    """File for the results, an object a run; other runs in it are kept."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "from 1 to 1000")


def outcome(workdir: Path) -> dict[str, Any]:
    """Read what came of a run that is over.

    Args:
      workdir: its folder.

    Returns:
      What decided the run, the accuracy of the classifier, and under `measured`, by the number of
      samples, each figure of `KEPT` and `NAME_of_reals`, the same of real images.

    Raises:
      RunError: nothing was measured of it.
    """
    from gan_jax.evaluation import read_evaluation
    from gan_jax.workdir import read_config

    stored, evaluation = read_config(workdir), read_evaluation(workdir)
    if evaluation is None:
        raise RunError(f"{workdir}: nothing was measured, the same command goes on")
    settings = stored["config"]
    result = {name: settings[name] for name in ("dataset", "preset", "recipe", "seed")}
    result |= {"steps": evaluation.step, "command": stored["command"], "measured": {}}
    for figure in evaluation.figures:
        if figure.metric == "classifier_accuracy":
            result[figure.metric] = figure.value
        if figure.metric in KEPT:
            one = result["measured"].setdefault(str(figure.conditions.n_fake), {})
            one.setdefault(figure.metric, figure.value)  # the run's own figures come first
            one.setdefault(f"{figure.metric}_of_reals", figure.floor)
    return result


def merged(known: Sequence[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a result among others, in the place of one of the same run.

    How long a run took is known only to whoever did it in one go, and is kept.

    Args:
      known: results of other runs, or of the same one.
      new: what `outcome` returned, and the `seconds` it took, or None.

    Returns:
      All of them, in order.
    """

    def identity(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[name] for name in ("dataset", "preset", "recipe", "steps", "seed"))

    rows = {identity(row): row for row in known}
    seconds = new["seconds"] or rows.get(identity(new), new)["seconds"]
    rows[identity(new)] = {**new, "seconds": seconds}
    return [rows[key] for key in sorted(rows)]


def _play(options: Options, recipe: str, seed: int) -> dict[str, Any]:
    """Train one run and measure it by both protocols."""
    parts = [options.dataset, options.preset, recipe, *filter(None, [options.steps]), f"seed{seed}"]
    workdir = options.workdir / "-".join(map(str, parts))
    begun, fresh = time.monotonic(), not workdir.exists()
    words = ["--dataset", options.dataset, "--recipe", recipe, "--preset", options.preset]
    words += ["--seed", str(seed), "--workdir", str(workdir)]
    words += ["--steps", str(options.steps)] if options.steps else []
    _succeed(words)
    took = time.monotonic() - begun
    result = outcome(workdir)
    for count in COUNTS:
        if str(count) not in result["measured"]:
            _succeed(["evaluate", "--workdir", str(workdir), "--count", str(count)])
    return {**outcome(workdir), "seconds": round(took, 1) if fresh else None}


def _succeed(words: list[str]) -> None:
    if code := stacked_mnist.main(words):
        raise RunError(f"stopped with exit code {code}: {stacked_mnist.PAGE.program} {words}")


def _run(options: Options) -> int:
    """Train what is asked, and return the exit code."""
    rows: list[dict[str, Any]] = []
    if options.json is not None and options.json.exists():
        rows = json.loads(options.json.read_text(encoding="utf-8"))
    write_results(options.json, rows)
    recipes: Sequence[str] = options.recipes or tuple(stacked_mnist.PACKS)
    for recipe in recipes:
        for seed in range(options.seeds):
            result = _play(options, recipe, seed)
            rows = merged(rows, result)
            write_results(options.json, rows)
            print(json.dumps(result["measured"]), flush=True)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"stacked_mnist": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
