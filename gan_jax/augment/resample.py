"""Moving the pixels of an image by a matrix: exactly, or as finely as StyleGAN2-ADA does.

Positions are `(x, y)` in pixels from the centre of the image, x to the right and y down. A matrix
`[3, 3]` is the inverse of the move: it takes a position of the output to that of the input, both
with a 1 behind. Beyond its border an image goes on as its mirror image, without end (the border
pixels themselves are not repeated), which no finite padding does.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .common import as_float, check_image, check_matrix

__all__ = ["blit", "warp"]

_SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633),
    *(0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252),
    *(-0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148),
)
"""Daubechies' least asymmetric wavelet of six vanishing moments: its low pass, of norm 1."""

_REACH = len(_SYM6) // 2 - 1  # what the filter takes from either side, in enlarged pixels
_CENTRE = float(np.dot(_SYM6, np.arange(len(_SYM6))) / np.sum(_SYM6))
_SHIFT = _CENTRE - _REACH  # pixel i of an image is at 2 i + _SHIFT of the enlarged image


def blit(image: jax.Array, inverse: jax.Array) -> jax.Array:
    """Move the pixels of an image by a matrix that takes pixels to pixels.

    `y[p] = x[M⁻¹ p]`, a copy of pixels without any arithmetic, exact for mirror images, quarter
    turns of a square and shifts by whole pixels. For other matrices it is the nearest pixel.

    Args:
        image: Floats `[H, W, C]`.
        inverse: `M⁻¹`, `[3, 3]`.

    Returns:
        The moved image, of the same shape and dtype.

    Raises:
        ValueError: If the image is not floats `[H, W, C]` or the matrix not `[3, 3]`.
    """
    check_image(image)
    check_matrix("inverse", inverse, 3)
    height, width, _ = image.shape
    positions = _positions(image, inverse, jnp.arange(height), jnp.arange(width))
    rows, columns = (jnp.round(position).astype(int) for position in positions)
    index = _mirrored(rows, height), _mirrored(columns, width)
    return image.at[index].get(mode="promise_in_bounds")


def warp(image: jax.Array, inverse: jax.Array) -> jax.Array:
    """Move an image by any affine matrix.

    `y = ↓2 H ∘ bilinear(M⁻¹) ∘ ↑2 H x`: enlarged by two with the sym6 wavelet's low pass, sampled
    bilinearly where the output's enlarged pixels come from, and shrunk with the same filter, which
    undoes the first step exactly, so that the identity and shifts by whole pixels cost nothing.
    Positions are those of the filter's centre of mass, 5.1 taps; StyleGAN2-ADA measures from its
    middle, 5.5, and so shifts a mirror image by 0.4 pixels.

    Args:
        image: Floats `[H, W, C]`.
        inverse: `M⁻¹`, `[3, 3]`.

    Returns:
        The moved image, of the same shape and dtype, computed in float32 or better.

    Raises:
        ValueError: If the image is not floats `[H, W, C]` or the matrix not `[3, 3]`.

    Reference:
        Karras et al., 2020, "Training Generative Adversarial Networks with Limited Data",
        https://arxiv.org/abs/2006.06676, appendix B
    """
    check_image(image)
    check_matrix("inverse", inverse, 3)
    size = image.shape[:2]
    enlarged = _filtered(as_float(image), *map(_enlarging, size))
    rows, columns = ((jnp.arange(-_REACH, 2 * side + _REACH) - _SHIFT) / 2 for side in size)
    rows, columns = _positions(image, inverse, rows, columns)
    samples = _bilinear(enlarged, 2 * rows + _SHIFT, 2 * columns + _SHIFT)
    return _filtered(samples, *map(_shrinking, size)).astype(image.dtype)


def _positions(
    image: jax.Array, inverse: jax.Array, rows: jax.Array, columns: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return where in the input a grid of the output comes from, in rows and in columns."""
    middle_row, middle_column = (image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2
    y, x = (rows - middle_row)[:, None], (columns - middle_column)[None, :]
    to_x, to_y, _ = inverse
    return (
        to_y[0] * x + to_y[1] * y + to_y[2] + middle_row,
        to_x[0] * x + to_x[1] * y + to_x[2] + middle_column,
    )


def _period(size: int) -> int:
    """Return after how many pixels an endless row of mirror images repeats itself."""
    return max(2 * size - 2, 1)


def _mirrored(pixels: Any, size: int) -> Any:
    """Number the pixels of an image that goes on as its mirror image by those of the image."""
    return size - 1 - abs(pixels % _period(size) - (size - 1))


def _taps(samples: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return what each sample of an enlarged image takes from each pixel, `[samples, pixels]`."""
    taps = samples[:, None] + _REACH - 2 * pixels[None, :]
    return np.where((taps >= 0) & (taps < len(_SYM6)), np.take(_SYM6, taps, mode="clip"), 0.0)


def _enlarging(size: int) -> np.ndarray:
    """Return the matrix to one period of an endless image at twice the rate, `[2 period, size]`.

    As matrices the filters are differentiated to matrices; slices and sums in their place took ten
    times as long on a CPU.
    """
    pixels = np.arange(-_REACH, _period(size) + _REACH)
    matrix = np.zeros((size, 2 * _period(size)))
    taps = _taps(np.arange(2 * _period(size)), pixels)
    np.add.at(matrix, _mirrored(pixels, size), 2**0.5 * taps.T)
    return matrix.T


def _shrinking(size: int) -> np.ndarray:
    """Return the matrix that undoes the enlarging, its transpose but for the gain."""
    return _taps(np.arange(-_REACH, 2 * size + _REACH), np.arange(size)).T / 2**0.5


def _filtered(image: jax.Array, rows: np.ndarray, columns: np.ndarray) -> jax.Array:
    """Multiply an image by matrices from both sides."""
    matrices = jnp.asarray(rows, image.dtype), jnp.asarray(columns, image.dtype)
    precision = jax.lax.Precision.HIGHEST
    return jnp.einsum("ih,jw,hwc->ijc", *matrices, image, precision=precision)


def _bilinear(image: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Sample an image that repeats itself at positions between its pixels."""
    height, width, channels = image.shape
    padded = jnp.pad(image, ((0, 1), (0, 1), (0, 0)), mode="wrap")
    top, left = jnp.floor(rows), jnp.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]

    @jax.vmap
    @jax.vmap
    def corners(row: jax.Array, column: jax.Array) -> jax.Array:
        return jax.lax.dynamic_slice(padded, (row, column, 0), (2, 2, channels))

    pixels = corners(top.astype(int) % height, left.astype(int) % width)
    upper = (1 - right) * pixels[:, :, 0, 0] + right * pixels[:, :, 0, 1]
    lower = (1 - right) * pixels[:, :, 1, 0] + right * pixels[:, :, 1, 1]
    return (1 - down) * upper + down * lower
