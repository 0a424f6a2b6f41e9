"""Residual blocks of generators and discriminators, which SNGAN, WGAN-GP, SAGAN and BigGAN share.

Nearest neighbours and means of pixels are merged with the 3x3 convolution beside them: together
they are a convolution of stride 2 by a 4x4 kernel, which takes less than half the products. Biases
are where the papers have them, also in front of a normalisation that cancels them, so that networks
have the papers' parameters.

Reference:
  Gulrajani et al., Improved Training of Wasserstein GANs, 2017, https://arxiv.org/abs/1704.00028;
  Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
  https://arxiv.org/abs/1802.05957
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, glorot_uniform, variance_scaling
from jax.typing import DTypeLike

from gan_jax.layers import (
    Conv,
    Normalization,
    batch_norm,
    conv_general_dilated,
    conv_transpose,
    mean_pool,
    nearest_upsample,
    no_norm,
)
from gan_jax.typing import Array

__all__ = [
    "DiscriminatorBlock",
    "GeneratorBlock",
    "check_attention",
    "glorot_init",
    "residual_init",
]

glorot_init = glorot_uniform()
residual_init = variance_scaling(2.0, "fan_avg", "uniform")


class GeneratorBlock(nn.Module):
    """Double the size of maps.

    `shortcut(up(x)) + conv2(relu(norm(conv1(up(relu(norm(x)))))))`, where `up` repeats each pixel
    and the convolutions are 3x3 but for the shortcut's, which is 1x1. (That one may as well come
    before `up`, and does.)

    Attributes:
      features: channels that come out.
      norm: `(train, axis_name, dtype) -> layer`, a conditional one for blocks with a condition.
      conv: the convolutions, called as `flax.linen.Conv`.
      kernel_init: initializer of the 3x3 convolutions.
      linear_init: initializer of the 1x1 convolution.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: int
    norm: Callable[..., Callable[..., Array]] = batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    kernel_init: Initializer = residual_init
    linear_init: Initializer = glorot_init
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        maps: Array,
        condition: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array:
        """Double the size of maps.

        Args:
          maps: [B, H, W, C].
          condition: what the norm is given besides, int32 [B] or floats [B, D].
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, 2 H, 2 W, features].
        """
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(self.conv, self.features, dtype=self.dtype)
        point = partial(conv, kernel_size=(1, 1), kernel_init=self.linear_init, name="shortcut")
        square = partial(conv, kernel_size=(3, 3), kernel_init=self.kernel_init)
        given = () if condition is None else (condition,)

        shortcut = nearest_upsample(point()(maps))
        hidden = nn.relu(norm()(maps, *given))
        hidden = square(conv_general_dilated=_convolve_enlarged, name="conv1")(hidden)
        hidden = nn.relu(norm()(hidden, *given))
        return shortcut + square(name="conv2")(hidden)


class DiscriminatorBlock(nn.Module):
    """Halve the size of maps, or keep it.

    `pool(shortcut(x)) + pool(conv2(relu(norm(conv1(relu(norm(x)))))))`, where `pool` takes means of
    2x2 pixels and the convolutions are 3x3 but for the shortcut's, which is 1x1. (That one may as
    well come after `pool`, and does.) Without pooling it is left out where as many channels come in
    as come out.

    Attributes:
      features: channels that come out.
      hidden: channels between the two convolutions; as many as come in if None.
      halve: pool.
      preactivation: normalise and rectify before the first convolution too.
      norm: `(train, axis_name, dtype) -> layer`.
      conv: the convolutions, called as `flax.linen.Conv`.
      kernel_init: initializer of the 3x3 convolutions.
      linear_init: initializer of the 1x1 convolution.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: int
    hidden: int | None = None
    halve: bool = True
    preactivation: bool = True
    norm: Normalization = no_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    kernel_init: Initializer = residual_init
    linear_init: Initializer = glorot_init
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Halve the size of maps.

        Args:
          maps: [B, H, W, C].
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, H / 2, W / 2, features], or [B, H, W, features] if they are not to be halved.
        """
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(self.conv, dtype=self.dtype)
        point = partial(conv, kernel_size=(1, 1), kernel_init=self.linear_init, name="shortcut")
        square = partial(conv, kernel_size=(3, 3), kernel_init=self.kernel_init)
        pooled = {"conv_general_dilated": _convolve_and_pool} if self.halve else {}
        channels = maps.shape[-1]

        shortcut = mean_pool(maps) if self.halve else maps
        if self.halve or channels != self.features:
            shortcut = point(self.features)(shortcut)
        hidden = nn.relu(norm()(maps)) if self.preactivation else maps
        hidden = square(self.hidden or channels, name="conv1")(hidden)
        hidden = nn.relu(norm()(hidden))
        return shortcut + square(self.features, **pooled, name="conv2")(hidden)


def check_attention(attention_at: Sequence[int], sides: Sequence[int]) -> None:
    """Refuse to leave out attention that was asked for.

    Args:
      attention_at: sides of the maps after which there is to be attention.
      sides: those of the maps that the blocks of a network make.

    Raises:
      ValueError: some of the first are not among the second.
    """
    missing = [side for side in attention_at if side not in sides]
    if missing:
        raise ValueError(f"attention_at has {missing[0]}: maps have sides of {list(sides)}")


def _convolve_enlarged(
    images: Array, kernel: Array, strides: Any, padding: Any, *, precision: Any = None, **_: Any
) -> Array:
    """Convolve images whose pixels were repeated, with a 3x3 kernel; called as in `jax.lax`."""
    return conv_transpose(images, _widened(kernel), (2, 2), "SAME", precision=precision)


def _convolve_and_pool(
    images: Array, kernel: Array, strides: Any, padding: Any, *, precision: Any = None, **_: Any
) -> Array:
    """Convolve images with a 3x3 kernel, then take means of 2x2 pixels; called as in `jax.lax`."""
    return conv_general_dilated(
        images,
        _widened(kernel) / 4,
        (2, 2),
        ((1, 1), (1, 1)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=precision,
    )


def _widened(kernel: Array) -> Array:
    """Convolve a kernel with 2x2 ones: [h, w, I, O] to [h + 1, w + 1, I, O]."""
    for axis in (0, 1):
        before, after = (
            [pads if a == axis else (0, 0) for a in range(4)] for pads in ((1, 0), (0, 1))
        )
        kernel = jnp.pad(kernel, before) + jnp.pad(kernel, after)
    return kernel
