"""Stacked MNIST: a thousand known modes, and how many of them a generator covers.

    python -m experiments.stacked_mnist
    python -m experiments.stacked_mnist --recipe pacgan2 --workdir runs/pacgan2
    python -m experiments.stacked_mnist evaluate --workdir runs/pacgan2 --count 25600

Three random digits are the channels of one image; a classifier of single digits says which of the
1,000 combinations a sample is. Covering them all says little by itself, so the divergence from the
uniform distribution is measured too: it is 0.019 to expect of 26,000 samples of that, and a little
more of real stacks, since digits are not equally frequent.

As in PacGAN's experiment are the 128,000 stacks, the 64 packs of a batch, the 50 epochs of `paper`,
the latents and the optimizer. Not so: its digits are the training and the test images together, its
packs are the same throughout, its code updates the generator twice for the discriminator's once,
and its networks halve images four times, with kernels of 5x5, and not twice.

With `small`, on one core of two: `r3gan` covers 999.0 of the modes at a divergence of 0.187, after
27 minutes (seeds: 1). Of the others, `dcgan` covers 966.3 ± 15.0 of the modes at a divergence of
0.512 ± 0.070, after 15 minutes (seeds: 3).

Reference:
  Metz et al., Unrolled Generative Adversarial Networks, 2016, https://arxiv.org/abs/1611.02163;
  Lin et al., PacGAN: The power of two samples in generative adversarial networks, 2017,
  https://arxiv.org/abs/1712.04086; `r3gan` has the loss and the penalties of Huang et al., The GAN
  is dead; long live the GAN! A Modern GAN Baseline, 2024, https://arxiv.org/abs/2501.05441
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
    from flax import linen as nn

    from gan_jax.evaluation import Benchmark
    from gan_jax.image_game import Game
    from gan_jax.train import Fake, Shown
    from gan_jax.typing import Step

PACKS = {"dcgan": 1, "pacgan2": 2, "pacgan3": 3, "pacgan4": 4, "r3gan": 1}


@dataclass(frozen=True)
class Settings(image_game.ImageSettings):
    """What decides the result of a run."""

    dataset: Literal["stacked_mnist", "stacked_digits"] = "stacked_mnist"
    """stacked_mnist, or stacked_digits, which are stacks of 8x8 digits and need no network."""
    batch_size: int | None = None
    """Real packs that the discriminator sees per update, over all devices."""
    recipe: Literal["dcgan", "pacgan2", "pacgan3", "pacgan4", "r3gan"] = "r3gan"
    """dcgan: the plain game. pacgan2, ...: its discriminator sees so many samples at once.
    r3gan: a relativistic loss with R1 and R2, and no normalisation."""
    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU, where r3gan has dense networks and the others narrow convolutions.
    paper: convolutional networks from 128 channels on, 50 epochs of 128,000 packs."""
    gamma: tuple[float, float] | None = None
    """r3gan's strength of the R1 and R2 penalties, at the start and from 4/5 of the run on."""
    samples: int = 26_000
    """How many samples are judged when the run is over: 26000 as in VEEGAN and PacGAN, 25600 as in
    the experiments on unrolled GANs."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        labels = "left out: labels would name the modes"
        require(not self.conditional, "conditional", self.conditional, labels)
        require(self.channels in (None, 3), "channels", self.channels, "3, a digit in each")
        of_r3gan = "left out without --recipe r3gan"
        require(self.gamma is None or self.recipe == "r3gan", "gamma", self.gamma, of_r3gan)
        fits = self.gamma is None or all(1e-12 <= value <= 1e12 for value in self.gamma)
        require(fits, "gamma", self.gamma, "two numbers from 1e-12 to 1e12")
        require(1000 <= self.samples <= 100_000, "samples", self.samples, "from 1000 to 100000")


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a generator of stacked digits, and count the modes that it covers.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/stacked_mnist")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    modern: dict[str, Any] = dict(gamma=(0.5, 0.1)) if config.recipe == "r3gan" else {}
    if config.preset == "paper":
        return dict(modern, steps=100_000, batch_size=64, features=128, learning_rate=2e-4)
    if config.recipe == "r3gan":
        return dict(modern, steps=40_000, batch_size=64, features=256, learning_rate=1e-3)
    return dict(steps=20_000, batch_size=64, features=16, learning_rate=2e-4)


def networks(config: Any) -> tuple[nn.Module, nn.Module]:
    """Make the generator and the discriminator of settled settings."""
    from gan_jax import layers, models

    modern, width, side = config.recipe == "r3gan", config.features, config.resolution
    if modern and config.preset == "small":
        return (
            models.mlp.Generator((side, side, 3), features=(width,) * 3, dtype=config.dtype),
            models.mlp.Discriminator(features=(width,) * 2, dtype=config.dtype),
        )
    common: dict[str, Any] = dict(features=width, channels=3, dtype=config.dtype)
    if modern:
        common["norm"] = layers.no_norm
    return models.dcgan.pair(*image_game.pyramid(side), **common)


def packed_turns(packs: int, fake: Fake, shown: Shown) -> Sequence[Step]:
    """Play the plain game on packs."""
    from gan_jax import losses, train

    turns = image_game.taking_turns(losses.non_saturating)
    steps = turns(train.packed_fakes(packs, fake), shown)
    return [train.packed_step(packs, step) for step in steps]


def game(config: Any) -> Game:
    """Make the game of settled settings."""
    import optax

    from gan_jax import losses, penalties, train

    generator, discriminator = networks(config)
    if config.recipe != "r3gan":
        adam, packs = optax.adam(config.learning_rate, b1=0.5), PACKS[config.recipe]
        return image_game.Game(
            generator,
            discriminator,
            prior=train.uniform_prior(100),
            steps=partial(packed_turns, packs),
            optimizers=(adam, adam),
            ema=False,
            batches=packs,
            packs=packs,
            gaussian=False,
        )
    start, end = config.gamma
    annealed = max(1, config.steps * 4 // 5)
    gamma = optax.exponential_decay(start, annealed, end / start, end_value=end)
    both = [
        penalties.weighted(gamma, each) for each in (penalties.r1_penalty, penalties.r2_penalty)
    ]
    rate = optax.cosine_decay_schedule(config.learning_rate, config.steps, alpha=0.3)
    adam = optax.adam(rate, b1=0.0, b2=0.99)
    return image_game.Game(
        generator,
        discriminator,
        prior=train.normal_prior(64),
        steps=image_game.taking_turns(
            losses.relativistic, penalties=both, then=(train.ema_step(0.9995),)
        ),
        optimizers=(adam, adam),
        truncated=partial(train.truncated_normal_prior, 64),
        log_every=100 if config.preset == "small" else 20,
    )


def benchmark(config: Settings) -> Benchmark:
    """Say what is measured: the modes, by a classifier of single digits."""
    from gan_jax.evaluation import stacked_benchmark

    return stacked_benchmark(config.samples)


PAGE = image_game.Page(
    "python -m experiments.stacked_mnist", Config, Settings, recipe, game, benchmark
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return image_game.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
