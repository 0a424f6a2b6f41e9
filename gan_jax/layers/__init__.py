"""Building blocks of networks, without papers' names."""

from gan_jax.layers.activation import PReLU
from gan_jax.layers.attention import SelfAttention
from gan_jax.layers.conditional_norm import (
    ConditionalBatchNorm,
    ConditionalNormalization,
    conditional_batch_norm,
)
from gan_jax.layers.conditioning import LabelledLatents, ProjectionHead
from gan_jax.layers.convolution import (
    Conv,
    ConvTranspose,
    conv_general_dilated,
    conv_transpose,
)
from gan_jax.layers.equalized import EqualizedConv, EqualizedDense
from gan_jax.layers.fourier import FourierFeatures, fourier_features
from gan_jax.layers.instance import instance_norm
from gan_jax.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_jax.layers.modulated import ModulatedConv, modulated_conv
from gan_jax.layers.normalization import Normalization, batch_norm, layer_norm, no_norm
from gan_jax.layers.padding import reflection_pad
from gan_jax.layers.resampling import blur, downsample, mean_pool, nearest_upsample, upsample
from gan_jax.layers.shuffle import pixel_shuffle
from gan_jax.layers.spectral import (
    SpectralConv,
    SpectralConvTranspose,
    SpectralDense,
    SpectralEmbed,
    spectral_norm,
)

__all__ = [
    "ConditionalBatchNorm",
    "ConditionalNormalization",
    "Conv",
    "ConvTranspose",
    "EqualizedConv",
    "EqualizedDense",
    "FourierFeatures",
    "LabelledLatents",
    "MinibatchDiscrimination",
    "MinibatchStandardDeviation",
    "ModulatedConv",
    "Normalization",
    "PReLU",
    "ProjectionHead",
    "SelfAttention",
    "SpectralConv",
    "SpectralConvTranspose",
    "SpectralDense",
    "SpectralEmbed",
    "batch_norm",
    "blur",
    "conditional_batch_norm",
    "conv_general_dilated",
    "conv_transpose",
    "downsample",
    "fourier_features",
    "instance_norm",
    "layer_norm",
    "mean_pool",
    "modulated_conv",
    "nearest_upsample",
    "no_norm",
    "pixel_shuffle",
    "reflection_pad",
    "spectral_norm",
    "upsample",
]
