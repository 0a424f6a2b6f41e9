"""The first GAN's networks for MNIST: a generator of rectifiers and a discriminator of maxout.

They have the sizes and the initialisation of the authors' code. The discriminator here has no
dropout, which theirs trained with: a network is a function of its inputs and draws nothing.

Reference:
  Goodfellow et al., Generative Adversarial Networks, 2014, https://arxiv.org/abs/1406.2661
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, uniform, zeros
from jax.typing import DTypeLike

from gan_jax.layers import LabelledLatents, ProjectionHead
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = ["Discriminator", "Generator", "maxout"]


def _uniform(limit: float) -> Initializer:
    """Draw weights from U(-limit, limit)."""
    positive = uniform(2 * limit)

    def init(*arguments, **keywords) -> Array:
        return positive(*arguments, **keywords) - limit

    return init


def maxout(inputs: Array, pieces: int) -> Array:
    """Keep the largest of every few features that stand side by side.

    `y_i = max_j x_(i pieces + j)`, which after a linear map is a convex function of its inputs. Of
    several that are largest, the first takes the gradient.

    Args:
      inputs: [..., F].
      pieces: how many features make one, a divisor of F.

    Returns:
      [..., F / pieces].

    Raises:
      ValueError: `pieces` does not divide F.

    >>> maxout(jnp.asarray([1.0, 3.0, -5.0, -4.0]), 2).tolist()
    [3.0, -4.0]

    Reference:
      Goodfellow et al., Maxout Networks, 2013, https://arxiv.org/abs/1302.4389
    """
    if pieces < 1 or inputs.shape[-1] % pieces:
        raise ValueError(
            f"{inputs.shape[-1]} features can't be parted into {pieces} pieces: "
            "set pieces to a divisor"
        )
    apart = inputs.reshape(*inputs.shape[:-1], -1, pieces)
    # A maximum's own gradient looks for what equals it, and divides by how many do: by zero, should
    # a compiler work the numbers out twice and round them differently.
    largest = jax.nn.one_hot(jnp.argmax(apart, axis=-1), pieces, dtype=bool)
    return jnp.sum(jnp.where(largest, apart, 0), axis=-1)


class Generator(nn.Module):
    """Map latents to images through two layers of rectifiers.

    The pixels are `tanh(a / 2) = 2 sigmoid(a) - 1` of the last layer's `a`: the paper's sigmoid,
    for images in [-1, 1].

    Attributes:
      image_shape: (H, W, C) of the images.
      features: widths of the hidden layers.
      num_classes: number of classes, 0 for an unconditional generator.
      dense: the dense layers, called as `flax.linen.Dense`.
      bias_init: initializer of the last biases; in the authors' code they start where the pixels
        are the means of the data.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    image_shape: tuple[int, ...] = (28, 28, 1)
    features: Sequence[int] = (1200, 1200)
    num_classes: int = 0
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    bias_init: Initializer = zeros
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
          latents: [B, D]; in the authors' code 100 numbers from U(-sqrt(3), sqrt(3)).
          labels: int32 [B] for a class-conditional generator.
          train: not looked at: there is no normalisation.
          axis_name: not looked at.

        Returns:
          Images [B, H, W, C] in (-1, 1).

        Raises:
          ValueError: the latents are not floats [B, D], or labels are not as said.
        """
        hidden = LabelledLatents(self.num_classes)(latents, labels)
        dense = partial(self.dense, kernel_init=_uniform(0.05), dtype=self.dtype)
        for width in self.features:
            hidden = nn.relu(dense(width)(hidden))
        pixels = dense(math.prod(self.image_shape), bias_init=self.bias_init)(hidden)
        pixels = pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32))
        return jnp.tanh(pixels / 2).reshape(-1, *self.image_shape)


class Discriminator(nn.Module):
    """Judge images through two layers of maxout.

    Attributes:
      features: widths of the hidden layers.
      pieces: linear maps of which a hidden unit is the largest.
      num_classes: number of classes, 0 for an unconditional discriminator.
      dense: the hidden layers, called as `flax.linen.Dense`.
      head: makes logits, called `(num_classes, kernel_init=)(features, labels)`.
      dtype: what the hidden layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int] = (240, 240)
    pieces: int = 5
    num_classes: int = 0
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
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
          train: not looked at: there is neither normalisation nor dropout.
          axis_name: not looked at.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not floats [B, ...], or labels are not as said.
        """
        check_images(images)
        hidden = images.reshape(images.shape[0], -1)
        dense = partial(self.dense, kernel_init=_uniform(0.005), dtype=self.dtype)
        for width in self.features:
            hidden = maxout(dense(width * self.pieces)(hidden), self.pieces)
        return self.head(self.num_classes, kernel_init=_uniform(0.005))(hidden, labels)
