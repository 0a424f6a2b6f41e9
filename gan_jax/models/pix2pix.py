"""Pix2Pix: a U-Net that turns an image into another, and discriminators of patches.

Reference:
  Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, 2016,
  https://arxiv.org/abs/1611.07004; the U-Net is that of Ronneberger et al., 2015,
  https://arxiv.org/abs/1505.04597, with strided convolutions
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import jax
from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import normal
from jax.typing import DTypeLike

from gan_jax.layers import Conv, ConvTranspose, Normalization, batch_norm
from gan_jax.models.checks import check_images
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator1",
    "Discriminator16",
    "Discriminator70",
    "Discriminator286",
    "Generator",
    "Generator128",
    "Generator256",
]

_leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
_init = normal(0.02)


def _scale_init(*arguments, **keywords) -> Array:
    """Draw batch-norm scales from N(1, 0.02)."""
    return 1.0 + _init(*arguments, **keywords)


_batch_norm = partial(batch_norm, scale_init=_scale_init)


class Generator(nn.Module):
    """Halve the image by strided convolutions, then double the maps again beside what they were.

    Every map of the first half is joined, by its channels, to that of its size in the second. The
    first map, the smallest one and the image are not normalised: of a single pixel of a single
    example, a normalisation would leave nothing.

    The paper's noise is dropout by 1/2, in training and after it. Here it is an input: each
    example's masks are drawn from its own key. They are in the innermost blocks, as in the paper;
    the authors' PyTorch code passes over the first of these, and has as many as there are others
    of the same width.

    Attributes:
      features: channels of the maps of the first half, the one nearest the image first; each is
        half as high and wide as the one before it.
      channels: channels C' of the images that come out.
      dropout_blocks: how many of the innermost blocks of the second half have dropout.
      use_bias: give biases also to the convolutions before a normalisation, which batch and
        instance normalisation cancel; without a normalisation they are needed.
      norm: `(train, axis_name, dtype) -> layer`.
      conv: the convolution, called as `flax.linen.Conv`.
      conv_transpose: the transposed convolution, called as `flax.linen.ConvTranspose`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    channels: int = 3
    dropout_blocks: int = 3
    use_bias: bool = False
    norm: Normalization = _batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    conv_transpose: Callable[..., Callable[[Array], Array]] = ConvTranspose
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(
        self,
        source: Array,
        noise: Array | None = None,
        *,
        train: bool,
        axis_name: str | None = None,
    ) -> Array:
        """Translate images.

        Args:
          source: images [B, H, W, C], H and W multiples of `2 ** len(features)`.
          noise: one key per example, [B], for dropout; None for none.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, H, W, C'] in (-1, 1).

        Raises:
          ValueError: the source is not floats of such a size, or the noise is not such keys.
        """
        self._check(source, noise)
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        down, up = (
            partial(make, kernel_size=(4, 4), strides=(2, 2), kernel_init=_init, dtype=self.dtype)
            for make in (self.conv, self.conv_transpose)
        )
        maps = source
        kept: list[Array] = []
        for depth, width in enumerate(self.features):
            bare = depth in (0, len(self.features) - 1)
            maps = _leaky_relu(maps) if depth else maps
            maps = down(width, use_bias=bare or self.use_bias)(maps)
            maps = maps if bare else norm()(maps)
            kept.append(maps)
        maps = kept.pop()
        for block, width in enumerate(reversed(self.features[:-1])):
            maps = norm()(up(width, use_bias=self.use_bias)(nn.relu(maps)))
            if noise is not None and block < self.dropout_blocks:
                maps = _dropout(maps, jax.vmap(jax.random.fold_in, (0, None))(noise, block))
            maps = jnp.concatenate([kept.pop(), maps], axis=-1)
        return jnp.tanh(_wide(up(self.channels)(nn.relu(maps))))

    def _check(self, source: Array, noise: Array | None) -> None:
        check_images(source, axes=4)
        size, multiple = source.shape[1:3], 2 ** len(self.features)
        if size[0] % multiple or size[1] % multiple:
            raise ValueError(
                f"images of {size[0]} x {size[1]} can't be halved {len(self.features)} times: "
                f"height and width must be multiples of {multiple}"
            )
        if noise is None:
            return
        keys = jnp.issubdtype(noise.dtype, jax.dtypes.prng_key)
        if not keys or noise.shape != source.shape[:1]:
            raise ValueError(
                f"noise must be one key of jax.random.key per example, [{source.shape[0]}], "
                f"got {noise.dtype} {list(noise.shape)}"
            )


