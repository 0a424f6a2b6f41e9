"""Settings that every game on images has."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gan_jax import commands
from gan_jax.command_line import require
from gan_jax.settings import check_ranges

__all__ = ["ImageSettings", "pyramid", "small_widths"]


@dataclass(frozen=True)
class ImageSettings:
    """What decides the result of a run on images, whatever the game."""

    dataset: str = "auto"
    """mnist, fashion_mnist, digits, an image data set of TFDS, a folder of images (with a folder
    for each class) or an .npz file; auto takes MNIST if it can be had, else the 8x8 digits."""
    resolution: int | None = None
    """Side of the images, which are cropped to squares and resized; as they are if not given."""
    channels: int | None = None
    """1 for grey images, 3 for colour; as they are if not given."""
    classes: int | None = None
    """How many classes the labels have; as many as the data set's if not given."""
    conditional: bool = False
    """Train with labels, so that a class can be asked for."""
    steps: int | None = None
    """Training steps, one update of the generator each."""
    batch_size: int | None = None
    """Real images that the discriminator sees per update, over all devices."""
    features: int | None = None
    """Width of the networks, in channels."""
    learning_rate: float | None = None
    """Learning rate, of the generator where the players' differ."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What the networks compute in; parameters, statistics, losses and averages stay float32."""
    best_metric: commands.BestMetric = "frechet_distance"
    """Metric by which the best checkpoint is kept beside the latest."""
    seed: int = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self)


def pyramid(resolution: int) -> tuple[int, int]:
    """Split a side into a first map's side, from 4 to 7, and how often it is doubled.

    Args:
      resolution: the side of the images.

    Returns:
      `base` and `doublings`, `resolution = base * 2 ** doublings` with at least one doubling.

    Raises:
      UsageError: it can't be split so.

    >>> pyramid(28), pyramid(32), pyramid(8)
    ((7, 2), (4, 3), (4, 1))
    """
    doublings = max(0, math.floor(math.log2(max(resolution, 1) / 4)))
    base = resolution >> doublings
    fits = base in (4, 5, 6, 7) and doublings >= 1 and base << doublings == resolution
    accepted = "4, 5, 6 or 7 times a power of 2, such as 28, 32 or 64"
    require(fits, "resolution", resolution, accepted)
    return base, doublings


def small_widths(features: int, resolution: int) -> list[int]:
    """Return widths of maps for which a CPU has time, twice as many as maps are half as large.

    Args:
      features: channels at the images' own side.
      resolution: that side.

    Returns:
      Channels from the largest maps down to the smallest, `4 * features` at most.

    Raises:
      UsageError: the side can't be split, see `pyramid`.

    >>> small_widths(8, 28), small_widths(8, 64)
    ([8, 16, 32], [8, 16, 32, 32, 32])
    """
    _, doublings = pyramid(resolution)
    return [features * min(4, 2**level) for level in range(doublings + 1)]
