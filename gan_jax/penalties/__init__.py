"""Penalties on either player, one value per example, and wrappers that weight and time them."""

from .consistency import (
    balanced_consistency_penalty,
    consistency_penalty,
    latent_consistency_penalty,
    latent_diversity_penalty,
)
from .gradient import r1_penalty, r2_penalty
from .interpolated import (
    gradient_penalty,
    max_gradient_penalty,
    wgan_div_penalty,
    zero_centred_gradient_penalty,
)
from .logits import lecam_penalty
from .parameters import off_diagonal_orthogonal_penalty, orthogonal_penalty
from .path_length import path_length_penalty, path_lengths
from .perturbed import dragan_penalty
from .wrappers import Penalty, every, weighted

__all__ = [
    "Penalty",
    "balanced_consistency_penalty",
    "consistency_penalty",
    "dragan_penalty",
    "every",
    "gradient_penalty",
    "latent_consistency_penalty",
    "latent_diversity_penalty",
    "lecam_penalty",
    "max_gradient_penalty",
    "off_diagonal_orthogonal_penalty",
    "orthogonal_penalty",
    "path_length_penalty",
    "path_lengths",
    "r1_penalty",
    "r2_penalty",
    "weighted",
    "wgan_div_penalty",
    "zero_centred_gradient_penalty",
]
