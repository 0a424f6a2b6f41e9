"""DCGAN: a convolutional pair without pooling or hidden dense layers.

Reference:
  Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional
  Generative Adversarial Networks, 2015, https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import normal
from jax.typing import DTypeLike

from gan_jax.layers import (
    Conv,
    ConvTranspose,
    LabelledLatents,
    Normalization,
    ProjectionHead,
    batch_norm,
)
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "Discriminator64",
    "Generator",
    "Generator28",
    "Generator32",
    "Generator64",
    "pair",
]

_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
_init = normal(0.02)


def _scale_init(*arguments, **keywords) -> Array:
    """Draw batch-norm scales from N(1, 0.02)."""
    return 1.0 + _init(*arguments, **keywords)


_batch_norm = partial(batch_norm, scale_init=_scale_init)


class Generator(nn.Module):
    """Project latents to a small map, then double it by transposed convolutions.

    Attributes:
      base: side of the first map; the image's side is `base * 2 ** len(features)`.
      features: channels of the maps, the projected one first.
      channels: channels C of the images.
      num_classes: number of classes, 0 for an unconditional generator.
      norm: `(train, axis_name, dtype) -> layer`, put after all but the last layer.
      conv_transpose: the transposed convolution, called as `flax.linen.ConvTranspose`.
      dense: the projection of the latents, called as `flax.linen.Dense`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    base: int
    features: Sequence[int]
    channels: int = 1
    num_classes: int = 0
    norm: Normalization = _batch_norm
    conv_transpose: Callable[..., Callable[[Array], Array]] = ConvTranspose
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
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, H, W, C] in (-1, 1).

        Raises:
          ValueError: the latents are not floats [B, D], or labels are not as said.
        """
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        dense = partial(self.dense, kernel_init=_init, dtype=self.dtype)
        up = partial(
            self.conv_transpose,
            kernel_size=(4, 4),
            strides=(2, 2),
            kernel_init=_init,
            dtype=self.dtype,
        )
        joined = LabelledLatents(self.num_classes)(latents, labels)
        # No bias before a normalisation, which would cancel it.
        projected = dense(self.base * self.base * self.features[0], use_bias=False)(joined)
        maps = projected.reshape(-1, self.base, self.base, self.features[0])
        maps = nn.relu(norm()(maps))
        for width in self.features[1:]:
            maps = nn.relu(norm()(up(width, use_bias=False)(maps)))
        pixels = up(self.channels)(maps)
        return jnp.tanh(pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32)))


class Discriminator(nn.Module):
    """Halve the image by strided convolutions down to one logit.

    Attributes:
      features: channels of the maps, the one nearest the image first.
      num_classes: number of classes, 0 for an unconditional discriminator.
      norm: `(train, axis_name, dtype) -> layer`, put after all but the first convolution; under a
        gradient penalty use `layer_norm` or `no_norm`.
      conv: the convolution, called as `flax.linen.Conv`.
      minibatch: what the last maps [B, H, W, C] pass, called `(maps, axis_name=)`, e.g.
        `MinibatchStandardDeviation()`.
      head: makes logits, called `(num_classes, kernel_init=)(features, labels)`; for spectral
        layers throughout, `partial(ProjectionHead, dense=SpectralDense, embed=SpectralEmbed)`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    num_classes: int = 0
    norm: Normalization = _batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    minibatch: Callable[..., Array] | None = None
    head: Callable[..., Callable[[Array, Array | None], Array]] = ProjectionHead
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
          images: [B, H, W, C] in [-1, 1].
          labels: int32 [B] for a class-conditional discriminator.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not floats [B, H, W, C], or labels are not as said.
        """
        check_images(images, axes=4)
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        down = partial(
            self.conv, kernel_size=(4, 4), strides=(2, 2), kernel_init=_init, dtype=self.dtype
        )
        maps = _leaky_relu(down(self.features[0])(images))
        for width in self.features[1:]:
            maps = _leaky_relu(norm()(down(width, use_bias=False)(maps)))
        if self.minibatch is not None:
            maps = self.minibatch(maps, axis_name=axis_name)
        flat = maps.reshape(maps.shape[0], -1)
        return self.head(self.num_classes, kernel_init=_init)(flat, labels)


def pair(
    base: int, doublings: int, *, features: int, channels: int = 1, **attributes: Any
) -> tuple[Generator, Discriminator]:
    """Make a generator and a discriminator that mirror each other, wider as maps get smaller.

    Args:
      base: side of the first map; the image's side is `base * 2 ** doublings`.
      doublings: how many transposed convolutions there are.
      features: channels of the maps nearest the image; each further one has twice as many.
      channels: channels C of the images.
      **attributes: those that both have, such as `num_classes`, `norm` and `dtype`.

    Returns:
      The two networks.

    >>> generator, discriminator = pair(4, 3, features=64)
    >>> generator.features, discriminator.features
    ((256, 128, 64), (64, 128, 256))
    """
    widths = tuple(features << level for level in range(doublings))
    generator = Generator(base=base, features=widths[::-1], channels=channels, **attributes)
    return generator, Discriminator(features=widths, **attributes)


Generator28 = partial(Generator, base=7, features=(128, 64))
Generator32 = partial(Generator, base=4, features=(256, 128, 64))
Generator64 = partial(Generator, base=4, features=(1024, 512, 256, 128), channels=3)
Discriminator28 = partial(Discriminator, features=(64, 128))
Discriminator32 = partial(Discriminator, features=(64, 128, 256))
Discriminator64 = partial(Discriminator, features=(128, 256, 512, 1024))
