"""Normalisation of each channel of each example by itself."""

from __future__ import annotations

import math
from collections.abc import Callable

from flax import linen as nn
from jax.typing import DTypeLike

from gan_jax.typing import Array

__all__ = ["instance_norm"]


def instance_norm(
    *,
    train: bool,
    axis_name: str | None = None,
    dtype: DTypeLike | None = None,
    affine: bool = False,
) -> Callable[[Array], Array]:
    """Make an instance normalisation: examples stay apart, so it is safe under a gradient penalty.

    `(x - mean) / sqrt(var + 1e-5)`, with the mean and the variance of each channel of each example
    over its pixels. There are no running statistics. A constant added to a channel is cancelled, so
    a bias of the layer before it learns nothing.

    Args:
      train: not looked at.
      axis_name: not looked at.
      dtype: of the result; statistics are taken in float32 at least.
      affine: multiply each channel by a learned scale, and add a learned bias.

    Returns:
      A layer of maps [B, ..., C], to be made inside a linen module. It raises ValueError for maps
      of a single pixel, of which it would leave nothing.

    Reference:
      Ulyanov, Vedaldi and Lempitsky, Instance Normalization: The Missing Ingredient for Fast
      Stylization, 2016, https://arxiv.org/abs/1607.08022
    """

    def normalize(maps: Array) -> Array:
        if maps.ndim < 3 or math.prod(maps.shape[1:-1]) < 2:
            raise ValueError(
                "instance_norm takes maps [B, ..., C] of two pixels or more, "
                f"got {list(maps.shape)}"
            )
        layer = nn.InstanceNorm(
            epsilon=1e-5,
            dtype=dtype,
            use_scale=affine,
            use_bias=affine,
            # The mean of squares less the squared mean has no digits left where that is large.
            use_fast_variance=False,
        )
        return layer(maps)

    return normalize
