"""The two ways in which images are resized before Inception sees them, on which figures depend."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Resize", "clean_bicubic", "tf1_bilinear"]


@dataclass(frozen=True)
class Resize:
    """Resize images by one matrix along the height and one along the width.

    `clip(A_h x A_w^T, 0, 255)` of each channel `x`, in float32, never rounded to whole values.

    Attributes:
      name: what figures measured with it are named after, such as `"tf1-bilinear"`.
      matrix: `(input length, output length) -> weights [output length, input length]`.
    """

    name: str
    matrix: Callable[[int, int], np.ndarray]

    def __call__(self, images: jax.Array, size: int) -> jax.Array:
        """Resize images to squares.

        Args:
          images: values from 0 to 255, [N, H, W, C].
          size: the height and the width to make.

        Returns:
          float32 [N, size, size, C], from 0 to 255.
        """
        height, width = images.shape[1:3]
        return _resample(images, self.matrix(height, size), self.matrix(width, size))


@jax.jit
def _resample(images: jax.Array, down: jax.Array, across: jax.Array) -> jax.Array:
    # Accelerators round the factors of products by default, which would move the features.
    with jax.default_matmul_precision("highest"):
        x = jnp.einsum("ow,nhwc->nhoc", across, images.astype(jnp.float32))
        return jnp.clip(jnp.einsum("oh,nhwc->nowc", down, x), 0, 255)


@functools.lru_cache(maxsize=16)
def _tf1_bilinear_matrix(length: int, size: int) -> np.ndarray:
    # In float32 and not centred, as TensorFlow 1 finds the positions.
    position = np.arange(size, dtype=np.float32) * np.float32(length / size)
    below = position.astype(np.int64)
    share = position - below.astype(np.float32)
    matrix = np.zeros((size, length), np.float32)
    np.add.at(matrix, (np.arange(size), below), 1 - share)
    np.add.at(matrix, (np.arange(size), np.minimum(below + 1, length - 1)), share)
    return matrix


@functools.lru_cache(maxsize=16)
def _clean_bicubic_matrix(length: int, size: int) -> np.ndarray:
    stretch = max(length / size, 1.0)  # the kernel covers what an output pixel covers
    centre = (np.arange(size) + 0.5) * (length / size)
    first = np.maximum(np.floor(centre - 2 * stretch + 0.5), 0)
    last = np.minimum(np.floor(centre + 2 * stretch + 0.5), length)
    pixel = np.arange(length)
    inside = (pixel >= first[:, None]) & (pixel < last[:, None])
    weights = inside * _cubic((pixel + 0.5 - centre[:, None]) / stretch)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _cubic(x: np.ndarray, a: float = -0.5) -> np.ndarray:
    """Return the cubic convolution kernel, which is 0 beyond 2."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


tf1_bilinear = Resize("tf1-bilinear", _tf1_bilinear_matrix)
"""Bilinear as TensorFlow 1 does it, and so as FID was first computed: output pixel `i` is read at
`i * length / size`, corners not aligned and pixel centres ignored, and nothing is smoothed away
when images get smaller."""

clean_bicubic = Resize("clean-bicubic", _clean_bicubic_matrix)
"""Bicubic with antialiasing, as Pillow resizes floats and clean-FID therefore does: `a = -1/2`,
pixel centres at halves, the kernel widened when images get smaller.

Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, CVPR 2022,
https://arxiv.org/abs/2104.11222."""
