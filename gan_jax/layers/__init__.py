"""Building blocks of networks, without papers' names."""

from gan_jax.layers.conditioning import LabelledLatents, ProjectionHead
from gan_jax.layers.convolution import (
    Conv,
    ConvTranspose,
    conv_general_dilated,
    conv_transpose,
)
from gan_jax.layers.normalization import Normalization, batch_norm, layer_norm, no_norm
from gan_jax.layers.resampling import blur, downsample, mean_pool, nearest_upsample, upsample

__all__ = [
    "Conv",
    "ConvTranspose",
    "LabelledLatents",
    "Normalization",
    "ProjectionHead",
    "batch_norm",
    "blur",
    "conv_general_dilated",
    "conv_transpose",
    "downsample",
    "layer_norm",
    "mean_pool",
    "nearest_upsample",
    "no_norm",
    "upsample",
]
