"""Pix2Pix: pairs teach a generator what to make of an image, and a critic keeps patches sharp.

    python -m experiments.pix2pix
    python -m experiments.pix2pix --task colours --direction BtoA
    python -m experiments.pix2pix --dataset facades/ --preset paper --direction BtoA
    python -m experiments.pix2pix translate --workdir runs/pix2pix --images sketches/

Tasks that need no download are made of any data set: digits of their outlines, colours of grey
images and back. A folder has pairs, side by side in each picture or in two folders.

What is random in the paper's generator is dropout, which stays on after training, where images are
normalised by statistics of their own; `--inference-norm` and `--dropout-blocks` say so, and `small`
has neither.

`outlines` of MNIST on one CPU core, 3.0 minutes, 3 seeds: SSIM 0.955 ± 0.000 (source -0.154); label
agreement 0.989 ± 0.000 (source 0.685, real 0.992). `outlines, L1 alone` of MNIST on one CPU core,
1.0 minutes, 3 seeds: SSIM 0.962 ± 0.001 (source -0.154); label agreement 0.990 ± 0.001 (source
0.685, real 0.992).

Reference:
  Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
  https://arxiv.org/abs/1611.07004
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

    from gan_jax.data import Pairs
    from gan_jax.train import Fake
    from gan_jax.translation import Translation
    from gan_jax.typing import Array, Step


@dataclass(frozen=True)
class Settings(translation.TranslationSettings):
    """What decides the result of a run."""

    task: Literal["outlines", "colours", "pairs"] | None = None
    """outlines: A is the outlines of B. colours: A is grey and B in colour. pairs: those of a
    folder. If not given, pairs of a folder and outlines of anything else."""
    preset: Literal["small", "paper"] = "small"
    """small: minutes on a CPU. paper: U-Net and patches of 70 pixels, for images of 256x256."""
    l1_weight: float | None = None
    """Weight of the L1 distance to the target."""
    adversarial_weight: float = 1.0
    """Weight of the critic's opinion; 0 leaves the critic out, and the L1 distance alone."""
    dropout_blocks: int | None = None
    """How many of the innermost blocks have dropout, in training and after it."""
    inference_norm: Literal["running", "own"] | None = None
    """After training, normalise by running statistics or by each image's own."""
    jitter: float | None = None
    """How many times larger pairs become before they are cropped and mirrored at random; 0 leaves
    them as they are."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        translation.check_weights(self, "l1_weight", "adversarial_weight")
        pointless = self.adversarial_weight == self.l1_weight == 0
        accepted = "above 0 with --adversarial-weight 0"
        require(not pointless, "l1_weight", self.l1_weight, accepted)
        blocks = self.dropout_blocks
        require(blocks is None or 0 <= blocks <= 99, "dropout_blocks", blocks, "from 0 to 99")
        translation.check_jitter(self.jitter)


@dataclass(frozen=True)
class Config(commands.RunOptions, Settings):
    """Train a Pix2Pix on pairs of images, and make a page of the run.

    The same command again goes on where it stopped.
    """

    workdir: Path = Path("runs/pix2pix")


def recipe(config: Settings) -> dict[str, Any]:
    """Return what options left out become."""
    from gan_jax.data import is_path

    task = dict(task="pairs" if is_path(config.dataset) else "outlines")
    if config.preset == "paper":
        return dict(
            task, resolution=256, steps=80_000, batch_size=1, features=64, learning_rate=2e-4,
            l1_weight=100.0, dropout_blocks=3, inference_norm="own", jitter=286 / 256,
        )  # fmt: skip
    return dict(
        task, steps=3000, batch_size=32, features=32, learning_rate=1e-3,
        l1_weight=100.0, dropout_blocks=0, inference_norm="running", jitter=0.0,
    )  # fmt: skip


def load(config: Settings, *, split: str, report: Any) -> Pairs:
    """Load a split of the task."""
    from gan_jax import data
    from gan_jax.data import translation as tasks

    fitted: dict[str, Any] = dict(split=split, resolution=config.resolution, report=report)
    if config.task == "pairs":
        if not data.is_path(config.dataset):
            raise UsageError("--task is pairs: --dataset must be a folder of them")
        return data.load_pairs(
            config.dataset, direction=config.direction, channels=config.channels, **fitted
        )
    if config.task == "colours":
        grey = data.load(config.dataset, channels=1, **fitted)
        pairs = tasks.coloured(grey, grey.labels / grey.num_classes)
    else:
        pairs = tasks.outlines(data.load(config.dataset, channels=config.channels, **fitted))
    return pairs if config.direction == "AtoB" else pairs.reversed


def networks(config: Any) -> tuple[nn.Module, nn.Module]:
    """Make the U-Net and the critic of patches."""
    from gan_jax.models import pix2pix

    width, side = config.features, config.resolution
    if config.preset == "small":
        halvings = min(4, (side & -side).bit_length() - 1)
        require(halvings >= 2, "resolution", side, "a multiple of 4")
        features = [width * min(4, 2**depth) for depth in range(halvings)]
        critic = pix2pix.Discriminator((width, 2 * width), halvings=1, dtype=config.dtype)
    else:
        require(side in (128, 256), "resolution", side, "128 or 256 with --preset paper")
        features = [width * min(8, 2**depth) for depth in range(side.bit_length() - 1)]
        critic = pix2pix.Discriminator([width * n for n in (1, 2, 4, 8)], 3, dtype=config.dtype)
    generator = pix2pix.Generator(
        features, depths(config)[1], dropout_blocks=config.dropout_blocks, dtype=config.dtype
    )
    return generator, critic


def updates(config: Any, fake: Fake) -> Sequence[Step]:
    """Make the updates of one training step."""
    from gan_jax import losses, train

    def l1_distance(*, fake: Array, real: Array, **_: Any) -> Array:
        return config.l1_weight * translation.per_example(losses.l1_loss, fake, real)

    shown, loss = train.beside_source, losses.non_saturating
    weighted = losses.weighted_generator(loss, config.adversarial_weight)
    if config.adversarial_weight:
        steps = [
            train.discriminator_step(loss, fake, shown=shown),
            train.generator_step(weighted, fake, shown=shown, terms=(l1_distance,)),
        ]
    else:
        unseen = translation.unseen
        steps = [train.generator_step(weighted, fake, shown=unseen, terms=(l1_distance,))]
    if not config.jitter:
        return steps
    return [train.changing(translation.jitter_pairs(config.jitter), train.chain(*steps))]


def depths(config: Any) -> tuple[int, int]:
    """Return how many channels sources and images have."""
    of_a = config.channels if config.task == "pairs" else 1
    both = (of_a, config.channels)
    return both if config.direction == "AtoB" else both[::-1]


def game(config: Any) -> Translation:
    """Make the game of settled settings."""
    import jax.numpy as jnp
    import optax

    from gan_jax import train
    from gan_jax.experiment import Translator

    generator, discriminator = networks(config)
    fake = train.translating((lambda key: key) if config.dropout_blocks else None)
    sampler = train.make_sampler(fake)

    def forward(player: train.TrainState, sources: Array, keys: Array) -> Array:
        if config.inference_norm == "running":
            return sampler(player, {"source": sources}, keys)
        noise = (keys,) if config.dropout_blocks else ()
        return translation.one_by_one(player, sources, *noise, train=True)

    before, after = depths(config)
    source = jnp.zeros((1, config.resolution, config.resolution, before))
    both = jnp.zeros((1, config.resolution, config.resolution, before + after))
    adam = optax.adam(translation.decayed(config.learning_rate, config.steps), b1=0.5)
    return translation.Translation(
        generator,
        discriminator,
        inputs=((source,), (both,)),
        fake=fake,
        shown=train.beside_source,
        steps=updates(config, fake),
        optimizers=(adam, adam),
        translator=Translator(forward, None, (before, after)),
        baseline=translation.untranslated() if before == after else None,
    )


PAGE = translation.Page("python -m experiments.pix2pix", Config, Settings, recipe, load, game)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    return translation.main(PAGE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
