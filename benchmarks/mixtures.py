"""What each recipe makes of a grid of 25 and a ring of 8 Gaussians, and which ingredient does what.

    python -m benchmarks.mixtures --json benchmarks/results/mixtures.json
    python -m benchmarks.mixtures --only "grid, equal steps" --seeds 2 --steps 2000

All seeds of a recipe train in one program, shared out over two virtual devices. The tables of
`docs/mixtures.md` come from here.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.results_file import write_results
from gan_jax.command_line import Command, require, run

if TYPE_CHECKING:
    from gan_jax.lab import Game

__all__ = [
    "FIGURES",
    "SECTIONS",
    "Options",
    "main",
    "published_table",
    "rates",
    "record_table",
    "table",
]

PROGRAM = "python -m benchmarks.mixtures"
COMPARED = {
    "non-saturating": "non-saturating",
    "minimax (saturating)": "minimax",
    "least squares": "least-squares",
    "hinge + spectral norm": "hinge-spectral",
    "Wasserstein, clipped": "wasserstein-clip",
    "Wasserstein + gradient penalty": "wasserstein-gp",
    "packs of 2 (PacGAN)": "pacgan",
    "relativistic + R1 + R2": "relativistic",
}
ABLATION: dict[str, dict[str, Any]] = {
    "the whole recipe": {},
    "without signs among the latents": dict(normals=8, signs=0),
    "... and equal learning rates": dict(normals=8, signs=0, generator_rate=1.0),
    "equal learning rates": dict(generator_rate=1.0),
    "gamma constant at its last value": dict(gamma=1e-3, gamma_fall=1.0),
    "gamma constant at 0.1": dict(gamma=0.1, gamma_fall=1.0),
    "R1 alone": dict(penalties=("r1_penalty",)),
    "R2 alone": dict(penalties=("r2_penalty",)),
    "no penalty": dict(penalties=()),
    "non-saturating loss": dict(loss="non_saturating"),
    "no Fourier features": dict(octaves=0),
    "Adam's beta1 0.5": dict(beta1=0.5),
}
SECTIONS = (
    "grid, equal steps", "grid, equal time", "ring, equal steps", "ring, equal time", "ablation",
)  # fmt: skip
FIGURES = {
    "modes": ("modes", 1, 1),
    "full_modes": ("full modes", 1, 1),
    "high_quality": ("high quality", 100, 1),
    "reverse_kl": ("reverse KL", 1, 4),
    "reverse_kl_with_nowhere": ("with nowhere", 1, 3),
    "spread": ("spread", 1, 2),
}
PUBLISHED = (
    ("GAN", "1 / 99.3 / -", "3.3 / 0.5 / -", "VEEGAN, table 1"),
    ("ALI", "2.8 / 0.13 / -", "15.8 / 1.6 / -", "VEEGAN, table 1"),
    ("Unrolled GAN", "7.6 / 35.6 / -", "23.6 / 16 / -", "VEEGAN, table 1"),
    ("VEEGAN", "8 / 52.9 / -", "24.6 / 40 / -", "VEEGAN, table 1"),
    ("GAN", "6.3 / 98.2 / 0.45", "17.3 / 94.8 / 0.70", "PacGAN, table 1"),
    ("ALI", "6.6 / 97.6 / 0.36", "24.1 / 95.7 / 0.14", "PacGAN, table 1"),
    ("PacGAN2", "7.9 / 95.6 / 0.07", "23.8 / 91.3 / 0.13", "PacGAN, table 1"),
    ("PacGAN3", "7.8 / 97.7 / 0.10", "24.6 / 94.2 / 0.06", "PacGAN, table 1"),
    ("PacGAN4", "7.8 / 95.9 / 0.07", "24.8 / 93.6 / 0.04", "PacGAN, table 1"),
)
MODES = {"grid": 25, "ring": 8}
ROUND_STEPS, ROUNDS = 500, 3


@dataclass(frozen=True)
class Options:
    """Play every recipe on the grid and the ring, and print how it went."""

    only: tuple[str, ...] = ()
    """Sections to play; all if not given."""
    seeds: int = 8
    """Seeds of each recipe."""
    steps: int = 30_000
    """Training steps on the grid, a multiple of 300; on the ring there are 2/3 as many."""
    json: Path | None = None
    """File for the results; it grows with every recipe, and what is in it is not played again."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in self.only:
            require(name in SECTIONS, "only", name, f"one of {', '.join(map(repr, SECTIONS))}")
        require(self.seeds >= 1, "seeds", self.seeds, "a whole number of at least 1")
        fits = self.steps >= 300 and self.steps % 300 == 0
        require(fits, "steps", self.steps, "a multiple of 300")


def _game(target: str, options: Mapping[str, Any], steps: int) -> tuple[Game, dict[str, Any]]:
    """Return a game and its settings, as `experiments.mixtures` makes them."""
    from experiments.mixtures.recipes import make_game, settle

    settings = settle(options.get("recipe", "relativistic"), options)
    return make_game(target, settings, steps), settings


def play(target: str, options: Mapping[str, Any], *, seeds: int, steps: int) -> dict[str, Any]:
    """Play a recipe with all seeds in one program.

    Args:
      target: `"grid"` or `"ring"`.
      options: of `experiments.mixtures`, by name.
      seeds: how many, from 0.
      steps: training steps.

    Returns:
      `steps`, and each figure with one value a seed.
    """
    from experiments.mixtures.recipes import repeated
    from gan_jax import lab, train

    game, settings = _game(target, options, steps)
    fakes = train.population(
        partial(lab.finish, game, count=lab.SAMPLES),
        repeated(settings, seeds),
        train.seed_keys(range(seeds)),
    )
    figures = lab.judge_all(game.distribution, fakes)
    return {"steps": steps, **{name: figures[name].round(6).tolist() for name in FIGURES}}


