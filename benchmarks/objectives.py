"""What each objective makes of a grid of 25 Gaussians, and what its logged values look like.

    python -m benchmarks.objectives
    python -m benchmarks.objectives --only hinge "least squares" --seeds 4 --steps 2000

All seeds of a recipe train in one program, shared out over two virtual devices. The figures of
`docs/objectives.md` come from here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Options", "coverage", "log_table", "main", "table", "train_seeds"]

PROGRAM = "python -m benchmarks.objectives"
BATCH = 128
WINDOWS = 50
SAMPLES = 2500
MOMENTS = {"10 %": 4, "50 %": 24, "100 %": WINDOWS - 1}


@dataclass(frozen=True)
class Options:
    """Train every objective on a grid of 25 Gaussians, and print how it went."""

    only: tuple[str, ...] = ()
    """Names of the recipes to train; all if not given."""
    seeds: int = 8
    """Seeds of each recipe."""
    steps: int = 5000
    """Training steps, a multiple of 50."""
    json: Path | None = None
    """File for the results, one object a recipe; it grows with every one."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.seeds >= 1, "seeds", self.seeds, "a whole number of at least 1")
        fits = self.steps >= WINDOWS and self.steps % WINDOWS == 0
        require(fits, "steps", self.steps, f"a multiple of {WINDOWS}")


def coverage(points: np.ndarray) -> dict[str, float]:
    """Judge samples of the grid as VEEGAN and PacGAN do.

    Args:
      points: [N, 2], in the grid's own unit.

    Returns:
      `modes`, `full_modes`, `high_quality` and `reverse_kl` of `metrics.mixture_coverage`.
    """
    from gan_jax.data import grid
    from gan_jax.metrics import mixture_coverage

    modes = grid().modes
    assert modes is not None
    judged = mixture_coverage(points, modes.centres, modes.standard_deviation)
    kept = ("modes", "full_modes", "high_quality", "reverse_kl")
    return {name: float(getattr(judged, name)) for name in kept}


def train_seeds(name: str, *, seeds: int, steps: int) -> dict[str, Any]:
    """Train all seeds of a recipe in one program.

    Args:
      name: of the recipe.
      seeds: how many.
      steps: training steps.

    Returns:
      `coverage`, a name to one figure per seed, and `metrics`, a name to one row per seed, of its
      means in the windows at `MOMENTS`.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from benchmarks.recipes import LATENTS, RECIPES, SCALE, grid_points, make
    from gan_jax import train

    create, train_step = make(RECIPES[name], steps)
    sample = train.make_sampler(train.unconditional(train.normal_prior(LATENTS)))

    def one_seed(seed: jax.Array) -> tuple[jax.Array, Any]:
        create_key, data_key, sample_key = jax.random.split(jax.random.key(seed), 3)

        def step(state: train.GANState, _: None) -> tuple[train.GANState, Any]:
            key = jax.random.fold_in(data_key, state.step)
            return train_step(state, {"real": grid_points(key, BATCH * RECIPES[name].batches)})

        def window(state: train.GANState, _: None) -> tuple[train.GANState, Any]:
            state, metrics = jax.lax.scan(step, state, length=steps // WINDOWS)
            return state, jax.tree.map(lambda values: jnp.mean(values, axis=0), metrics)

        state, metrics = jax.lax.scan(window, create(create_key), length=WINDOWS)
        return sample(state.generator, {}, jax.random.split(sample_key, SAMPLES)), metrics

    devices = len(jax.devices())
    padded = -(-seeds // devices) * devices
    rows = jax.pmap(lambda seeds: jax.lax.map(one_seed, seeds))(
        jnp.arange(padded).reshape(devices, -1)
    )
    points, metrics = jax.tree.map(
        lambda x: np.asarray(x).reshape(padded, *x.shape[2:])[:seeds], rows
    )
    judged = [coverage(each / SCALE) for each in points]
    return {
        "coverage": {key: [row[key] for row in judged] for key in judged[0]},
        "metrics": {
            key: np.round(values[:, list(MOMENTS.values())], 5).tolist()
            for key, values in metrics.items()
        },
    }


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out results as a table in Markdown.

    Args:
      results: what `train_seeds` returned, by recipe.

    Returns:
      The table: how well the modes are covered (mean and standard deviation over the seeds), and
      what the discriminator's accuracy and the gap of its logits are at three moments (means).
    """
    import numpy as np

    heads = ["objective", "modes", "full modes", "high quality", "reverse KL"]
    heads += [f"accuracy at {m}" for m in MOMENTS] + [f"gap at {m}" for m in MOMENTS]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, result in results.items():
        scores = {key: np.asarray(values) for key, values in result["coverage"].items()}
        cells = [name]
        for key, scale, digits in (
            ("modes", 1, 1),
            ("full_modes", 1, 1),
            ("high_quality", 100, 0),
            ("reverse_kl", 1, 2),
        ):
            values = scores[key] * scale
            unit = " %" if scale == 100 else ""
            cells.append(f"{np.nanmean(values):.{digits}f} ± {np.nanstd(values):.{digits}f}{unit}")
        log = {key: np.mean(values, axis=0) for key, values in result["metrics"].items()}
        accuracy = (log["real_accuracy"] + log["fake_accuracy"]) / 2
        gap = log["real_logit"] - log["fake_logit"]
        cells += [f"{value:.2f}" for value in accuracy]
        cells += [f"{value:.3g}" for value in gap]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def log_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Lay out what else was logged as a table in Markdown.

    Args:
      results: what `train_seeds` returned, by recipe.

    Returns:
      The table: losses and gradient norms at the first and the last moment, means over the seeds.
    """
    import numpy as np

    first, *_, last = MOMENTS
    players = ("discriminator", "generator")
    names = [f"{player}_{what}" for what in ("loss", "gradient_norm") for player in players]
    heads = ["objective", *(f"{name.replace('_', ' ')}, {first} → {last}" for name in names)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, result in results.items():
        means = [np.mean(result["metrics"][metric], axis=0) for metric in names]
        cells = [f"{values[0]:.3g} → {values[-1]:.3g}" for values in means]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _run(options: Options) -> int:
    """Train what is asked, and return the exit code."""
    import jax

    from benchmarks.recipes import RECIPES

    for name in options.only:
        require(name in RECIPES, "only", name, f"one of {', '.join(map(repr, RECIPES))}")
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 2)
    names = [name for name in RECIPES if not options.only or name in options.only]
    results: dict[str, Any] = {}
    write_results(options.json, results, indent=None)
    for position, name in enumerate(names, 1):
        begun = time.monotonic()
        results[name] = train_seeds(name, seeds=options.seeds, steps=options.steps)
        took = time.monotonic() - begun
        print(f"[{position}/{len(names)}] {name}: {took:.0f} s", flush=True)
        print(table({name: results[name]}).splitlines()[-1], flush=True)
        write_results(options.json, results, indent=None)
    print(table(results), log_table(results), sep="\n\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"objectives": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
