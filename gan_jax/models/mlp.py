"""Fully connected generator and discriminator, as small images need no more.

Reference:
  Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661, trained
  such networks on MNIST. These have leaky rectifiers throughout, no normalisation and no dropout,
  as suits a critic under a gradient penalty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.typing import DTypeLike

from gan_jax.layers import LabelledLatents, ProjectionHead
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = ["Discriminator", "Generator"]

_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
_init = nn.initializers.he_normal()


class Generator(nn.Module):
    """Map latents to images through dense layers.

    Attributes:
      image_shape: (H, W, C) of the images, or the shape of whatever else is generated.
      features: widths of the hidden layers.
      num_classes: number of classes, 0 for an unconditional generator.
      dense: the dense layers, called as `flax.linen.Dense`.
      output: what the last layer passes: images are within (-1, 1), other data may be anywhere.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    image_shape: tuple[int, ...]
    features: Sequence[int] = (256, 256, 256)
    num_classes: int = 0
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    output: Callable[[Array], Array] = jnp.tanh
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
          Images [B, H, W, C], in (-1, 1) unless `output` is another.

        Raises:
          ValueError: the latents are not floats [B, D], or labels are not as said.
        """
        hidden = LabelledLatents(self.num_classes)(latents, labels)
        dense = partial(self.dense, dtype=self.dtype)
        for width in self.features:
            hidden = _leaky_relu(dense(width, kernel_init=_init)(hidden))
        pixels = dense(math.prod(self.image_shape))(hidden)
        pixels = pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32))
        return self.output(pixels).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """Judge images through dense layers.

    Attributes:
      features: widths of the hidden layers.
      num_classes: number of classes, 0 for an unconditional discriminator.
      dense: the hidden layers, called as `flax.linen.Dense`.
      inputs: what the flattened images [B, D] pass first, e.g. `FourierFeatures(4)`.
      minibatch: what the last features [B, F] pass, called `(features, axis_name=)`, e.g.
        `MinibatchDiscrimination(16, 8)`.
      head: makes logits, called `(num_classes)(features, labels)`; for spectral layers throughout,
        `partial(ProjectionHead, dense=SpectralDense, embed=SpectralEmbed)`.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int] = (256, 256)
    num_classes: int = 0
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    inputs: Callable[[Array], Array] | None = None
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
          train: not looked at: there is no normalisation.
          axis_name: the mapped axis of the devices, None on one device; for `minibatch`.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not floats [B, ...], or labels are not as said.
        """
        check_images(images)
        hidden = images.reshape(images.shape[0], -1)
        if self.inputs is not None:
            hidden = self.inputs(hidden)
        dense = partial(self.dense, kernel_init=_init, dtype=self.dtype)
        for width in self.features:
            hidden = _leaky_relu(dense(width)(hidden))
        if self.minibatch is not None:
            hidden = self.minibatch(hidden, axis_name=axis_name)
        return self.head(self.num_classes)(hidden, labels)
