"""Activations with parameters of their own."""

from __future__ import annotations

from flax import linen as nn
from flax.linen.dtypes import promote_dtype
from jax import numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from gan_jax.typing import Array

__all__ = ["PReLU"]


class PReLU(nn.Module):
    """Rectify, with a learned slope below zero for each channel.

    `x if x > 0 else a_c x`. There are as many slopes `a` as channels and they start at 0.25, as in
    the paper; `flax.linen.PReLU` has a single one, which starts at 0.01.

    Attributes:
      slope_init: initializer of the slopes.
      dtype: of the result, e.g. bfloat16; that of the parameters and the maps together if None.

    Reference:
      He et al., Delving Deep into Rectifiers, 2015, https://arxiv.org/abs/1502.01852
    """

    slope_init: Initializer = nn.initializers.constant(0.25)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array) -> Array:
        """Rectify.

        Args:
          maps: floats [..., C].

        Returns:
          [..., C].

        Raises:
          ValueError: the maps are not as said.
        """
        if not maps.ndim or not jnp.issubdtype(maps.dtype, jnp.floating):
            raise ValueError(f"maps must be floats [..., C], got {maps.dtype} {list(maps.shape)}")
        slopes = self.param("slopes", self.slope_init, maps.shape[-1:], jnp.float32)
        maps, slopes = promote_dtype(maps, slopes, dtype=self.dtype)
        return jnp.where(maps > 0, maps, jnp.expand_dims(slopes, range(maps.ndim - 1)) * maps)
