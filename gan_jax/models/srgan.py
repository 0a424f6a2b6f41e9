"""SRGAN: a residual network that enlarges images, and a discriminator after VGG's pattern.

The networks are those of the paper's figure 4. The generator alone, trained by a pixel-wise loss,
is its SRResNet.

Reference:
  Ledig et al., Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial
  Network, 2016, https://arxiv.org/abs/1609.04802
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, normal
from jax.typing import DTypeLike

from gan_jax.layers import (
    Conv,
    Normalization,
    PReLU,
    ProjectionHead,
    batch_norm,
    no_norm,
    pixel_shuffle,
)
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "Discriminator96",
    "Generator",
    "ResidualBlock",
    "SRResNet",
    "SmallSRResNet",
]

_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
_init = normal(0.02)


class ResidualBlock(nn.Module):
    """Add to maps what two convolutions make of them.

    `x + norm(conv(prelu(norm(conv(x)))))`, where the convolutions are 3x3. There is no activation
    after the sum.

    Attributes:
      norm: `(train, axis_name, dtype) -> layer`, put after both convolutions.
      conv: the convolutions, called as `flax.linen.Conv`.
      kernel_init: initializer of their weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    norm: Normalization = batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    kernel_init: Initializer = _init
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, maps: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Refine maps.

        Args:
          maps: [B, H, W, C].
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          [B, H, W, C].
        """
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(
            self.conv,
            maps.shape[-1],
            (3, 3),
            use_bias=_needs_bias(self.norm),
            kernel_init=self.kernel_init,
            dtype=self.dtype,
        )
        hidden = PReLU(dtype=self.dtype)(norm()(conv()(maps)))
        return maps + norm()(conv()(hidden))


class Generator(nn.Module):
    """Enlarge images: refine maps at the size of the source, then double them.

    A 9x9 convolution, residual blocks with a skip connection around them all, then for each
    doubling a 3x3 convolution to four times the channels whose pixels are shuffled, and a 9x9
    convolution to as many channels as the source has.

    As in the paper, images made are in [-1, 1]. Its figure ends with the convolution; the tanh
    after it is that of the other generators here. Its sources are in [0, 1], those here in [-1, 1]
    as all images. It names no initialisation: weights are drawn from N(0, 0.02) as in DCGAN.

    Attributes:
      factor: how many times larger the images become: 2, 4, 8 or another power of 2.
      features: channels of the maps.
      blocks: residual blocks.
      norm: `(train, axis_name, dtype) -> layer`, put after both convolutions of a block and the one
        that follows the blocks; `no_norm` for none.
      conv: the convolutions, called as `flax.linen.Conv`.
      kernel_init: initializer of their weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    factor: int = 4
    features: int = 64
    blocks: int = 16
    norm: Normalization = batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    kernel_init: Initializer = _init
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, source: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Enlarge images.

        Args:
          source: images [B, h, w, C] in [-1, 1], of any size.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, factor h, factor w, C] in (-1, 1).

        Raises:
          ValueError: the source is not floats [B, h, w, C], or `factor` is no power of 2.
        """
        check_images(source, axes=4)
        doublings = _doublings(self.factor)
        conv = partial(self.conv, kernel_init=self.kernel_init, dtype=self.dtype)
        block = partial(
            ResidualBlock,
            norm=self.norm,
            conv=self.conv,
            kernel_init=self.kernel_init,
            dtype=self.dtype,
        )
        first = PReLU(dtype=self.dtype)(conv(self.features, (9, 9))(source))
        maps = first
        for _ in range(self.blocks):
            maps = block()(maps, train=train, axis_name=axis_name)
        norm = self.norm(train=train, axis_name=axis_name, dtype=self.dtype)
        maps = first + norm(conv(self.features, (3, 3), use_bias=_needs_bias(self.norm))(maps))
        for _ in range(doublings):
            enlarged = pixel_shuffle(conv(4 * self.features, (3, 3))(maps))
            maps = PReLU(dtype=self.dtype)(enlarged)
        pixels = conv(source.shape[-1], (9, 9))(maps)
        return jnp.tanh(pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32)))


class Discriminator(nn.Module):
    """Judge images by stages of two 3x3 convolutions, the second of which halves the maps.

    Two dense layers make the logit of the last maps, so that it judges images of one size. The
    paper's sigmoid is left to the loss. Weights are drawn as the generator's.

    Attributes:
      features: channels of each stage, the one nearest the image first; the image's sides must be
        multiples of `2 ** len(features)`.
      hidden: width of the first dense layer.
      num_classes: number of classes, 0 for an unconditional discriminator.
      norm: `(train, axis_name, dtype) -> layer`, put after all but the first convolution; under a
        gradient penalty use `layer_norm` or `no_norm`.
      conv: the convolutions, called as `flax.linen.Conv`.
      dense: the first dense layer, called as `flax.linen.Dense`.
      head: makes logits, called `(num_classes, kernel_init=)(features, labels)`; for spectral
        layers throughout, `partial(ProjectionHead, dense=SpectralDense, embed=SpectralEmbed)`.
      kernel_init: initializer of all weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int] = (64, 128, 256, 512)
    hidden: int = 1024
    num_classes: int = 0
    norm: Normalization = batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    head: Callable[..., Callable[[Array, Array | None], Array]] = ProjectionHead
    kernel_init: Initializer = _init
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
          images: [B, H, W, C] in [-1, 1], H and W multiples of `2 ** len(features)`.
          labels: int32 [B] for a class-conditional discriminator.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not as said, or labels are not as said.
        """
        check_images(images, axes=4)
        _check_halvings(images, len(self.features))
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(
            self.conv,
            kernel_size=(3, 3),
            padding=((1, 1), (1, 1)),
            kernel_init=self.kernel_init,
            dtype=self.dtype,
        )
        inner = partial(conv, use_bias=_needs_bias(self.norm))
        maps = _leaky_relu(conv(self.features[0])(images))
        for stage, width in enumerate(self.features):
            if stage:
                maps = _leaky_relu(norm()(inner(width)(maps)))
            maps = _leaky_relu(norm()(inner(width, strides=(2, 2))(maps)))
        flat = maps.reshape(maps.shape[0], -1)
        dense = self.dense(self.hidden, kernel_init=self.kernel_init, dtype=self.dtype)
        hidden = _leaky_relu(dense(flat))
        return self.head(self.num_classes, kernel_init=self.kernel_init)(hidden, labels)


def _needs_bias(norm: Normalization) -> bool:
    """Tell whether a convolution has a bias: a normalisation after it would cancel that."""
    return norm is no_norm


def _doublings(factor: int) -> int:
    if not isinstance(factor, int) or factor < 2 or factor & (factor - 1):
        raise ValueError(f"factor is {factor!r}: it must be 2, 4, 8 or another power of 2")
    return factor.bit_length() - 1


def _check_halvings(images: Array, halvings: int) -> None:
    height, width = images.shape[1:3]
    if height % 2**halvings or width % 2**halvings:
        raise ValueError(
            f"images of {height} x {width} can't be halved {halvings} times, as for that many "
            f"features: height and width must be multiples of {2**halvings}"
        )


# The paper judges crops of 96 pixels; the smaller networks are narrow enough for a CPU.
SRResNet = partial(Generator, features=64, blocks=16)
SmallSRResNet = partial(Generator, features=32, blocks=4)
Discriminator96 = partial(Discriminator, features=(64, 128, 256, 512))
Discriminator28 = partial(Discriminator, features=(32, 64), hidden=256)
Discriminator32 = partial(Discriminator, features=(32, 64, 128), hidden=256)
