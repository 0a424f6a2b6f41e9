"""R3GAN: residual networks of grouped convolutions, without normalisation and without tricks.

The paper's final configuration E. Every resolution has a few residual blocks and a transition that
resamples bilinearly; both networks mirror each other. It is trained by a relativistic loss with
both R1 and R2, and no momentum. Presets named after a data set are those of the paper's table 9,
for latents of 64 numbers; the others are narrow enough for a CPU.

Reference:
  Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2025,
  https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, normal, variance_scaling, zeros
from jax.typing import DTypeLike

from gan_jax.layers import Conv, downsample, upsample
from gan_jax.layers.conditioning import check_features, checked_labels
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "DiscriminatorCIFAR10",
    "DiscriminatorFFHQ64",
    "DiscriminatorFFHQ256",
    "DiscriminatorImageNet32",
    "DiscriminatorImageNet64",
    "DiscriminatorStackedMNIST",
    "Generator",
    "Generator28",
    "Generator32",
    "GeneratorCIFAR10",
    "GeneratorFFHQ64",
    "GeneratorFFHQ256",
    "GeneratorImageNet32",
    "GeneratorImageNet64",
    "GeneratorStackedMNIST",
    "ResidualBlock",
]

_SLOPE = 0.2
_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=_SLOPE)


def _scaled(gain: float) -> Initializer:
    """Draw weights from N(0, gain^2 / inputs), which changes the variance by `gain^2`."""
    return variance_scaling(gain**2, "fan_in", "normal")


class ResidualBlock(nn.Module):
    """Add to maps what three convolutions make of them, wider within and starting as nothing.

    `x + w3(a(w2(a(w1(x) + b1)) + b2))`: `w1` is a 1x1 convolution to `expansion` times the
    channels, `w2` a grouped 3x3, `w3` a 1x1 back, and `a` the leaky rectifier of slope 0.2. For the
    variance to stay without a normalisation, the initialisation is fix-up's: `w3` is zero, and `w1`
    and `w2` are drawn from `N(0, g^2 / inputs)` with `g = sqrt(2 / 1.04) L^(-1/4)`.

    Attributes:
      depth: the number L of residual blocks of the network.
      group_width: channels in a group of the 3x3 convolution.
      expansion: how many times more channels there are within.
      conv: the convolutions, called as `flax.linen.Conv`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.

    Reference:
      Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2025,
      https://arxiv.org/abs/2501.05441; the initialisation is that of Zhang et al., Fixup
      Initialization, 2019, https://arxiv.org/abs/1901.09321
    """

    depth: int
    group_width: int = 16
    expansion: int = 2
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array) -> Array:
        """Refine maps.

        Args:
          maps: [B, H, W, C].

        Returns:
          [B, H, W, C].

        Raises:
          ValueError: the channels within are no multiple of `group_width`.
        """
        channels = maps.shape[-1]
        width = self.expansion * channels
        if self.group_width < 1 or width % self.group_width:
            raise ValueError(
                f"{width} channels can't be parted into groups of {self.group_width}: "
                "set group_width to a divisor"
            )
        gain = math.sqrt(2 / (1 + _SLOPE**2)) * self.depth**-0.25
        conv = partial(self.conv, dtype=self.dtype)
        hidden = _leaky_relu(conv(width, (1, 1), kernel_init=_scaled(gain))(maps))
        groups = width // self.group_width
        grouped = conv(width, (3, 3), feature_group_count=groups, kernel_init=_scaled(gain))
        hidden = _leaky_relu(grouped(hidden))
        return maps + conv(channels, (1, 1), use_bias=False, kernel_init=zeros)(hidden)


class Generator(nn.Module):
    """Scale learned maps by the latents, then refine and double them by turns.

    Latents, joined with an embedding of the label that is as long, are mapped to one number per
    channel, by which learned maps are multiplied. Nothing bounds the image, in which there is no
    tanh.

    Attributes:
      features: channels at each resolution, the smallest first.
      base: side of the first maps; the image's side is `base * 2 ** (len(features) - 1)`.
      channels: channels C of the images.
      num_classes: number of classes, 0 for an unconditional generator.
      blocks: residual blocks at each resolution.
      group_width: channels in a group of their 3x3 convolutions.
      expansion: how many times more channels there are within a block.
      conv: the convolutions, called as `flax.linen.Conv`.
      dense: the map from latents to scales, called as `flax.linen.Dense`.
      dtype: what the convolutions compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    base: int = 4
    channels: int = 3
    num_classes: int = 0
    blocks: int = 2
    group_width: int = 16
    expansion: int = 2
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        latents: Array,
        labels: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array:
        """Generate images.

        Args:
          latents: [B, D].
          labels: int32 [B] for a class-conditional generator.
          train: not looked at: there is no normalisation.
          axis_name: not looked at.

        Returns:
          Images [B, H, W, C], learned to be in [-1, 1].

        Raises:
          ValueError: the latents are not floats [B, D], labels are not as said, or channels can't
            be parted into groups.
        """
        check_features("latents", latents)
        labels = checked_labels("generator", self.num_classes, labels, latents.shape[0])
        if labels is not None:
            # The authors' embedding is a linear map of one-hot labels: its inputs are the classes.
            init = normal(self.num_classes**-0.5)
            embedding = nn.Embed(self.num_classes, latents.shape[1], embedding_init=init)(labels)
            latents = jnp.concatenate([latents, embedding], axis=1)
        width = self.features[0]
        basis = self.param("basis", normal(1.0), (self.base, self.base, width))
        scales = self.dense(width, use_bias=False, kernel_init=_scaled(1))(latents)
        maps = basis[None] * scales[:, None, None]
        maps = maps if self.dtype is None else maps.astype(self.dtype)
        conv = partial(_pointwise, self.conv, self.dtype)
        for stage, width in enumerate(self.features):
            if stage:
                maps = upsample(maps if width == maps.shape[-1] else conv(width)(maps))
            for _ in range(self.blocks):
                maps = _block(self)(maps)
        return _wide(conv(self.channels)(maps))


