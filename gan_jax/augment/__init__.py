"""Differentiable augmentation of what a discriminator sees, one example at a time."""

from .adaptive import adapt_probability, adaptive_augment
from .color import COLOR, brightness, contrast, hue_rotation, luma_flip, recolor, saturation
from .common import Augmentation, compose
from .diff import (
    diff_augment,
    random_brightness,
    random_contrast,
    random_cutout,
    random_saturation,
    random_translation,
)
from .geometric import (
    BLITTING,
    GEOMETRY,
    anisotropic_scaling,
    flip,
    fractional_translation,
    integer_translation,
    isotropic_scaling,
    quarter_turn,
    rotation,
)
from .noise import instance_noise
from .pseudo import pseudo_augment
from .resample import blit, warp

__all__ = [
    "BLITTING",
    "COLOR",
    "GEOMETRY",
    "Augmentation",
    "adapt_probability",
    "adaptive_augment",
    "anisotropic_scaling",
    "blit",
    "brightness",
    "compose",
    "contrast",
    "diff_augment",
    "flip",
    "fractional_translation",
    "hue_rotation",
    "instance_noise",
    "integer_translation",
    "isotropic_scaling",
    "luma_flip",
    "pseudo_augment",
    "quarter_turn",
    "random_brightness",
    "random_contrast",
    "random_cutout",
    "random_saturation",
    "random_translation",
    "recolor",
    "rotation",
    "saturation",
    "warp",
]
