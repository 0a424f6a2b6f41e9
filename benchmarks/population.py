"""What a population of small runs costs, against as many runs one by one, start-up included.

    python -m benchmarks.population --json benchmarks/results/population.json

A run is a GAN on the grid of 25 Gaussians, hidden width 64, batch 128. Separate runs are processes
that compile and train one seed each; a few are timed, and the time of all follows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run

__all__ = ["Options", "main", "separate_and_together", "spreads"]

PROGRAM = "python -m benchmarks.population"


@dataclass(frozen=True)
class Options:
    """Time a population against separate runs, and the ways to spread it."""

    members: int = 64
    """Runs in the population."""
    steps: int = 2000
    """Training steps of each."""
    sample: int = 4
    """Separate runs that are timed."""
    rounds: int = 3
    """Rounds of timing the spreads."""
    json: Path | None = None
    """File for the results."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("members", "steps", "sample", "rounds"):
            value = getattr(self, name)
            require(value >= 1, name, value, "a whole number of at least 1")
        require(self.sample <= self.members, "sample", self.sample, "at most the members")


def whole_run(steps: int) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return a run as a function of its hyper-parameters and key, and the settings."""
    from experiments.mixtures.recipes import make_game, settle
    from gan_jax import lab

    settings = settle("relativistic", {})
    return partial(lab.finish, make_game("grid", settings, steps), count=100), settings


def members(settings: Mapping[str, Any], seeds: Sequence[int]) -> tuple[dict[str, Any], Any]:
    """Return hyper-parameters [N] and keys [N]."""
    from experiments.mixtures.recipes import repeated
    from gan_jax import train

    return repeated(settings, len(seeds)), train.seed_keys(seeds)


def work(kind: str, first: int, count: int, steps: int, path: Path) -> None:
    """Train, in this process, one run or a population; leave the samples in a file."""
    import jax

    from gan_jax import compilation, train

    compilation.use_compilation_cache()
    if kind == "together":
        compilation.split_cpu(count)
    whole, settings = whole_run(steps)
    given, keys = members(settings, range(first, first + count))
    if kind == "together":
        fakes = train.population(whole, given, keys)
    else:
        fakes = jax.jit(whole)({name: value[0] for name, value in given.items()}, keys[0])[None]
    np.save(path, np.asarray(fakes))


def timed(kind: str, first: int, count: int, steps: int, cache: Path) -> tuple[float, np.ndarray]:
    """Time a process of `work`; return its seconds and its samples."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fakes.npy"
        command = [sys.executable, "-m", "benchmarks.population", "worker", kind]
        command += [str(first), str(count), str(steps), str(path)]
        environment = {**os.environ, "GAN_JAX_CACHE": str(cache)}
        environment.pop("JAX_COMPILATION_CACHE_DIR", None)
        begun = time.perf_counter()
        subprocess.run(command, check=True, env=environment)
        return time.perf_counter() - begun, np.load(path, allow_pickle=False)


def separate_and_together(options: Options) -> dict[str, Any]:
    """Time processes of one run and of all runs, with and without compiled programs at hand.

    Args:
      options: how many of what.

    Returns:
      Seconds of a separate run and of the population, each `cold` and `warm`, the ratios of the
      population to all separate runs, and by how much the samples of a member differ at most from
      those of its separate run.
    """
    with tempfile.TemporaryDirectory() as folder:
        cold, warm, alone = [], [], []
        for seed in range(options.sample):
            own = Path(folder) / f"separate_{seed}"
            seconds, fakes = timed("separate", seed, 1, options.steps, own)
            cold.append(seconds)
            alone.append(fakes[0])
            warm.append(timed("separate", seed, 1, options.steps, own)[0])
        shared = Path(folder) / "together"
        together, fakes = timed("together", 0, options.members, options.steps, shared)
        again, _ = timed("together", 0, options.members, options.steps, shared)
    difference = max(
        float(np.abs(one - other).max()) for one, other in zip(alone, fakes, strict=False)
    )
    return {
        "members": options.members,
        "steps": options.steps,
        "separate_cold": cold,
        "separate_warm": warm,
        "together_cold": together,
        "together_warm": again,
        "ratio_cold": together / (options.members * float(np.mean(cold))),
        "ratio_warm": again / (options.members * float(np.mean(warm))),
        "largest_difference": difference,
        "equal_bits": all(np.array_equal(a, b) for a, b in zip(alone, fakes, strict=False)),
    }


def spreads(options: Options) -> dict[str, float]:
    """Time the ways to spread a quarter of the members for a quarter of the steps, in turns.

    Args:
      options: how many of what.

    Returns:
      Training steps of all members per second without compilation, the best of the rounds, by way.
    """
    import jax

    from gan_jax import compilation, train

    compilation.split_cpu(2)
    count, steps = max(1, options.members // 4), max(1, options.steps // 4)
    whole, settings = whole_run(steps)
    given = members(settings, range(count))
    ways = {
        "one_by_one": train.one_by_one(whole),
        "vectorized": train.vectorized(whole),
        "over_devices": train.over_devices(whole),
        "over_devices, vectorized": train.over_devices(whole, spread=train.vectorized),
    }
    for way in ways.values():
        jax.block_until_ready(way(*given))
    best = dict.fromkeys(ways, 0.0)
    for _ in range(options.rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            jax.block_until_ready(way(*given))
            seconds = time.perf_counter() - begun
            best[name] = max(best[name], count * steps / seconds)
    return best


def _run(options: Options) -> int:
    """Measure, print, and return the exit code."""
    write_results(options.json, {})
    results = {"processes": separate_and_together(options), "steps_per_second": spreads(options)}
    write_results(options.json, results)
    print(json.dumps(results, indent=2))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["worker"]:
        kind, first, count, steps, path = given[1:]
        work(kind, int(first), int(count), int(steps), Path(path))
        return 0
    return run(PROGRAM, {"population": Command(Options, _run)}, given)


if __name__ == "__main__":
    sys.exit(main())
