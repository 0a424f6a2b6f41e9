"""SAGAN: self-attention, spectral normalisation in both players, two time scales.

    python -m experiments.sagan
    python -m experiments.sagan --preset imagenet128 --dataset photos/ --conditional

On 2 CPU cores `small` comes to a Fréchet distance of 62.2 ± 12.4 in 62 s on MNIST (3 seeds; real
images have 1.8), and of 41.2 ± 6.8 in 76 s on Fashion-MNIST (3 seeds; real images have 0.4).

Reference:
  Zhang et al., Self-Attention Generative Adversarial Networks, 2018,
  https://arxiv.org/abs/1805.08318
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.image_game import Game


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "imagenet128"] = "small"
    """small: minutes on a CPU. imagenet128: the paper's networks for images of 128x128."""


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a self-attention GAN on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/sagan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "small":
        return dict(steps=1400, batch_size=32, features=8, learning_rate=1e-3)
    return dict(resolution=128, steps=1_000_000, batch_size=256, features=64, learning_rate=1e-4)


def networks(config: Settings) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of settled settings."""
    from gan_jax.models import sagan

    common: dict[str, Any] = dict(
        num_classes=config.classes * config.conditional, dtype=config.dtype
    )
    base, doublings = image_game.pyramid(config.resolution)
    if config.preset == "imagenet128":
        widths = [config.features * multiple for multiple in (1, 2, 4, 8, 16, 16)]
        halvings, looking = 5, 32
    else:
        widths = image_game.small_widths(config.features, config.resolution)
        halvings, looking = min(2, doublings), config.resolution // 2
    generated = max(looking, 2 * base)  # images of two doublings at least have both sides alike
    return (
        sagan.Generator(
            base, widths[::-1], channels=config.channels, attention_at=(generated,), **common
        ),
        sagan.Discriminator(widths, halvings, attention_at=(looking,), **common),
    )


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import losses, train

    # The discriminator learns four times as fast instead of more often.
    rates = config.learning_rate, 4 * config.learning_rate
    return image_game.Game(
        *networks(config),
        prior=train.normal_prior(128),
        steps=image_game.taking_turns(losses.hinge),
        optimizers=tuple(optax.adam(rate, b1=0.0, b2=0.9) for rate in rates),
        ema=False,
        truncated=lambda limit: train.truncated_normal_prior(128, limit),
    )


PAGE = image_game.Page("python -m experiments.sagan", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
