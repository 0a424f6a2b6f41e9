"""What the generator and the discriminator of StyleGAN2 share."""

from __future__ import annotations

import math

import jax

from gan_jax.typing import Array

__all__ = ["leaky_relu", "map_sides", "map_width"]


def leaky_relu(inputs: Array) -> Array:
    """Rectify with a slope of 0.2 and a gain of sqrt(2), which keeps the size of the signal.

    Args:
      inputs: any shape.

    Returns:
      The same shape.
    """
    return math.sqrt(2) * jax.nn.leaky_relu(inputs, 0.2)


def map_sides(side: int, base: int) -> list[int]:
    """Return the sides of the maps between the smallest and the image.

    Args:
      side: of the image.
      base: side of the smallest maps.

    Returns:
      `[base, 2 base, 4 base, ..., side]`.

    Raises:
      ValueError: the image is not `base * 2^k` wide with k at least 1.

    >>> map_sides(28, 7)
    [7, 14, 28]
    """
    sides = [base]
    while 0 < sides[-1] < side:
        sides.append(2 * sides[-1])
    if len(sides) < 2 or sides[-1] != side:
        raise ValueError(
            f"images of side {side} on a base of {base}: StyleGAN2 doubles maps of side base, 4 or "
            "e.g. 7, at least once up to the image"
        )
    return sides


def map_width(side: int, channel_base: int, channel_max: int) -> int:
    """Return how many channels maps of one size have.

    Args:
      side: of the maps.
      channel_base: channels times side.
      channel_max: the most there are.

    Returns:
      `min(channel_base // side, channel_max)`.

    Raises:
      ValueError: that is none.
    """
    width = min(channel_base // side, channel_max)
    if width < 1:
        raise ValueError(
            f"channel_base {channel_base} and channel_max {channel_max} leave maps of side {side} "
            "no channel"
        )
    return width
