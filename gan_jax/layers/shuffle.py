"""Pixels made of channels, which turns a convolution into one that enlarges."""

from __future__ import annotations

from jax import numpy as jnp

from gan_jax.typing import Array

__all__ = ["pixel_shuffle"]


def pixel_shuffle(maps: Array, *, factor: int = 2) -> Array:
    """Enlarge maps by laying out their channels as squares of pixels.

    `y[b, r h + i, r w + j, c] = x[b, h, w, (r i + j) C + c]`, for a factor r and C channels that
    come out: each pixel becomes r x r, and nothing is computed. After a convolution to r² C
    channels this is a convolution of stride 1/r.

    The place within the square comes before the channel, as in TensorFlow's `depth_to_space`. In
    PyTorch's `pixel_shuffle` it comes after, `c r² + r i + j`: weights made for that are brought
    here by taking their output channels [C, r, r] as [r, r, C].

    Args:
      maps: [B, H, W, r² C].
      factor: r, how many times larger the height and the width become.

    Returns:
      [B, r H, r W, C], of the same dtype.

    Raises:
      ValueError: if maps or factor are not as said.

    >>> pixel_shuffle(jnp.arange(1, 5).reshape(1, 1, 1, 4))[0, :, :, 0].tolist()
    [[1, 2], [3, 4]]

    Reference:
      Shi et al., Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel
      Convolutional Neural Network, 2016, https://arxiv.org/abs/1609.05158
    """
    if not isinstance(factor, int) or factor < 1:
        raise ValueError(f"factor must be a whole number of 1 or more, got {factor!r}")
    if maps.ndim != 4 or 0 in maps.shape[1:] or maps.shape[3] % factor**2:
        raise ValueError(
            f"maps are {list(maps.shape)}: shuffling by {factor} takes [B, H, W, C], "
            f"C a multiple of {factor**2}"
        )
    batch, height, width, channels = maps.shape
    features = channels // factor**2
    squares = maps.reshape(batch, height, width, factor, factor, features)
    rows = jnp.moveaxis(squares, 3, 2)
    return rows.reshape(batch, height * factor, width * factor, features)
