"""Layers with an equalised learning rate: weights start alike, and are scaled where used."""

from __future__ import annotations

import math
from typing import Any

from flax import linen as nn
from jax.nn.initializers import Initializer, normal

from gan_jax.layers.convolution import Conv
from gan_jax.typing import Array

__all__ = ["EqualizedConv", "EqualizedDense"]


class _Equalized(nn.Module):
    """Store a layer's parameters divided, and hand them to it multiplied."""

    kernel_init: Initializer = normal(1.0)
    lr_multiplier: float = 1.0

    @nn.nowrap
    def param(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        if not self.lr_multiplier > 0:
            raise ValueError(f"lr_multiplier must be above 0, got {self.lr_multiplier}")
        init, *sizes = arguments

        def stored(*arguments: Any) -> Array:
            return init(*arguments) / self.lr_multiplier

        value = super().param(name, stored, *sizes, **keywords)
        inputs = math.prod(value.shape[:-1])  # one for a bias
        return value * (self.lr_multiplier / math.sqrt(inputs))


class EqualizedDense(_Equalized, nn.Dense):
    """Apply a linear map whose weights all learn at the same rate.

    `y = x (W m / sqrt(I)) + b m`, for I inputs and a multiplier `m` of the learning rate. The
    parameters are `W ~ N(0, 1 / m^2)` and `b = bias_init / m`. An optimizer that divides gradients
    by their size, as Adam does, then moves every weight by the same share of its spread, whatever
    the width of the layer, and by `m` times as much as without a multiplier. All other attributes
    are those of `flax.linen.Dense`.

    Attributes:
      kernel_init: initializer of `W`, before it is divided by `m`.
      lr_multiplier: `m`, above 0: 0.01 in the mapping network of StyleGAN2.

    Example:
      >>> import jax
      >>> layer = EqualizedDense(2, kernel_init=nn.initializers.ones, lr_multiplier=0.5)
      >>> outputs, variables = layer.init_with_output(jax.random.key(0), jax.numpy.ones((1, 4)))
      >>> variables["params"]["kernel"][0].tolist()
      [2.0, 2.0]
      >>> outputs.tolist()
      [[2.0, 2.0]]

    Reference:
      Karras et al., Progressive Growing of GANs, 2017, https://arxiv.org/abs/1710.10196; the
      multiplier is that of Karras et al., A Style-Based Generator Architecture for Generative
      Adversarial Networks, 2018, https://arxiv.org/abs/1812.04948
    """


class EqualizedConv(_Equalized, Conv):
    """Convolve with a kernel whose weights all learn at the same rate.

    `y = conv(x, W m / sqrt(h w I)) + b m`; see `EqualizedDense`. All other attributes are those of
    `flax.linen.Conv`.

    Attributes:
      kernel_init: initializer of `W`, before it is divided by `m`.
      lr_multiplier: `m`, above 0.

    Reference:
      Karras et al., Progressive Growing of GANs, 2017, https://arxiv.org/abs/1710.10196
    """