class Discriminator(nn.Module):
    """Judge every patch of an image: convolutions from it to a map of logits.

    A logit sees a square of the image, whose side is in the name of a preset. For a conditional
    game, join the source and the image by their channels.

    Attributes:
      features: channels of the maps, the one nearest the image first.
      halvings: how many of the first maps are half as high and wide as what they are made of.
      kernel_size: side of all kernels.
      use_bias: give biases also to the convolutions before a normalisation, which batch and
        instance normalisation cancel; without a normalisation they are needed.
      norm: `(train, axis_name, dtype) -> layer`, put after all but the first convolution; under a
        gradient penalty use `instance_norm`, `layer_norm` or `no_norm`.
      conv: the convolution, called as `flax.linen.Conv`.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    halvings: int
    kernel_size: int = 4
    use_bias: bool = False
    norm: Normalization = _batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dtype: DTypeLike | None = None

    @nn.compact
    def __call__(self, images: Array, *, train: bool, axis_name: str | None = None) -> Array:
        """Judge the patches of images.

        Args:
          images: [B, H, W, C] in [-1, 1].
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Logits [B, H', W'], one for each patch.

        Raises:
          ValueError: the images are not such floats, or too small for a single logit; or there are
            more halvings than features.
        """
        self._check(images)
        norm = partial(self.norm, train=train, axis_name=axis_name, dtype=self.dtype)
        conv = partial(
            self.conv,
            kernel_size=(self.kernel_size,) * 2,
            padding=((self._padding, self._padding),) * 2,
            kernel_init=_init,
            dtype=self.dtype,
        )
        maps = images
        for layer, width in enumerate(self.features):
            stride = self._stride(layer)
            bias = not layer or self.use_bias
            maps = conv(width, strides=(stride, stride), use_bias=bias)(maps)
            maps = _leaky_relu(norm()(maps) if layer else maps)
        return _wide(conv(1)(maps)[..., 0])

    @property
    def _padding(self) -> int:
        return (self.kernel_size - 1) // 2

    def _stride(self, layer: int) -> int:
        return 2 if layer < self.halvings else 1

    def _check(self, images: Array) -> None:
        check_images(images, axes=4)
        if not 0 <= self.halvings <= len(self.features):
            raise ValueError(
                f"{len(self.features)} features can't be made by {self.halvings} halvings: there "
                "must be from 0 to as many"
            )
        least = 1
        for layer in reversed(range(len(self.features) + 1)):
            least = (least - 1) * self._stride(layer) + self.kernel_size - 2 * self._padding
        if min(images.shape[1:3]) < least:
            raise ValueError(
                f"images of {images.shape[1]} x {images.shape[2]} are too small for a logit of "
                f"patches: this discriminator takes {least} x {least} or more"
            )


def _dropout(maps: Array, keys: Array) -> Array:
    """Keep about half of the numbers and double them, by each example's own key."""
    half = jnp.float32(0.5)  # A Python number would be drawn for in float64 where that is enabled.
    keep = jax.vmap(lambda key: jax.random.bernoulli(key, half, maps.shape[1:]))(keys)
    return jnp.where(keep, 2 * maps, 0)


def _wide(numbers: Array) -> Array:
    return numbers.astype(jnp.promote_types(numbers.dtype, jnp.float32))


Generator256 = partial(Generator, features=(64, 128, 256, 512, 512, 512, 512, 512))
Generator128 = partial(Generator, features=(64, 128, 256, 512, 512, 512, 512))
Discriminator1 = partial(Discriminator, features=(64, 128), halvings=0, kernel_size=1)
Discriminator16 = partial(Discriminator, features=(64, 128), halvings=1)
Discriminator70 = partial(Discriminator, features=(64, 128, 256, 512), halvings=3)
Discriminator286 = partial(Discriminator, features=(64, 128, 256, 512, 512, 512), halvings=5)
