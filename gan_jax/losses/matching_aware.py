"""The loss of a discriminator that also judges whether an image fits its text."""

from __future__ import annotations

import jax

from ._numerics import as_float, as_float_pair
from .adversarial import AdversarialLoss

__all__ = [
    "matching_aware",
    "matching_aware_discriminator_loss",
    "matching_aware_generator_loss",
]


def matching_aware_discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Compute the cross-entropy of a real image with its text against both ways to be wrong.

    `softplus(-r_own) + 1/2 (softplus(r_other) + softplus(f_own))`: a real image with another text
    is as wrong as a fake with its own, and the two share the weight of the right pair. A fake
    with another text is not judged.

    Args:
        real_logits: Logits `r` of real samples, `[B, 2]`: with their own text, with another one.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If the two shapes differ or the last axis is not 2.

    >>> undecided = jax.numpy.zeros((1, 2))
    >>> print(matching_aware_discriminator_loss(undecided, undecided))
    [1.3862944]

    Reference:
        Reed et al., 2016, "Generative Adversarial Text to Image Synthesis",
        https://arxiv.org/abs/1605.05396
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    real_own, real_other = _own_and_other(real_logits)
    fake_own, _ = _own_and_other(fake_logits)
    wrong = jax.nn.softplus(real_other) + jax.nn.softplus(fake_own)
    return jax.nn.softplus(-real_own) + 0.5 * wrong


def matching_aware_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the non-saturating loss of fakes with their own text.

    `softplus(-f_own)`

    Args:
        fake_logits: Logits `f` of generated samples, `[B, 2]`: with their own text, with another.
        real_logits: Not used.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If the last axis is not 2.

    Reference:
        Reed et al., 2016, "Generative Adversarial Text to Image Synthesis",
        https://arxiv.org/abs/1605.05396
    """
    fake_own, _ = _own_and_other(as_float(fake_logits))
    return jax.nn.softplus(-fake_own)


def _own_and_other(logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    if logits.ndim < 2 or logits.shape[-1] != 2:
        raise ValueError(
            "matching-aware logits must be [B, 2]: with the own text, with another, "
            f"got {logits.shape}"
        )
    return logits[..., 0], logits[..., 1]


matching_aware = AdversarialLoss(matching_aware_discriminator_loss, matching_aware_generator_loss)
