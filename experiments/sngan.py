"""SNGAN: a discriminator whose every layer is divided by its largest singular value.

    python -m experiments.sngan
    python -m experiments.sngan --preset cifar10 --dataset cifar10
    python -m experiments.sngan --preset imagenet128 --dataset photos/ --conditional

The generator is updated on as many fakes as the discriminator; the authors' code takes twice as
many.

On 2 CPU cores `small` comes to a Fréchet distance of 108.9 ± 4.8 in 44 s on MNIST (3 seeds; real
images have 1.8), and of 80.1 ± 6.7 in 62 s on Fashion-MNIST (3 seeds; real images have 0.4).

Reference:
  Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
  https://arxiv.org/abs/1802.05957; with labels, Miyato and Koyama, cGANs with Projection
  Discriminator, 2018, https://arxiv.org/abs/1802.05637
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.image_game import Game


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "cifar10", "imagenet128"] = "small"
    """small: minutes on a CPU. cifar10 and imagenet128: the papers' networks for images of 32x32
    and 128x128."""


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a GAN with spectral normalisation on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/sngan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "small":
        return dict(steps=800, batch_size=16, features=8, learning_rate=1e-3)
    if config.preset == "cifar10":
        return dict(resolution=32, steps=50_000, batch_size=64, features=256, learning_rate=2e-4)
    return dict(resolution=128, steps=450_000, batch_size=64, features=64, learning_rate=2e-4)


def networks(config: Settings) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of settled settings."""
    from gan_jax.models import resnet

    width = config.features
    common: dict[str, Any] = dict(
        num_classes=config.classes * config.conditional, dtype=config.dtype
    )
    if config.preset == "imagenet128":
        widths = [width * multiple for multiple in (1, 2, 4, 8, 16, 16)]
        generator = partial(resnet.Generator128, features=widths[::-1])
        return generator(channels=config.channels, **common), resnet.Discriminator128(
            features=widths, **common
        )
    base, doublings = image_game.pyramid(config.resolution)
    if config.preset == "small":
        widths = image_game.small_widths(width, config.resolution)
        critic = (widths + widths[-1:] * 3)[:4]
    else:
        widths, critic = [width] * (doublings + 1), [width // 2] * 4
    generator = resnet.Generator(base, widths[::-1], channels=config.channels, **common)
    return generator, resnet.Discriminator32(features=critic, **common)


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import losses, train

    updates = 5

    def adam(count: int) -> optax.GradientTransformation:
        """Make the optimizer of so many updates; on ImageNet the rate falls in the last ninth."""
        begin = count * 8 // 9 if config.preset == "imagenet128" else 0
        rate = optax.linear_schedule(config.learning_rate, 0.0, count - begin, begin)
        return optax.adam(rate, b1=0.0, b2=0.9)

    return image_game.Game(
        *networks(config),
        prior=train.normal_prior(128),
        steps=image_game.taking_turns(losses.hinge, updates=updates),
        optimizers=(adam(config.steps), adam(updates * config.steps)),
        ema=False,
        batches=updates,
        truncated=lambda limit: train.truncated_normal_prior(128, limit),
    )


PAGE = image_game.Page("python -m experiments.sngan", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
