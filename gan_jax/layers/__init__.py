"""Building blocks of networks, without papers' names."""

from gan_jax.layers.conditioning import LabelledLatents, ProjectionHead
from gan_jax.layers.normalization import Normalization, batch_norm, layer_norm, no_norm

__all__ = [
    "LabelledLatents",
    "Normalization",
    "ProjectionHead",
    "batch_norm",
    "layer_norm",
    "no_norm",
]
