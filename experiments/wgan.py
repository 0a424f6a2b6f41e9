"""WGAN: a critic that measures a distance, its slope bounded by clipping or by a penalty.

    python -m experiments.wgan
    python -m experiments.wgan --bound clipping --workdir runs/clipped
    python -m experiments.wgan --preset paper --dataset photos/

Not here: the 100 updates of the critic that the first paper's code, though not its text, makes
before each of the first 25 updates of the generator.

On 2 CPU cores `small` comes to a Fréchet distance of 61.0 ± 4.5 in 54 s on MNIST (3 seeds; real
images have 1.8), and of 35.4 ± 3.6 in 78 s on Fashion-MNIST (3 seeds; real images have 0.4). On 2
CPU cores `small --bound clipping` comes to a Fréchet distance of 129.2 ± 17.6 in 47 s on MNIST (3
seeds; real images have 1.8), and of 62.5 ± 3.4 in 62 s on Fashion-MNIST (3 seeds; real images have
0.4).

Reference:
  Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, https://arxiv.org/abs/1701.07875;
  Gulrajani et al., Improved Training of Wasserstein GANs, 2017, https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, image_game
from gan_jax.command_line import require

if TYPE_CHECKING:
    import optax

    from gan_jax.image_game import Game
    from gan_jax.train import Fake, Shown
    from gan_jax.typing import Step


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU. paper: images of 64x64 and networks as wide as the papers'."""
    bound: Literal["penalty", "clipping"] = "penalty"
    """What bounds the critic's slope: the gradient penalty of the second paper, without batch
    normalisation in the critic, or the first paper's clipping of its parameters."""
    critic_updates: int = 5
    """Updates of the critic, each on a batch of its own, for one of the generator."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        accepted = "a whole number from 1 to 100"
        require(1 <= self.critic_updates <= 100, "critic_updates", self.critic_updates, accepted)


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a Wasserstein GAN on images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/wgan")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    rate = 1e-4 if config.bound == "penalty" else 5e-5
    if config.preset == "paper":
        return dict(resolution=64, steps=200_000, batch_size=64, features=128, learning_rate=rate)
    return dict(steps=1800, batch_size=32, features=16, learning_rate=10 * rate)


def optimizer(config: Settings) -> optax.GradientTransformation:
    """Make the optimizer of either player: without momentum where parameters are clipped."""
    import optax

    if config.bound == "penalty":
        return optax.adam(config.learning_rate, b1=0.5, b2=0.9)
    return optax.rmsprop(config.learning_rate, decay=0.99)


def game(config: Settings) -> Game:
    """Make the game of settled settings."""
    from gan_jax import layers, losses, models, penalties, train

    penalized, count = config.bound == "penalty", config.critic_updates
    slope = (penalties.weighted(10.0, penalties.gradient_penalty),) if penalized else ()

    def steps(fake: Fake, shown: Shown) -> Sequence[Step]:
        update = train.discriminator_step(losses.wasserstein, fake, shown=shown, penalties=slope)
        critic = update if penalized else train.chain(update, train.clip_step(0.01))
        generator = train.generator_step(losses.wasserstein, fake, shown=shown)
        return train.repeat(count, critic), train.last_slice(count, generator)

    generator, critic = models.dcgan.pair(
        *image_game.pyramid(config.resolution),
        features=config.features,
        channels=config.channels,
        num_classes=config.classes * config.conditional,
        dtype=config.dtype,
    )
    return image_game.Game(
        generator,
        critic.clone(norm=layers.no_norm) if penalized else critic,
        prior=train.normal_prior(100),
        steps=steps,
        optimizers=(optimizer(config), optimizer(config)),
        ema=False,
        batches=count,
        truncated=lambda limit: train.truncated_normal_prior(100, limit),
    )


PAGE = image_game.Page("python -m experiments.wgan", Config, Settings, recipe, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
