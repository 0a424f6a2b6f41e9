"""Residual networks: those of SNGAN, of its projection discriminator and of WGAN-GP.

Reference:
  Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018,
  https://arxiv.org/abs/1802.05957; Miyato and Koyama, cGANs with Projection Discriminator, 2018,
  https://arxiv.org/abs/1802.05637; Gulrajani et al., Improved Training of Wasserstein GANs, 2017,
  https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer
from jax.typing import DTypeLike

from gan_jax.layers import (
    ConditionalNormalization,
    Conv,
    Normalization,
    ProjectionHead,
    SelfAttention,
    SpectralConv,
    SpectralDense,
    SpectralEmbed,
    batch_norm,
    conditional_batch_norm,
    no_norm,
)
from gan_jax.layers.conditioning import check_features, checked_labels
from gan_jax.models.checks import check_images
from gan_jax.models.residual import (
    DiscriminatorBlock,
    GeneratorBlock,
    check_attention,
    glorot_init,
    residual_init,
)
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator28",
    "Discriminator32",
    "Discriminator64",
    "Discriminator128",
    "Generator",
    "Generator28",
    "Generator32",
    "Generator64",
    "Generator128",
    "WassersteinDiscriminator32",
    "WassersteinGenerator32",
]


class Generator(nn.Module):
    """Project latents to a small map, then double it by residual blocks.

    Labels steer the normalisations of the blocks, not the last one.

    Attributes:
      base: side of the first map; the image's side is `base * 2 ** (len(features) - 1)`.
      features: channels of the maps, the projected one first.
      channels: channels C of the images.
      num_classes: number of classes, 0 for an unconditional generator.
      norm: `(train, axis_name, dtype) -> layer`, put wherever labels play no part.
      conditional_norm: `(num_classes, train, axis_name, dtype) -> layer`, that of the blocks if
        there are classes.
      conv: the convolutions, called as `flax.linen.Conv`.
      dense: the projection of the latents, called as `flax.linen.Dense`.
      attention_at: sides of the maps that pass self-attention.
      kernel_init: initializer of the blocks' 3x3 convolutions.
      linear_init: initializer of all other weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    base: int
    features: Sequence[int]
    channels: int = 3
    num_classes: int = 0
    norm: Normalization = batch_norm
    conditional_norm: ConditionalNormalization = conditional_batch_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    dense: Callable[..., Callable[[Array], Array]] = nn.Dense
    attention_at: Sequence[int] = ()
    kernel_init: Initializer = residual_init
    linear_init: Initializer = glorot_init
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
          ValueError: the latents are not floats [B, D], labels are not as said, or attention is
            asked for at a side that no map has.
        """
        check_features("latents", latents)
        labels = checked_labels("generator", self.num_classes, labels, latents.shape[0])
        check_attention(self.attention_at, [self.base << k for k in range(1, len(self.features))])
        norm: Callable[..., Callable[..., Array]] = self.norm
        if labels is not None:
            norm = partial(self.conditional_norm, num_classes=self.num_classes)
        conv = partial(self.conv, kernel_init=self.linear_init, dtype=self.dtype)
        dense = partial(self.dense, kernel_init=self.linear_init, dtype=self.dtype, name="dense")
        block = partial(
            GeneratorBlock,
            norm=norm,
            conv=self.conv,
            kernel_init=self.kernel_init,
            linear_init=self.linear_init,
            dtype=self.dtype,
        )
        flat = dense(self.base**2 * self.features[0])(latents)
        maps = flat.reshape(-1, self.base, self.base, self.features[0])
        for width in self.features[1:]:
            maps = block(width)(maps, labels, train=train, axis_name=axis_name)
            if maps.shape[1] in self.attention_at:
                maps = SelfAttention(conv, self.dtype)(maps)
        last_norm = self.norm(train=train, axis_name=axis_name, dtype=self.dtype)
        pixels = conv(self.channels, (3, 3), name="conv")(nn.relu(last_norm(maps)))
        return jnp.tanh(pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32)))


class Discriminator(nn.Module):
    """Halve the image by residual blocks, then pool what is left to one logit.

    Attributes:
      features: channels that come out of each block, the one nearest the image first.
      halvings: how many blocks halve the image; those after them keep its size.
      num_classes: number of classes, 0 for an unconditional discriminator.
      wide: change the number of channels at a block's first convolution, not at its second.
      pool: takes the last maps [B, H, W, C] to features [B, C].
      norm: `(train, axis_name, dtype) -> layer`, that of all blocks but the first; a critic under
        a gradient penalty takes `layer_norm` or `no_norm`.
      conv: the convolutions, called as `flax.linen.Conv`.
      head: makes logits, called `(num_classes, kernel_init=)(features, labels)`.
      attention_at: sides of the maps that pass self-attention.
      kernel_init: initializer of the 3x3 convolutions.
      linear_init: initializer of all other weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    features: Sequence[int]
    halvings: int
    num_classes: int = 0
    wide: bool = False
    pool: Callable[[Array], Array] = partial(jnp.sum, axis=(1, 2))
    norm: Normalization = no_norm
    conv: Callable[..., Callable[[Array], Array]] = Conv
    head: Callable[..., Callable[[Array, Array | None], Array]] = ProjectionHead
    attention_at: Sequence[int] = ()
    kernel_init: Initializer = residual_init
    linear_init: Initializer = glorot_init
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
          images: [B, H, W, C] in [-1, 1], H and W multiples of `2 ** halvings`.
          labels: int32 [B] for a class-conditional discriminator.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Logits [B].

        Raises:
          ValueError: the images are not floats [B, H, W, C] or can't be halved so often, labels are
            not as said, or attention is asked for at a side that no map has.
        """
        check_images(images, axes=4)
        self._check_sides(*images.shape[1:3])
        block = partial(
            DiscriminatorBlock,
            conv=self.conv,
            kernel_init=self.kernel_init,
            linear_init=self.linear_init,
            dtype=self.dtype,
        )
        maps = images
        for index, width in enumerate(self.features):
            first, halve = index == 0, index < self.halvings
            maps = block(
                width,
                hidden=width if first or self.wide else None,
                halve=halve,
                preactivation=not first,
                norm=no_norm if first else self.norm,
            )(maps, train=train, axis_name=axis_name)
            if halve and maps.shape[1] in self.attention_at:
                conv = partial(self.conv, kernel_init=self.linear_init)
                maps = SelfAttention(conv, self.dtype)(maps)
        # A sum over pixels takes the digits of float32.
        maps = nn.relu(maps).astype(jnp.promote_types(maps.dtype, jnp.float32))
        return self.head(self.num_classes, kernel_init=self.linear_init)(self.pool(maps), labels)

    def _check_sides(self, height: int, width: int) -> None:
        multiple = 2**self.halvings
        if height % multiple or width % multiple:
            raise ValueError(
                f"images are {height} x {width}: this discriminator halves them {self.halvings} "
                f"times, so height and width must be multiples of {multiple}"
            )
        check_attention(self.attention_at, [height >> k for k in range(1, self.halvings + 1)])


_spectral_head = partial(ProjectionHead, dense=SpectralDense, embed=SpectralEmbed)
_Spectral = partial(Discriminator, conv=SpectralConv, head=_spectral_head)

# SNGAN's on small images, and those of the projection discriminator's authors on ImageNet.
Generator28 = partial(Generator, base=7, features=(256,) * 3, channels=1)
Generator32 = partial(Generator, base=4, features=(256,) * 4)
Generator64 = partial(Generator, base=4, features=(1024, 512, 256, 128, 64))
Generator128 = partial(Generator, base=4, features=(1024, 1024, 512, 256, 128, 64))
Discriminator28 = partial(_Spectral, features=(128,) * 4, halvings=2)
Discriminator32 = partial(_Spectral, features=(128,) * 4, halvings=2)
Discriminator64 = partial(_Spectral, features=(64, 128, 256, 512, 1024), halvings=5)
Discriminator128 = partial(_Spectral, features=(64, 128, 256, 512, 1024, 1024), halvings=5)

# WGAN-GP's on CIFAR-10.
WassersteinGenerator32 = partial(Generator, base=4, features=(128,) * 4)
WassersteinDiscriminator32 = partial(
    Discriminator, features=(128,) * 4, halvings=2, pool=partial(jnp.mean, axis=(1, 2))
)
