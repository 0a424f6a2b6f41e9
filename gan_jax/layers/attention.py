"""Attention of every pixel to all others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.typing import DTypeLike

from gan_jax.layers.convolution import Conv
from gan_jax.typing import Array

__all__ = ["SelfAttention"]


class SelfAttention(nn.Module):
    """Let every pixel look at all others.

    `x + gamma o(softmax(q(x) pool(k(x))^T) pool(v(x)))`, where q and k are 1x1 convolutions to C/8
    channels, v one to C/2, o one back to C, none with a bias, and `gamma` starts at 0. This is the
    form of the authors' code and of BigGAN, which pool keys and values to half the size by maxima;
    the paper's text neither pools nor tells v from q and k. There is no scaling by the width.

    Attributes:
      conv: the convolution, called as `flax.linen.Conv`; the paper's is spectral.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None. The softmax
        is taken in float32 at least.

    Reference:
      Zhang et al., Self-Attention Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1805.08318
    """

    conv: Callable[..., Callable[[Array], Array]] = Conv
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array) -> Array:
        """Attend.

        Args:
          maps: [B, H, W, C]. Of an odd height or width, the last keys are maxima of fewer pixels.

        Returns:
          [B, H, W, C].

        Raises:
          ValueError: the maps are not [B, H, W, C] with C a multiple of 8.
        """
        floats = jnp.issubdtype(maps.dtype, jnp.floating)
        if maps.ndim != 4 or not floats or 0 in maps.shape[1:] or maps.shape[3] % 8:
            raise ValueError(
                f"maps are {maps.dtype} {list(maps.shape)}: attention takes floats [B, H, W, C], "
                "C a multiple of 8"
            )
        channels = maps.shape[3]
        conv = partial(self.conv, kernel_size=(1, 1), use_bias=False, dtype=self.dtype)
        queries = conv(channels // 8, name="query")(maps)
        keys = _pool(conv(channels // 8, name="key")(maps))
        values = _pool(conv(channels // 2, name="value")(maps))
        wide = jnp.promote_types(queries.dtype, jnp.float32)
        scores = jnp.einsum("bhwc,bklc->bhwkl", queries, keys, preferred_element_type=wide)
        weights = jax.nn.softmax(scores, axis=(-2, -1)).astype(values.dtype)
        seen = jnp.einsum("bhwkl,bklc->bhwc", weights, values)
        gamma = self.param("gamma", nn.initializers.zeros, ())
        outputs = conv(channels, name="output")(seen)
        return maps + gamma.astype(outputs.dtype) * outputs


def _pool(maps: Array) -> Array:
    return nn.max_pool(maps, (2, 2), strides=(2, 2), padding="SAME")
