"""Fully connected generator and discriminator, as small images need no more.

Reference:
  Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661, trained
  such networks on MNIST. These have leaky rectifiers throughout, no normalisation and no dropout,
  as suits a critic under a gradient penalty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.typing import DTypeLike

from gan_jax.layers import LabelledLatents, ProjectionHead
from gan_jax.typing import Array

__all__ = ["Discriminator", "Generator"]

_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
_dense = partial(nn.Dense, kernel_init=nn.initializers.he_normal())


class Generator(nn.Module):
    """Map latents to images through dense layers.

    Attributes:
      image_shape: (H, W, C) of the images, or the shape of whatever else is generated.
      features: widths of the hidden layers.
      num_classes: number of classes, 0 for an unconditional generator.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    image_shape: tuple[int, ...]
    features: Sequence[int] = (256, 256, 256)
    num_classes: int = 0
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
          Images [B, H, W, C] in (-1, 1).
        """
        hidden = LabelledLatents(self.num_classes)(latents, labels)
        for width in self.features:
            hidden = _leaky_relu(_dense(width, dtype=self.dtype)(hidden))
        pixels = nn.Dense(math.prod(self.image_shape), dtype=self.dtype)(hidden)
        pixels = pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32))
        return jnp.tanh(pixels).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """Judge images through dense layers.

    Attributes:
      features: widths of the hidden layers.
      num_classes: number of classes, 0 for an unconditional discriminator.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int] = (256, 256)
    num_classes: int = 0
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
          train: not looked at: there is no normalisation.
          axis_name: not looked at.

        Returns:
          Logits [B].
        """
        hidden = images.reshape(images.shape[0], -1)
        for width in self.features:
            hidden = _leaky_relu(_dense(width, dtype=self.dtype)(hidden))
        return ProjectionHead(self.num_classes)(hidden, labels)
