"""Super-resolution: what a larger image may have been, not the mean of all it may have been.

    python -m experiments.super_resolution
    python -m experiments.super_resolution --adversarial-weight 0 --workdir runs/srresnet
    python -m experiments.super_resolution --dataset photos/ --preset paper --factor 4
    python -m experiments.super_resolution translate --workdir runs/super_resolution --images small/

Any data set is its own task: sources are its images made smaller by Pillow's bicubic filter. The
generator first learns pixels alone, then plays; `--adversarial-weight 0` leaves it at that, an
SRResNet.
Pixels alone have the better PSNR, and look blurred; the game's images are sharper and their pixels
further off. After training, batch normalisation uses running statistics, and nothing is random.

The paper's content loss is of the features of a VGG network, whose weights are not at hand: here it
is of pixels, and `--perceptual` adds one of the features of a classifier that is trained on the
data set itself.

`larger` of MNIST on one CPU core, 8.4 minutes, 3 seeds: PSNR 22.84 ± 0.32 dB (bicubic 14.45);
sharpness 0.0402 ± 0.0002 (bicubic 0.0063, real 0.0407); Fréchet distance 0.79 ± 0.15 (bicubic
338.26, real 1.70). `larger, pixels alone` of MNIST on one CPU core, 5.6 minutes, 3 seeds: PSNR
23.84 ± 0.12 dB (bicubic 14.45); sharpness 0.0363 ± 0.0002 (bicubic 0.0063, real 0.0407); Fréchet
distance 1.09 ± 0.11 (bicubic 338.26, real 1.70).

Reference:
  Ledig et al., Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
  Network, 2016, https://arxiv.org/abs/1609.04802
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_jax import commands, translation
from gan_jax.command_line import require
from gan_jax.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from flax import linen as nn

    from gan_jax.data import Pairs
    from gan_jax.train import Fake
    from gan_jax.translation import Translation
    from gan_jax.typing import Array, Step


@dataclass(frozen=True)
class Settings(translation.TranslationSettings):
    """What decides the result of a run."""

    factor: int = 4
    """How many times larger images become."""
    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU. paper: 16 residual blocks, for images of 96x96."""
    adversarial_weight: float | None = None
    """Weight of the critic's opinion beside the mean squared error; 0 leaves the critic out."""
    perceptual: float | None = None
    """Weight of the distance by a classifier's features, 0 for none."""
    pixel_steps: int | None = None
    """Training steps by pixels alone, before the critic joins."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        translation.check_weights(self, "adversarial_weight", "perceptual")
        first = self.pixel_steps
        require(first is None or first >= 0, "pixel_steps", first, "0 or more")
        require(self.factor in (2, 4, 8), "factor", self.factor, "2, 4 or 8")
        if self.direction != "AtoB":
            raise UsageError("--direction was given: images become larger, not smaller")


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a generator that enlarges images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/super_resolution")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    usual = 1_200_000 if config.preset == "paper" else 4000
    steps = config.steps or usual
    if config.preset == "paper":
        return dict(
            resolution=96, steps=usual, batch_size=16, features=64, learning_rate=1e-4,
            adversarial_weight=1e-3, perceptual=0.0, pixel_steps=steps * 5 // 6,
        )  # fmt: skip
    return dict(
        steps=usual, batch_size=32, features=32, learning_rate=1e-3,
        adversarial_weight=1e-3, perceptual=0.0, pixel_steps=steps * 3 // 4,
    )  # fmt: skip


def load(config: Settings, *, split: str, report: Any) -> Pairs:
    """Load a split of the task."""
    from gan_jax import data
    from gan_jax.data import translation as tasks

    images = data.load(
        config.dataset,
        split=split,
        resolution=config.resolution,
        channels=config.channels,
        report=report,
    )
    return tasks.smaller(images, config.factor)


def networks(config: Any) -> tuple[nn.Module, nn.Module]:
    """Make the network that enlarges, and the critic of what it makes."""
    from gan_jax.models import srgan

    side, width = config.resolution, config.features
    small = config.preset == "small"
    halvings = min(2 if small else 4, (side & -side).bit_length() - 1)
    require(halvings >= 2, "resolution", side, "a multiple of 4")
    generator = srgan.Generator(config.factor, width, 4 if small else 16, dtype=config.dtype)
    widths = [width * 2**depth for depth in range(halvings)]
    hidden = 256 if small else 1024
    return generator, srgan.Discriminator(widths, hidden, dtype=config.dtype)


def content(config: Any) -> Sequence[Callable[..., Array]]:
    """Make the terms that hold an image to its target."""
    from gan_jax import losses

    def squared_error(*, fake: Array, real: Array, **_: Any) -> Array:
        return translation.per_example(losses.l2_loss, fake, real)

    if not config.perceptual:
        return (squared_error,)
    features = translation.classifier_features(
        lambda split: load(config, split=split, report=print)
    )

    def perceptual(*, fake: Array, real: Array, **_: Any) -> Array:
        return losses.perceptual_loss(fake, real, features=features(), weight=config.perceptual)

    return squared_error, perceptual


def updates(config: Any, fake: Fake) -> Sequence[Step]:
    """Make the updates of one training step."""
    import jax.numpy as jnp

    from gan_jax import losses, train

    terms, loss = content(config), losses.non_saturating
    if not config.adversarial_weight:
        alone = losses.weighted_generator(loss, 0.0)
        return [train.generator_step(alone, fake, shown=translation.unseen, terms=terms)]
    first = config.pixel_steps

    def learn(state: train.GANState) -> Step:
        weight = jnp.where(state.step < first, 0.0, config.adversarial_weight)
        return train.generator_step(losses.weighted_generator(loss, weight), fake, terms=terms)

    return [
        train.after(first, train.discriminator_step(loss, fake)),
        train.state_dependent(learn),
    ]


def rates(config: Any) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Make the learning rates of both players, each by how many updates it has had.

    The paper's fall to a tenth halfway through the game. In `small` the generator's falls to a
    fifth before the critic joins, which then sharpens a generator at rest.
    """
    import optax

    falling = optax.piecewise_constant_schedule
    rate, game = config.learning_rate, max(2, config.steps - config.pixel_steps)
    if config.preset == "paper":
        middle = config.steps - game // 2
        return falling(rate, {middle: 0.1}), falling(rate, {game // 2: 0.1})
    return falling(rate, {config.steps * 3 // 5: 0.2}), optax.constant_schedule(rate)


def enlarge(factor: int) -> Callable[[np.ndarray], np.ndarray]:
    """Make the function that enlarges images by Pillow's bicubic filter."""
    import numpy as np

    from gan_jax.data.translation import bicubic

    def larger(images: np.ndarray) -> np.ndarray:
        _, height, width, _ = images.shape
        size = (factor * width, factor * height)
        return np.stack([bicubic(image, size) for image in images])

    return larger


def game(config: Any) -> Translation:
    """Make the game of settled settings."""
    import jax.numpy as jnp
    import optax

    from gan_jax import train
    from gan_jax.evaluation import Baseline
    from gan_jax.experiment import Translator

    generator, discriminator = networks(config)
    fake = train.translating()
    sampler = train.make_sampler(fake)

    def forward(player: train.TrainState, sources: Array, keys: Array) -> Array:
        return sampler(player, {"source": sources}, keys)

    side, channels, factor = config.resolution, config.channels, config.factor
    source = jnp.zeros((1, side // factor, side // factor, channels))
    image = jnp.zeros((1, side, side, channels))
    generator_adam, discriminator_adam = (optax.adam(rate, b1=0.9) for rate in rates(config))
    return translation.Translation(
        generator,
        discriminator,
        inputs=((source,), (image,)),
        fake=fake,
        shown=train.alone,
        steps=updates(config, fake),
        optimizers=(generator_adam, discriminator_adam),
        translator=Translator(forward, None, (channels, channels)),
        baseline=Baseline("bicubic", enlarge(factor)),
    )


PAGE = translation.Page(
    "python -m experiments.super_resolution", Config, Settings, recipe, load, game
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return translation.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
