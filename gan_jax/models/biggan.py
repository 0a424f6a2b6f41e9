"""BigGAN: wide residual networks, latents that enter at every block, one embedding of classes.

The discriminator is that of `gan_jax.models.resnet`, wide, with attention and orthogonal weights.
Spectral normalisation, in both players, has the epsilon of the authors' PyTorch code.

Reference:
  Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image Synthesis,
  2018, https://arxiv.org/abs/1809.11096
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from flax import linen as nn
from jax import numpy as jnp
from jax.nn.initializers import Initializer, orthogonal
from jax.typing import DTypeLike

from gan_jax.layers import (
    ConditionalNormalization,
    Normalization,
    ProjectionHead,
    SelfAttention,
    SpectralConv,
    SpectralDense,
    SpectralEmbed,
    batch_norm,
    conditional_batch_norm,
)
from gan_jax.layers.conditioning import check_features, checked_labels
from gan_jax.models import resnet
from gan_jax.models.residual import GeneratorBlock, check_attention
from gan_jax.typing import Array

__all__ = [
    "Discriminator",
    "Discriminator32",
    "Discriminator64",
    "Discriminator128",
    "Discriminator256",
    "Generator",
    "Generator32",
    "Generator64",
    "Generator128",
    "Generator256",
]

_init = orthogonal()
_conv = partial(SpectralConv, epsilon=1e-6)
_dense = partial(SpectralDense, epsilon=1e-6)
_embed = partial(SpectralEmbed, epsilon=1e-6)


class Generator(nn.Module):
    """Project a first part of the latents to a small map, then double it by residual blocks.

    The latents are cut into equal parts: one is projected, the others go to a block each. Joined
    with an embedding of the label, which all blocks share, a part makes gains and biases of its
    block's normalisations by linear maps. Without classes it makes them alone.

    Attributes:
      base: side of the first map; the image's side is `base * 2 ** (len(features) - 1)`.
      features: channels of the maps, the projected one first.
      channels: channels C of the images.
      num_classes: number of classes, 0 for an unconditional generator.
      shared_features: length E of the embedding of a label.
      norm: `(train, axis_name, dtype) -> layer`, the last normalisation.
      conditional_norm: `(train, axis_name, dtype) -> layer`, that of the blocks, called
        `layer(maps, vectors)`.
      conv: the convolutions, called as `flax.linen.Conv`.
      dense: the projection of the latents, called as `flax.linen.Dense`.
      embed: the embedding of labels, called as `flax.linen.Embed`.
      attention_at: sides of the maps that pass self-attention.
      kernel_init: initializer of all weights.
      dtype: what the layers compute in, e.g. bfloat16; that of the parameters if None.
    """

    base: int
    features: Sequence[int]
    channels: int = 3
    num_classes: int = 0
    shared_features: int = 128
    norm: Normalization = batch_norm
    conditional_norm: ConditionalNormalization = partial(
        conditional_batch_norm, dense=_dense, kernel_init=_init
    )
    conv: Callable[..., Callable[[Array], Array]] = _conv
    dense: Callable[..., Callable[[Array], Array]] = _dense
    embed: Callable[..., Callable[[Array], Array]] = nn.Embed
    attention_at: Sequence[int] = ()
    kernel_init: Initializer = _init
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
          latents: [B, D], D a multiple of `len(features)`.
          labels: int32 [B] for a class-conditional generator.
          train: normalise by the batch (True) or by running statistics (False).
          axis_name: the mapped axis of the devices, None on one device.

        Returns:
          Images [B, H, W, C] in (-1, 1).

        Raises:
          ValueError: the latents are not floats [B, D] or can't be cut into equal parts, labels are
            not as said, or attention is asked for at a side that no map has.
        """
        check_attention(self.attention_at, [self.base << k for k in range(1, len(self.features))])
        first, *conditions = self._conditions(latents, labels)
        conv = partial(self.conv, kernel_init=self.kernel_init, dtype=self.dtype)
        dense = partial(self.dense, kernel_init=self.kernel_init, dtype=self.dtype, name="dense")
        block = partial(
            GeneratorBlock,
            norm=self.conditional_norm,
            conv=self.conv,
            kernel_init=self.kernel_init,
            linear_init=self.kernel_init,
            dtype=self.dtype,
        )
        flat = dense(self.base**2 * self.features[0])(first)
        maps = flat.reshape(-1, self.base, self.base, self.features[0])
        for width, condition in zip(self.features[1:], conditions, strict=True):
            maps = block(width)(maps, condition, train=train, axis_name=axis_name)
            if maps.shape[1] in self.attention_at:
                maps = SelfAttention(conv, self.dtype)(maps)
        last_norm = self.norm(train=train, axis_name=axis_name, dtype=self.dtype)
        pixels = conv(self.channels, (3, 3), name="conv")(nn.relu(last_norm(maps)))
        return jnp.tanh(pixels.astype(jnp.promote_types(pixels.dtype, jnp.float32)))

    def _conditions(self, latents: Array, labels: Array | None) -> list[Array]:
        """Return what is projected, [B, D / N], and the condition of each block, [B, D / N + E]."""
        check_features("latents", latents)
        labels = checked_labels("generator", self.num_classes, labels, latents.shape[0])
        count = len(self.features)
        if latents.shape[1] % count:
            raise ValueError(
                f"latents have {latents.shape[1]} components: this generator cuts them into "
                f"{count} equal parts, so there must be a multiple of {count}"
            )
        first, *parts = jnp.split(latents, count, axis=1)
        if labels is None:
            return [first, *parts]
        embed = partial(self.embed, embedding_init=self.kernel_init, name="shared")
        shared = embed(self.num_classes, self.shared_features)(labels)
        return [first, *(jnp.concatenate([part, shared], axis=1) for part in parts)]


Discriminator = partial(
    resnet.Discriminator,
    wide=True,
    conv=_conv,
    head=partial(ProjectionHead, dense=_dense, embed=_embed),
    kernel_init=_init,
    linear_init=_init,
)


def _times(width: int, *multiples: int) -> tuple[int, ...]:
    return tuple(width * multiple for multiple in multiples)


Generator32 = partial(Generator, base=4, features=_times(64, 4, 4, 4, 4))
Generator64 = partial(Generator, base=4, features=_times(96, 16, 16, 8, 4, 2), attention_at=(32,))
Generator128 = partial(
    Generator, base=4, features=_times(96, 16, 16, 8, 4, 2, 1), attention_at=(64,)
)
Generator256 = partial(
    Generator, base=4, features=_times(96, 16, 16, 8, 8, 4, 2, 1), attention_at=(64,)
)
Discriminator32 = partial(Discriminator, features=_times(64, 4, 4, 4, 4), halvings=2)
Discriminator64 = partial(
    Discriminator, features=_times(96, 1, 2, 4, 8, 16), halvings=4, attention_at=(32,)
)
Discriminator128 = partial(
    Discriminator, features=_times(96, 1, 2, 4, 8, 16, 16), halvings=5, attention_at=(64,)
)
Discriminator256 = partial(
    Discriminator, features=_times(96, 1, 2, 4, 8, 8, 16, 16), halvings=6, attention_at=(64,)
)