class Discriminator(nn.Module):
    """Refine and halve maps of the image by turns, down to one number per channel.

    The last maps are multiplied by learned ones and summed over their pixels; a linear map makes of
    that the logit, or with classes, as many features, of which the logit is the inner product with
    an embedding of the label.

    Attributes:
      features: channels at each resolution, the one of the image first.
      num_classes: number of classes, 0 for an unconditional discriminator.
      blocks: residual blocks at each resolution.
      group_width: channels in a group of their 3x3 convolutions.
      expansion: how many times more channels there are within a block.
      conv: the convolutions, called as `flax.linen.Conv`.
      dense: the linear map at the end, called as `flax.linen.Dense`.
      dtype: what the convolutions compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    num_classes: int = 0
    blocks: int = 2
    group_width: int = 16
    expansion: int = 2
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
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
          images: [B, H, W, C] in [-1, 1], H and W multiples of `2 ** (len(features) - 1)`.
          labels: int32 [B] for a class-conditional discriminator.
          train: not looked at: there is no normalisation.
          axis_name: not looked at.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not as said, labels are not as said, or channels can't be
            parted into groups.
        """
        check_images(images, axes=4)
        labels = checked_labels("discriminator", self.num_classes, labels, images.shape[0])
        conv = partial(_pointwise, self.conv, self.dtype)
        maps = conv(self.features[0])(images)
        for stage, width in enumerate(self.features):
            if stage:
                maps = downsample(maps)
                maps = maps if width == maps.shape[-1] else conv(width)(maps)
            for _ in range(self.blocks):
                maps = _block(self)(maps)
        pixels = maps.shape[1:3]
        basis = self.param("basis", normal(math.prod(pixels) ** -0.5), maps.shape[1:])
        sums = jnp.sum(basis[None] * _wide(maps), axis=(1, 2))
        dense = partial(self.dense, use_bias=False, kernel_init=_scaled(1))
        if labels is None:
            return dense(1)(sums)[:, 0]
        width = self.features[-1]
        init = normal((self.num_classes * width) ** -0.5)
        embedding = nn.Embed(self.num_classes, width, embedding_init=init)(labels)
        return jnp.sum(embedding * dense(width)(sums), axis=1)


def _pointwise(
    conv: Callable[..., Callable[[Array], Array]], dtype: DTypeLike | None, channels: int
) -> Callable[[Array], Array]:
    return conv(channels, (1, 1), use_bias=False, kernel_init=_scaled(1), dtype=dtype)


def _block(network: Generator | Discriminator) -> ResidualBlock:
    return ResidualBlock(
        depth=network.blocks * len(network.features),
        group_width=network.group_width,
        expansion=network.expansion,
        conv=network.conv,
        dtype=network.dtype,
    )


def _wide(maps: Array) -> Array:
    return maps.astype(jnp.promote_types(maps.dtype, jnp.float32))


Generator28 = partial(Generator, (64, 32, 16), base=7, channels=1)
Generator32 = partial(Generator, (64, 64, 32, 16))
GeneratorStackedMNIST = partial(Generator, (768,) * 4)
GeneratorCIFAR10 = partial(Generator, (768,) * 4, num_classes=10)
GeneratorFFHQ64 = partial(Generator, (*(768,) * 4, 384))
GeneratorFFHQ256 = partial(Generator, (*(768,) * 4, 384, 192, 96))
GeneratorImageNet32 = partial(Generator, (1536,) * 4, num_classes=1000, group_width=32)
GeneratorImageNet64 = partial(Generator, (1536,) * 5, num_classes=1000, group_width=32)
Discriminator28 = partial(Discriminator, (16, 32, 64))
Discriminator32 = partial(Discriminator, (16, 32, 64, 64))
DiscriminatorStackedMNIST = partial(Discriminator, (768,) * 4)
DiscriminatorCIFAR10 = partial(Discriminator, (768,) * 4, num_classes=10)
DiscriminatorFFHQ64 = partial(Discriminator, (384, *(768,) * 4))
DiscriminatorFFHQ256 = partial(Discriminator, (96, 192, 384, *(768,) * 4))
DiscriminatorImageNet32 = partial(Discriminator, (1536,) * 4, num_classes=1000, group_width=32)
DiscriminatorImageNet64 = partial(Discriminator, (1536,) * 5, num_classes=1000, group_width=32)
