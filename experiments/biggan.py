"""BigGAN: wide networks in large batches, latents at every block, orthogonal weights, truncation.

    python -m experiments.biggan --conditional
    python -m experiments.biggan --preset cifar10 --dataset cifar10 --conditional
    python -m experiments.biggan --preset imagenet128 --dataset photos/ --conditional
    python -m experiments.biggan truncation --workdir runs/biggan

On 2 CPU cores `small` comes to a Fréchet distance of 52.2 ± 1.8 in 52 s on MNIST (3 seeds; real
images have 1.8), and of 30.0 ± 6.2 in 68 s on Fashion-MNIST (3 seeds; real images have 0.4).

Reference:
  Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image Synthesis,
  2018, https://arxiv.org/abs/1809.11096
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from gan_jax import commands, image_game

if TYPE_CHECKING:
    from flax import linen as nn

    from gan_jax.image_game import Game
    from gan_jax.train import Fake, Shown
    from gan_jax.typing import Step


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "cifar10", "imagenet128"] = "small"
    """small: minutes on a CPU. imagenet128: the paper's networks for images of 128x128. cifar10:
    the authors' PyTorch code's for 32x32."""


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a BigGAN on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/biggan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "small":
        return dict(steps=1500, batch_size=32, features=8, learning_rate=1e-3)
    if config.preset == "cifar10":
        return dict(resolution=32, steps=125_000, batch_size=50, features=64, learning_rate=2e-4)
    return dict(resolution=128, steps=150_000, batch_size=2048, features=96, learning_rate=5e-5)


class Sizes(NamedTuple):
    """What the presets differ in.

    Attributes:
      multiples: widths of the generator's maps, from the last to the first, in `features`.
      critic: widths of the discriminator's blocks, from the first to the last.
      halvings: how many of them halve the image.
      attention: sides of maps that pass self-attention.
      latents: components of the latents for each block.
      updates: of the discriminator for one of the generator.
      faster: how many times the generator's learning rate the discriminator's is.
    """

    multiples: tuple[int, ...]
    critic: tuple[int, ...]
    halvings: int
    attention: tuple[int, ...]
    latents: int
    updates: int
    faster: float


def sizes(config: Settings) -> Sizes:
    """Return the sizes of a preset's game."""
    _, doublings = image_game.pyramid(config.resolution)
    if config.preset == "imagenet128":
        return Sizes((1, 2, 4, 8, 16, 16), (1, 2, 4, 8, 16, 16), 5, (64,), 20, 2, 4.0)
    if config.preset == "cifar10":
        return Sizes((4,) * (doublings + 1), (4,) * 4, 2, (), 32, 4, 1.0)
    widths = tuple(image_game.small_widths(1, config.resolution))
    return Sizes(widths, widths, min(2, doublings), (), 16, 1, 2.0)


def networks(config: Settings) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of settled settings."""
    from gan_jax.models import biggan

    common: dict[str, Any] = dict(
        num_classes=config.classes * config.conditional, dtype=config.dtype
    )
    size, base = sizes(config), image_game.pyramid(config.resolution)[0]
    wide = [config.features * multiple for multiple in size.multiples[::-1]]
    critic = [config.features * multiple for multiple in size.critic]
    common["attention_at"] = size.attention
    return (
        biggan.Generator(base, wide, channels=config.channels, **common),
        biggan.Discriminator(critic, size.halvings, **common),
    )


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import losses, penalties, train

    size, paper = sizes(config), config.preset == "imagenet128"
    dimension = size.latents * len(size.multiples)
    adam = partial(optax.adam, b1=0.0, b2=0.999, eps=1e-6)

    def steps(fake: Fake, shown: Shown) -> Sequence[Step]:
        orthogonal = penalties.weighted(1e-4, penalties.off_diagonal_orthogonal_penalty)
        terms = (orthogonal,) if paper else ()
        discriminator = train.discriminator_step(losses.hinge, fake, shown=shown)
        generator = train.generator_step(losses.hinge, fake, shown=shown, terms=terms)
        average = train.ema_step(0.9999 if config.preset != "small" else 0.995)
        repeated = train.repeat(size.updates, discriminator)
        return repeated, train.last_slice(size.updates, generator), average

    return image_game.Game(
        *networks(config),
        prior=train.normal_prior(dimension),
        steps=steps,
        optimizers=(adam(config.learning_rate), adam(size.faster * config.learning_rate)),
        batches=size.updates,
        truncated=lambda limit: train.truncated_normal_prior(dimension, limit),
        standing=100 if paper else 16,
    )


PAGE = image_game.Page("python -m experiments.biggan", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
