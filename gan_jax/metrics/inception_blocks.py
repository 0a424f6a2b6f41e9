"""The blocks of Inception v3 as the 2015 TensorFlow graph has them, batch normalization folded in.

Layers have the names of the PyTorch port, by which its weights are found.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp

__all__ = ["InceptionA", "InceptionB", "InceptionC", "InceptionD", "InceptionE", "convolve"]


def convolve(
    x: jax.Array,
    name: str,
    features: int,
    window: tuple[int, int] = (1, 1),
    *,
    strides: int = 1,
    padding: str = "SAME",
) -> jax.Array:
    """Convolve, then clip below at 0; in a `compact` method only.

    The normalization between the two has fixed statistics, so the kernel and the bias hold it.

    Args:
      x: [B, H, W, C].
      name: the layer's.
      features: how many channels to make.
      window: the kernel's height and width.
      strides: along both axes.
      padding: `"SAME"` or `"VALID"`.

    Returns:
      [B, H', W', features].
    """
    return nn.relu(nn.Conv(features, window, strides, padding, name=name)(x))


def _average(x: jax.Array) -> jax.Array:
    """Average over 3 x 3 pixels, counting at the border only those inside, as TensorFlow does."""
    return nn.avg_pool(x, (3, 3), padding="SAME", count_include_pad=False)


def _join(*branches: jax.Array) -> jax.Array:
    return jnp.concatenate(branches, axis=-1)


class InceptionA(nn.Module):
    """Windows of 1, 5, and twice 3, at 35 x 35 pixels.

    Attributes:
      pool_features: channels of the pooled branch.
    """

    pool_features: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H, W, 224 + pool_features]."""
        single = convolve(x, "branch1x1", 64)
        wide = convolve(x, "branch5x5_1", 48)
        wide = convolve(wide, "branch5x5_2", 64, (5, 5))
        double = convolve(x, "branch3x3dbl_1", 64)
        double = convolve(double, "branch3x3dbl_2", 96, (3, 3))
        double = convolve(double, "branch3x3dbl_3", 96, (3, 3))
        pooled = convolve(_average(x), "branch_pool", self.pool_features)
        return _join(single, wide, double, pooled)


class InceptionB(nn.Module):
    """From 35 x 35 to 17 x 17 pixels."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H', W', 480 + C]."""
        single = convolve(x, "branch3x3", 384, (3, 3), strides=2, padding="VALID")
        double = convolve(x, "branch3x3dbl_1", 64)
        double = convolve(double, "branch3x3dbl_2", 96, (3, 3))
        double = convolve(double, "branch3x3dbl_3", 96, (3, 3), strides=2, padding="VALID")
        return _join(single, double, nn.max_pool(x, (3, 3), (2, 2)))


class InceptionC(nn.Module):
    """Windows of 7 taken apart into rows and columns, at 17 x 17 pixels.

    Attributes:
      channels: channels between the rows and the columns.
    """

    channels: int

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H, W, 768]."""
        c, row, column = self.channels, (1, 7), (7, 1)
        single = convolve(x, "branch1x1", 192)
        cross = convolve(x, "branch7x7_1", c)
        cross = convolve(cross, "branch7x7_2", c, row)
        cross = convolve(cross, "branch7x7_3", 192, column)
        double = convolve(x, "branch7x7dbl_1", c)
        double = convolve(double, "branch7x7dbl_2", c, column)
        double = convolve(double, "branch7x7dbl_3", c, row)
        double = convolve(double, "branch7x7dbl_4", c, column)
        double = convolve(double, "branch7x7dbl_5", 192, row)
        return _join(single, cross, double, convolve(_average(x), "branch_pool", 192))


class InceptionD(nn.Module):
    """From 17 x 17 to 8 x 8 pixels."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H', W', 512 + C]."""
        single = convolve(x, "branch3x3_1", 192)
        single = convolve(single, "branch3x3_2", 320, (3, 3), strides=2, padding="VALID")
        cross = convolve(x, "branch7x7x3_1", 192)
        cross = convolve(cross, "branch7x7x3_2", 192, (1, 7))
        cross = convolve(cross, "branch7x7x3_3", 192, (7, 1))
        cross = convolve(cross, "branch7x7x3_4", 192, (3, 3), strides=2, padding="VALID")
        return _join(single, cross, nn.max_pool(x, (3, 3), (2, 2)))


class InceptionE(nn.Module):
    """Windows of 3 taken apart into a row beside a column, at 8 x 8 pixels.

    Attributes:
      pool_by_maximum: whether the pooled branch takes the maximum and not the average: the 2015
        graph does so in its last block, unlike the paper.
    """

    pool_by_maximum: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Map [B, H, W, C] to [B, H, W, 2048]."""
        row, column = (1, 3), (3, 1)
        single = convolve(x, "branch1x1", 320)
        cross = convolve(x, "branch3x3_1", 384)
        across = convolve(cross, "branch3x3_2a", 384, row)
        down = convolve(cross, "branch3x3_2b", 384, column)
        double = convolve(x, "branch3x3dbl_1", 448)
        double = convolve(double, "branch3x3dbl_2", 384, (3, 3))
        double_across = convolve(double, "branch3x3dbl_3a", 384, row)
        double_down = convolve(double, "branch3x3dbl_3b", 384, column)
        pooled = nn.max_pool(x, (3, 3), padding="SAME") if self.pool_by_maximum else _average(x)
        pooled = convolve(pooled, "branch_pool", 192)
        return _join(single, across, down, double_across, double_down, pooled)