def rates(target: str) -> dict[str, float]:
    """Measure how fast each recipe trains, all in turns, so that all meet the same machine.

    Args:
      target: `"grid"` or `"ring"`.

    Returns:
      By name, training steps per second of one seed on each of two devices: the best of the rounds.
    """
    import jax

    from experiments.mixtures.recipes import repeated
    from gan_jax import lab, train

    runs: dict[str, Any] = {}
    for name, recipe in COMPARED.items():
        game, settings = _game(target, {"recipe": recipe}, ROUND_STEPS)
        play_out = train.usual_spread()(partial(lab.finish, game, count=1))
        runs[name] = (play_out, repeated(settings, 2), train.seed_keys(range(2)))
        jax.block_until_ready(play_out(*runs[name][1:]))
    best = dict.fromkeys(runs, 0.0)
    for _ in range(ROUNDS):
        for name, (play_out, *given) in runs.items():
            begun = time.monotonic()
            jax.block_until_ready(play_out(*given))
            best[name] = max(best[name], ROUND_STEPS / (time.monotonic() - begun))
    return best


def table(section: Mapping[str, Mapping[str, Any]], *, modes: int = 25) -> str:
    """Lay out a section's results as a table in Markdown.

    Args:
      section: what `play` returned, by name.
      modes: how many there are.

    Returns:
      The table: mean and standard deviation over the seeds (those with samples of high quality,
      where that is needed), and in how many of them every mode is full.
    """
    import numpy as np

    heads = ["recipe", "steps", *(title for title, *_ in FIGURES.values()), "all modes full"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, row in section.items():
        cells = [name, f"{row['steps']:,}"]
        for figure, (_, scale, digits) in FIGURES.items():
            # Where there is no sample of high quality, its figures are not defined.
            values = np.array(row[figure], np.float64) * scale
            if np.isnan(values).all():
                cells.append("-")
                continue
            unit = " %" if scale == 100 else ""
            mean, deviation = np.nanmean(values), np.nanstd(values)
            cells.append(f"{mean:.{digits}f} ± {deviation:.{digits}f}{unit}")
        full = sum(value >= modes for value in row["full_modes"])
        cells.append(f"{full} of {len(row['full_modes'])} seeds")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def record_table(target: str, figures: Mapping[str, Sequence[float]]) -> str:
    """Lay out the figures of `experiments.mixtures` as a table in Markdown, a column a seed.

    Args:
      target: what it is called.
      figures: what `--json` wrote, one entry a seed from 0 on.

    Returns:
      The table.
    """
    import numpy as np

    seeds = range(len(figures["modes"]))
    heads = [target, *(f"seed {seed}" for seed in seeds), "mean ± sd"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for figure, (title, scale, digits) in FIGURES.items():
        whole = figure in ("modes", "full_modes")
        values = np.array(figures[figure], np.float64) * scale
        unit = " %" if scale == 100 else ""
        cells = [f"{value:.{0 if whole else digits}f}" for value in values]
        mean = f"{values.mean():.{digits}f} ± {values.std():.{digits}f}{unit}"
        lines.append("| " + " | ".join([title, *cells, mean]) + " |")
    return "\n".join(lines)


def published_table() -> str:
    """Lay out the published rows as a table in Markdown.

    Returns:
      The table: modes, high quality in percent and reverse KL, of ring and grid, with the source.
    """
    heads = ["method", "ring: modes / high quality % / reverse KL", "grid: the same", "source"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in PUBLISHED)])


def _plans(section: str, options: Options, speed: Mapping[str, float]) -> dict[str, Any]:
    """Return what is played in a section: target, options and steps, by name."""
    steps = options.steps if section.startswith(("grid", "ablation")) else options.steps * 2 // 3
    if section == "ablation":
        return {name: ("grid", given, steps) for name, given in ABLATION.items()}
    target = section.split(",")[0]
    plans = {}
    for name, recipe in COMPARED.items():
        share = speed[name] / speed["relativistic + R1 + R2"] if "time" in section else 1.0
        plans[name] = (target, {"recipe": recipe}, max(100, round(steps * share / 100) * 100))
    return plans


def _run(options: Options) -> int:
    """Play what is asked, and return the exit code."""
    from gan_jax import compilation

    known = {}
    if options.json is not None and options.json.exists():
        known = json.loads(options.json.read_text(encoding="utf-8"))
    asked = {"seeds": options.seeds, "steps": options.steps}
    was = known.setdefault("options", asked)
    require(was == asked, "json", options.json, f"of the same options, not of {was}")
    write_results(options.json, known, indent=None)
    compilation.split_cpu(2)
    sections = [name for name in SECTIONS if not options.only or name in options.only]
    for section in sections:
        done = known.setdefault(section, {})
        target = "ring" if section.startswith("ring") else "grid"
        if "time" in section and f"{target} rates" not in known:
            known[f"{target} rates"] = rates(target)
        plans = _plans(section, options, known.get(f"{target} rates", {}))
        for name, (where, given, steps) in plans.items():
            if name in done:
                continue
            begun = time.monotonic()
            done[name] = play(where, given, seeds=options.seeds, steps=steps)
            write_results(options.json, known, indent=None)
            print(f"{section}: {name}: {time.monotonic() - begun:.0f} s", flush=True)
            print(table({name: done[name]}, modes=MODES[where]).splitlines()[-1], flush=True)
        print(section, table(done, modes=MODES[target]), sep="\n\n", end="\n\n")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    command = {"mixtures": Command(Options, _run)}
    return run(PROGRAM, command, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
