"""The discriminator of StyleGAN2."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from flax import linen as nn
from jax import numpy as jnp
from jax.typing import DTypeLike

from gan_jax.layers import (
    EqualizedConv,
    EqualizedDense,
    MinibatchStandardDeviation,
    blur,
    downsample,
)
from gan_jax.layers.conditioning import checked_labels
from gan_jax.models.checks import check_images
from gan_jax.models.stylegan2.common import leaky_relu, map_sides, map_width
from gan_jax.models.stylegan2.mapping import Mapping
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "DownBlock",
]


class DownBlock(nn.Module):
    """Halve the size of maps by two convolutions, with a residual connection or without.

    `(h + s) / sqrt(2)`, with `h` the maps after a convolution of 3 x 3, a filter and one of stride
    2, each rectified, and `s` the maps halved and convolved by 1 x 1. Without the connection, `h`.

    Attributes:
      features: channels that go out.
      residual: whether there is a connection.
      taps: of the filter that smooths what is shrunk.
      dtype: what the convolutions compute in; that of the operands if None.
    """

    features: int
    residual: bool = True
    taps: Sequence[float] = (1, 3, 3, 1)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array) -> Array:
        """Return smaller maps.

        Args:
          maps: [B, H, W, I].

        Returns:
          [B, H / 2, W / 2, features].
        """
        conv = partial(EqualizedConv, dtype=self.dtype, padding="VALID")
        hidden = conv(maps.shape[-1], (3, 3), padding="SAME", name="conv")(maps)
        # As wide as the filter, so that the kernel of 3 x 3 meets the middle of each square.
        around = ((len(self.taps) + 1) // 2, len(self.taps) // 2)
        hidden = blur(leaky_relu(hidden), self.taps, padding=around)
        hidden = leaky_relu(conv(self.features, (3, 3), strides=(2, 2), name="down")(hidden))
        if not self.residual:
            return hidden
        skip = conv(self.features, (1, 1), use_bias=False, name="skip")
        return (hidden + skip(downsample(maps, self.taps))) * math.sqrt(0.5)


class Discriminator(nn.Module):
    """Halve the image by residual blocks, compare the batch, and judge.

    The defaults are the paper's configuration F. With classes the logit is
    `<f(x), mapping(label)> / sqrt(F)` for F features `f(x)`, where the mapping network is a
    generator's without latents.

    Attributes:
      base: side of the last maps; 7 for images of 28 x 28.
      num_classes: number of classes, 0 for an unconditional discriminator.
      channel_base: maps of side S have `min(channel_base // S, channel_max)` channels.
      channel_max: the most channels of maps.
      mapping_layers: number of layers of the mapping network of labels.
      residual: False for blocks without connections, as NVIDIA's code has it for CIFAR-10.
      minibatch: what the last maps [B, H, W, C] pass, called `(maps, axis_name=)`.
      taps: of the filter that smooths what is shrunk.
      dtype: what the blocks compute in, e.g. bfloat16; that of the images if None. What follows
        them computes in float32 at least.
    """

    base: int = 4
    num_classes: int = 0
    channel_base: int = 32768
    channel_max: int = 512
    mapping_layers: int = 8
    residual: bool = True
    minibatch: Callable[..., Array] | None = MinibatchStandardDeviation()
    taps: Sequence[float] = (1, 3, 3, 1)
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        images: Array,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array:
        """Judge images.

        Args:
          images: [B, H, H, C] in [-1, 1], with H = `base * 2^k`, k at least 1.
          labels: int32 [B] for a class-conditional discriminator.
          train: not looked at: there is no normalisation.
          axis_name: the mapped axis of the devices, None on one device; for `minibatch`.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not as said, or labels are not; or the batch is not made of the
            groups that `minibatch` compares.
        """
        check_images(images, axes=4)
        labels = checked_labels("discriminator", self.num_classes, labels, images.shape[0])
        maps = self._blocks(images)
        maps = maps.astype(jnp.promote_types(maps.dtype, jnp.float32))
        width = maps.shape[-1]
        if self.minibatch is not None:
            maps = self.minibatch(maps, axis_name=axis_name)
        maps = leaky_relu(EqualizedConv(width, (3, 3), name="conv")(maps))
        hidden = maps.reshape(maps.shape[0], -1)
        hidden = leaky_relu(EqualizedDense(width, name="dense")(hidden))
        if labels is None:
            return EqualizedDense(1, name="output")(hidden)[:, 0]
        features = EqualizedDense(width, name="output")(hidden)
        mapping = Mapping(width, self.mapping_layers, self.num_classes, name="mapping")
        return jnp.sum(features * mapping(None, labels), axis=-1) / math.sqrt(width)

    @nn.nowrap
    def _blocks(self, images: Array) -> Array:
        """Return maps [B, base, base, F]."""
        height, width = images.shape[1:3]
        if height != width:
            raise ValueError(f"images of {height} x {width}: StyleGAN2 takes square ones")
        *smaller, side = map_sides(height, self.base)
        channels = partial(map_width, channel_base=self.channel_base, channel_max=self.channel_max)
        from_image = EqualizedConv(channels(side), (1, 1), dtype=self.dtype, name="from_image")
        maps = leaky_relu(from_image(images))
        for side in reversed(smaller):
            block = DownBlock(
                channels(side), self.residual, self.taps, self.dtype, name=f"down{side}"
            )
            maps = block(maps)
        return maps


_small = partial(Discriminator, channel_max=128, mapping_layers=2)

Discriminator28 = partial(_small, base=7, channel_base=896)
Discriminator32 = partial(_small, channel_base=1024)
