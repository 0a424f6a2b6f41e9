"""The mapping network of StyleGAN2."""

from __future__ import annotations

from flax import linen as nn
from jax import lax
from jax import numpy as jnp
from jax.nn.initializers import normal

from gan_jax.layers import EqualizedDense
from gan_jax.models.stylegan2.common import leaky_relu
from gan_jax.typing import Array

__all__ = ["Mapping"]


class Mapping(nn.Module):
    """Map latents, an embedding of labels, or both joined, to styles.

    Each of them is first divided by the root of its mean square. Everything is computed in float32
    at least. As in NVIDIA's later code labels and latents are normalised apart; the embedding has
    no bias, which would be the same for all classes.

    Attributes:
      features: length D of a style, the width of all layers and length of the label's embedding.
      num_layers: number of dense layers, each followed by a leaky rectifier.
      num_classes: number of classes, 0 if no labels will be given.
      lr_multiplier: of the learning rate of the dense layers.

    Reference:
      Karras et al., A Style-Based Generator Architecture for Generative Adversarial Networks, 2018,
      https://arxiv.org/abs/1812.04948; labels as in Karras et al., Training Generative Adversarial
      Networks with Limited Data, 2020, https://arxiv.org/abs/2006.06676
    """

    features: int = 512
    num_layers: int = 8
    num_classes: int = 0
    lr_multiplier: float = 0.01

    @nn.compact
    def __call__(self, latents: Array | None, labels: Array | None) -> Array:
        """Return styles.

        Args:
          latents: floats [B, Z], or None for labels alone.
          labels: int32 [B] with `num_classes`, else None.

        Returns:
          [B, D].
        """
        inputs = [] if latents is None else [latents]
        if labels is not None:
            embed = nn.Embed(
                self.num_classes, self.features, embedding_init=normal(1.0), name="embedding"
            )
            inputs.append(embed(labels))
        hidden = jnp.concatenate([_normalize(part) for part in inputs], axis=-1)
        for index in range(self.num_layers):
            dense = EqualizedDense(
                self.features, lr_multiplier=self.lr_multiplier, name=f"dense{index}"
            )
            hidden = leaky_relu(dense(hidden))
        return hidden


def _normalize(vectors: Array) -> Array:
    """Divide by the root of the mean square."""
    wide = vectors.astype(jnp.promote_types(vectors.dtype, jnp.float32))
    return wide * lax.rsqrt(jnp.mean(jnp.square(wide), axis=-1, keepdims=True) + 1e-8)
