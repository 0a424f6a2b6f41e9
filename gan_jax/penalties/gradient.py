"""Penalties on the gradient of a critic with respect to its input.

A penalty is called by keyword with all that a training step has and names only what it reads.
Samples are pytrees of `[B, ...]` arrays (an image batch is the simplest) and constants: no gradient
flows to them, only to what the critic closes over. Norms are per example, over every other axis of
every leaf, accumulated in float32 or better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["gradient_penalty", "r1_penalty", "r2_penalty"]


def r1_penalty(*, critic: Callable[[Any], jax.Array], real: Any, **_: Any) -> jax.Array:
    """Penalise the squared gradient norm at real samples.

    `1/2 ||∇D(x)||²`; weight it by the paper's γ. Some code leaves out the 1/2.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.

    Returns:
        Penalty per example, `[B]`.

    >>> weights = jnp.array([3.0, 4.0])
    >>> print(r1_penalty(critic=lambda images: images @ weights, real=jnp.ones((2, 2))))
    [12.5 12.5]

    Reference:
        Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?",
        https://arxiv.org/abs/1801.04406
    """
    return 0.5 * _squared_gradient_norm(critic, real)


def r2_penalty(*, critic: Callable[[Any], jax.Array], fake: Any, **_: Any) -> jax.Array:
    """Penalise the squared gradient norm at generated samples.

    `1/2 ||∇D(G(z))||²`

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        fake: Generated samples, a pytree of `[B, ...]`.

    Returns:
        Penalty per example, `[B]`.

    Reference:
        Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?",
        https://arxiv.org/abs/1801.04406
    """
    return 0.5 * _squared_gradient_norm(critic, fake)


def gradient_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    target: float = 1.0,
    **_: Any,
) -> jax.Array:
    """Pull the gradient norm between real and generated samples towards a target.

    `(||∇D(x̂)|| - 1)²` at `x̂ = α x + (1 - α) G(z)`, one `α ~ U(0, 1)` per example. The critic must
    not mix examples (no batch norm), or there is no such thing as its gradient at one of them.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`, so that α does not depend on the rest of the batch.
        target: The gradient norm that costs nothing.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape or there is not one key per example.

    Reference:
        Gulrajani et al., 2017, "Improved Training of Wasserstein GANs",
        https://arxiv.org/abs/1704.00028
    """
    squared_norm = _squared_gradient_norm(critic, _between(real, fake, keys))
    # The square root alone has an infinite slope at zero.
    return jnp.square(jnp.sqrt(squared_norm + 1e-12) - target)


def _between(real: Any, fake: Any, keys: jax.Array) -> Any:
    """Draw a point on the line from fake to real for every example."""
    real_shapes, fake_shapes = ([x.shape for x in jax.tree.leaves(tree)] for tree in (real, fake))
    if real_shapes != fake_shapes or any(shape[:1] != keys.shape for shape in real_shapes):
        raise ValueError(
            "gradient_penalty needs real and fake of the same shapes and one key per example, "
            f"got real {real_shapes}, fake {fake_shapes} and keys {keys.shape}"
        )

    def between(key: jax.Array, real: Any, fake: Any) -> Any:
        alpha = jax.random.uniform(key)

        def mix(real: jax.Array, fake: jax.Array) -> jax.Array:
            weight = alpha.astype(real.dtype)
            return weight * real + (1 - weight) * fake

        return jax.tree.map(mix, real, fake)

    return jax.vmap(between)(keys, real, fake)


def _squared_gradient_norm(critic: Callable[[Any], jax.Array], samples: Any) -> jax.Array:
    """Return `||∇D||²` at every example, `[B]`."""

    def squared_norm(gradient: jax.Array) -> jax.Array:
        gradient = gradient.astype(jnp.promote_types(gradient.dtype, jnp.float32))
        return jnp.sum(jnp.square(gradient), axis=tuple(range(1, gradient.ndim)))

    # Summing gives every example its own gradient, and suits patch maps and critics that look at
    # the whole batch, which a vmap over examples would not.
    gradients = jax.grad(lambda samples: jnp.sum(critic(samples)))(jax.lax.stop_gradient(samples))
    return jax.tree.reduce(jnp.add, jax.tree.map(squared_norm, gradients))
