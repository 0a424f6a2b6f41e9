"""Penalties on the gradient of a critic at real and at generated samples.

A penalty is called by keyword with all that a training step has and names only what it reads.
Samples are pytrees of `[B, ...]` arrays (an image batch is the simplest). A discriminator's step
differentiates by its own parameters alone; but a generator that looks ahead, through its answer or
at both players' gradients, is right only as gradients flow through the samples too, so nothing here
stops them. Norms are per example, over every other axis of every leaf, accumulated in float32 or
better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from ._numerics import squared_gradient_norm

__all__ = ["r1_penalty", "r2_penalty"]


def r1_penalty(*, critic: Callable[[Any], jax.Array], real: Any, **_: Any) -> jax.Array:
    """Penalise the squared gradient norm at real samples.

    `1/2 ||∇D(x)||²`; weight it by the paper's γ. Some code leaves out the 1/2.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If samples are not floats `[B, ...]`, B at least 1.

    >>> weights = jax.numpy.array([3.0, 4.0])
    >>> print(r1_penalty(critic=lambda images: images @ weights, real=jax.numpy.ones((2, 2))))
    [12.5 12.5]

    Reference:
        Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?",
        https://arxiv.org/abs/1801.04406
    """
    return 0.5 * squared_gradient_norm(critic, real)


def r2_penalty(*, critic: Callable[[Any], jax.Array], fake: Any, **_: Any) -> jax.Array:
    """Penalise the squared gradient norm at generated samples.

    `1/2 ||∇D(G(z))||²`

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        fake: Generated samples, a pytree of `[B, ...]`.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If samples are not floats `[B, ...]`, B at least 1.

    Reference:
        Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?",
        https://arxiv.org/abs/1801.04406
    """
    return 0.5 * squared_gradient_norm(critic, fake)
