"""CycleGAN: two kinds of images without pairs, and two translators that undo each other.

    python -m experiments.cyclegan
    python -m experiments.cyclegan --task weights
    python -m experiments.cyclegan --dataset horse2zebra/ --preset paper
    python -m experiments.cyclegan translate --workdir runs/cyclegan --images photos/ --backward

Tasks that need no download are made of any data set, one half of it in each style, so that no pair
exists: light strokes on a dark grain and dark ones on light stripes, or thin and bold ones. A
folder has two, such as `trainA` and `trainB`.

Instances are normalised alone, in training and after it, and nothing is random but the order of the
data and the pool of earlier fakes.

`textures` of MNIST on one CPU core, 9.2 minutes, 3 seeds: Fréchet distance 2.58 ± 0.50 (source
304.01, real 1.64); label agreement 0.987 ± 0.001 (source 0.427, real 0.990). `weights` of MNIST on
one CPU core, 10.1 minutes, 1 seed: Fréchet distance 2.89 (source 231.90, real 2.29); label
agreement 0.990 (source 0.942, real 0.990).

Reference:
  Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks, 2017,
  https://arxiv.org/abs/1703.10593
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, translation
from gan_jax.command_line import require
from gan_jax.errors import UsageError

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.data import Unpaired
    from gan_jax.translation import Translation


@dataclass(frozen=True)
class Settings(translation.CycleSettings):
    """What decides the result of a run."""

    task: Literal["textures", "weights", "folders"] | None = None
    """textures: A is light on dark grain, B dark on light stripes. weights: A is thin, B bold.
    folders: those of a folder. If not given, folders of a folder and textures of anything else."""
    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU. paper: 9 residual blocks, 6 below 256x256, patches of 70 pixels."""


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a CycleGAN on two kinds of images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/cyclegan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    from gan_jax.data import is_path

    task = dict(task="folders" if is_path(config.dataset) else "textures", cycle_weight=10.0)
    if config.preset == "paper":
        return dict(
            task, resolution=256, steps=200_000, batch_size=1, features=64, learning_rate=2e-4,
            identity_weight=5.0, jitter=286 / 256,
        )  # fmt: skip
    return dict(
        task, steps=3000, batch_size=16, features=16, learning_rate=1e-3,
        identity_weight=0.0, jitter=0.0,
    )  # fmt: skip


def load(config: Settings, *, split: str, report: Any) -> Unpaired:
    """Load a split of the task."""
    from gan_jax import data
    from gan_jax.data import styles
    from gan_jax.data import translation as tasks

    fitted: dict[str, Any] = dict(
        split=split, resolution=config.resolution, channels=config.channels, report=report
    )
    if config.task == "folders":
        if not data.is_path(config.dataset):
            raise UsageError("--task is folders: --dataset must be a folder of two")
        both = data.load_unpaired(config.dataset, **fitted)
    else:
        kinds = {
            "textures": (styles.light_on_dark, styles.dark_on_light),
            "weights": (styles.thin, styles.bold),
        }
        both = tasks.unaligned(data.load(config.dataset, **fitted), *kinds[str(config.task)])
    return both if config.direction == "AtoB" else both.reversed


def networks(config: Any) -> tuple[nn.Module, nn.Module]:
    """Make the two translators and the two critics."""
    from gan_jax.models import cyclegan

    side, width, small = config.resolution, config.features, config.preset == "small"
    require(side % 4 == 0 and side >= 8, "resolution", side, "a multiple of 4 from 8 on")
    return cyclegan.pair(
        blocks=2 if small else 9 if side >= 256 else 6,
        features=width,
        channels=config.channels,
        widths=[width * n for n in ((1, 2) if small else (1, 2, 4, 8))],
        halvings=1 if small else 3,
        dtype=config.dtype,
    )


def game(config: Any) -> Translation:
    """Make the game of settled settings."""
    return translation.cycle_game(config, *networks(config))


PAGE = translation.Page("python -m experiments.cyclegan", Config, Settings, recipe, load, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return translation.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
