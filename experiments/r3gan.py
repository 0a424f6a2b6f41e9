"""R3GAN: a relativistic loss with both zero-centred gradient penalties, and no tricks.

    python -m experiments.r3gan
    python -m experiments.r3gan --preset cifar10 --dataset cifar10 --conditional
    python -m experiments.r3gan --preset ffhq256 --dataset photos/

On 2 CPU cores `small --steps 800` comes to a Fréchet distance of 217.2 ± 14.8 in 48 s on MNIST (3
seeds; real images have 1.8), and of 144.0 ± 13.6 in 50 s on Fashion-MNIST (3 seeds; real images
have 0.4). All of its 4,000 steps came to 76.8 on MNIST (one seed), in 13 minutes beside other work.

Reference:
  Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024,
  https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game
from gan_jax.command_line import require

if TYPE_CHECKING:
    import optax
    from flax import linen as nn

    from gan_jax.image_game import Game
    from gan_jax.train import Fake, GANState, Shown
    from gan_jax.typing import Step


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "cifar10", "ffhq256"] = "small"
    """small: minutes on a CPU. cifar10 and ffhq256: the paper's, for images of 32x32 and
    256x256."""
    gamma: tuple[float, float] | None = None
    """Strength of the R1 and R2 penalties, at the start and when all schedules have ended."""
    augment: float | None = None
    """Probability of augmentations when all schedules have ended; it grows from 0."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        fits = self.gamma is None or all(1e-12 <= value <= 1e12 for value in self.gamma)
        require(fits, "gamma", self.gamma, "two numbers from 1e-12 to 1e12")
        fits = self.augment is None or 0 <= self.augment <= 1
        require(fits, "augment", self.augment, "from 0 to 1")


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train an R3GAN on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/r3gan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    if config.preset == "small":
        small: dict[str, Any] = dict(steps=4000, batch_size=16, features=8, learning_rate=1e-3)
        return dict(small, gamma=(1.0, 0.1), augment=0.0)
    if config.preset == "cifar10":
        paper: dict[str, Any] = dict(batch_size=512, features=768, learning_rate=2e-4)
        return dict(paper, resolution=32, steps=488_000, gamma=(0.05, 0.005), augment=0.55)
    paper = dict(batch_size=256, features=768, learning_rate=2e-4)
    return dict(paper, resolution=256, steps=586_000, gamma=(150.0, 15.0), augment=0.3)


def networks(config: Settings) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of settled settings.

    The paper's maps are `features` wide up to a side of 32, and then half as wide from size to
    size; in `small`, `features` are those of the largest maps, smaller ones have more, and there is
    one block of each size and not two.
    """
    from gan_jax.models import r3gan

    base, doublings = image_game.pyramid(config.resolution)
    sides = [base << level for level in range(doublings + 1)]
    wide = [config.features * 32 // max(side, 32) for side in sides]
    common: dict[str, Any] = dict(
        num_classes=config.classes * config.conditional, dtype=config.dtype
    )
    if config.preset == "small":
        wide = image_game.small_widths(config.features, config.resolution)[::-1]
        common["blocks"] = 1
    return (
        r3gan.Generator(wide, base=base, channels=config.channels, **common),
        r3gan.Discriminator(wide[::-1], **common),
    )


def optimizer(config: Settings, steps: int) -> optax.GradientTransformation:
    """Make Adam without momentum, its memory getting longer and its rate smaller."""
    import optax

    rate = optax.cosine_decay_schedule(config.learning_rate, steps, alpha=0.25)
    shorter = optax.cosine_decay_schedule(0.09, steps)
    return optax.inject_hyperparams(optax.adam)(
        learning_rate=rate, b1=0.0, b2=lambda count: 0.99 - shorter(count)
    )


def schedule(config: Settings) -> int:
    """Return after how many steps all that changes has ended: the paper's 20 million images."""
    if config.preset == "small":
        return max(1, config.steps * 4 // 5)
    return min(config.steps, 20_000_000 // config.batch_size)


def average(config: Settings, steps: int) -> optax.Schedule:
    """Make the decay of the averaged generator, whose half-life grows over so many steps."""
    from gan_jax import train

    images = steps * config.batch_size
    half_life = images / 4 if config.preset != "ffhq256" else images / 40
    return train.half_life_decay(
        half_life, batch_size=config.batch_size, ramp_up=half_life / images
    )


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import augment, losses, penalties, train

    annealed = schedule(config)
    start, end = config.gamma
    falling = optax.cosine_decay_schedule(start, annealed, alpha=end / start)
    both = tuple(
        penalties.weighted(falling, penalty)
        for penalty in (penalties.r1_penalty, penalties.r2_penalty)
    )

    def steps(fake: Fake, shown: Shown) -> Sequence[Step]:
        def updates(see: Any = None) -> Step:
            return train.chain(
                train.discriminator_step(
                    losses.relativistic, fake, shown=shown, penalties=both, augment=see
                ),
                train.generator_step(losses.relativistic, fake, shown=shown, augment=see),
            )

        def augmented(state: GANState) -> Step:
            share = 1 - optax.cosine_decay_schedule(1.0, annealed)(state.step)
            return updates(augment.adaptive_augment(config.augment * share))

        step = train.state_dependent(augmented) if config.augment else updates()
        return step, train.ema_step(average(config, annealed))

    return image_game.Game(
        *networks(config),
        prior=train.normal_prior(64),
        steps=steps,
        optimizers=(optimizer(config, annealed), optimizer(config, annealed)),
        truncated=partial(train.truncated_normal_prior, 64),
    )


PAGE = image_game.Page("python -m experiments.r3gan", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
