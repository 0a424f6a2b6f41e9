"""The first GAN: rectifiers against maxout, stochastic gradient descent with momentum.

    python -m experiments.vanilla
    python -m experiments.vanilla --loss minimax --workdir runs/minimax

On 2 CPU cores `small` comes to a Fréchet distance of 291.8 ± 26.4 in 48 s on MNIST (3 seeds; real
images have 1.8), and of 51.8 ± 1.1 in 72 s on Fashion-MNIST (3 seeds; real images have 0.4).

Reference:
  Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661, with
  the settings of the authors' code for MNIST. Not here: the dropout of its discriminator.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game

if TYPE_CHECKING:
    import optax

    from gan_jax.image_game import Game


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "paper"] = "small"
    """small: narrower, in minutes on a CPU. paper: as wide and as long as the authors' code."""
    loss: Literal["non_saturating", "minimax"] = "non_saturating"
    """What the generator minimises: the paper's advice, or the game's own value."""


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train the first GAN on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/vanilla")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "paper":
        return dict(steps=250_000, batch_size=100, features=1200, learning_rate=0.1)
    return dict(steps=8000, batch_size=64, features=400, learning_rate=3e-4)


def descent(config: Settings) -> optax.GradientTransformation:
    """Make the authors' optimizer: a rate that decays, and momentum that grows, from step to step.

    The rate falls by 1 / 1.000004 a step, not below 1e-6; the momentum rises from 0.5 to 0.7. In
    the minutes of `small` Adam gets further.
    """
    import optax

    if config.preset == "small":
        return optax.adam(config.learning_rate, b1=0.5)
    rate = optax.exponential_decay(config.learning_rate, 1, 1 / 1.000004, end_value=1e-6)
    momentum = optax.linear_schedule(0.5, 0.7, config.steps)
    return optax.inject_hyperparams(optax.sgd)(learning_rate=rate, momentum=momentum)


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    from gan_jax import losses, train
    from gan_jax.models import maxout

    shape, width = (config.resolution, config.resolution, config.channels), config.features
    common: dict[str, Any] = dict(
        num_classes=config.classes * config.conditional, dtype=config.dtype
    )
    return image_game.Game(
        maxout.Generator(shape, features=(width, width), **common),
        maxout.Discriminator(features=(width // 5, width // 5), **common),
        prior=train.uniform_prior(100),
        steps=image_game.taking_turns(getattr(losses, config.loss)),
        optimizers=(descent(config), descent(config)),
        ema=False,
        gaussian=False,
        log_every=100,
    )


PAGE = image_game.Page("python -m experiments.vanilla", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
