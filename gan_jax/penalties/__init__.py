"""Penalties on a discriminator, one value per example, and wrappers that weight and time them."""

from .gradient import gradient_penalty, r1_penalty, r2_penalty
from .wrappers import Penalty, every, weighted

__all__ = ["Penalty", "every", "gradient_penalty", "r1_penalty", "r2_penalty", "weighted"]
