"""A penalty on the gradient of a critic around real samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import (
    as_float,
    between,
    check_at_least,
    check_independence,
    check_keys,
    mean_per_example,
    root,
    split_each,
    squared_gradient_norm,
)

__all__ = ["dragan_penalty"]


def dragan_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    keys: jax.Array,
    scale: float | jax.Array = 0.5,
    target: float | jax.Array = 1.0,
    gather: Callable[[jax.Array], jax.Array] = lambda values: values,
    mixes_examples: bool = False,
    **_: Any,
) -> jax.Array:
    """Pull the gradient norm around real samples towards a target.

    `(||∇D(x̂)|| - 1)²` at `x̂ = x + α · 0.5 std(x) · u`, one `α ~ U(0, 1)` per example and one
    `u ~ U(0, 1)` per pixel. This is the authors' code (their paper has Gaussian noise): `std` is
    one number, of all pixels of all reals in the batch, and the noise only brightens. The paper's
    weight is 10.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`, each leaf with its own standard deviation.
        keys: One typed key per example, `[B]`.
        scale: The largest noise, in standard deviations.
        target: The gradient norm that costs nothing.
        gather: Joins `[B]` of all devices, so that the deviation is that of the global batch.
        mixes_examples: Whether the critic normalises over the batch.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If there is not one key per example, a number is negative, or the critic mixes
            examples.

    Reference:
        Kodali et al., 2017, "On Convergence and Stability of GANs",
        https://arxiv.org/abs/1705.07215
    """
    check_independence("dragan_penalty", mixes_examples)
    check_at_least("dragan_penalty", "scale", scale, 0)
    check_at_least("dragan_penalty", "target", target, 0)
    check_keys("dragan_penalty", keys, real)
    noise_keys, alpha_keys = split_each(keys)
    leaves, structure = jax.tree.flatten(real)
    noisy = [_noisy(noise_keys, index, leaf, scale, gather) for index, leaf in enumerate(leaves)]
    point = between(alpha_keys, jax.tree.unflatten(structure, noisy), real)
    return jnp.square(root(squared_gradient_norm(critic, point)) - target)


def _noisy(
    keys: jax.Array,
    index: int,
    leaf: jax.Array,
    scale: float | jax.Array,
    gather: Callable[[jax.Array], jax.Array],
) -> jax.Array:
    """Add uniform noise of up to `scale` standard deviations of the global batch to a leaf."""
    values = as_float(leaf)
    mean = jnp.mean(gather(mean_per_example(values)))
    deviation = jnp.sqrt(jnp.mean(gather(mean_per_example(jnp.square(values - mean)))))

    def noise(key: jax.Array) -> jax.Array:
        return jax.random.uniform(jax.random.fold_in(key, index), leaf.shape[1:], values.dtype)

    return (values + scale * deviation * jax.vmap(noise)(keys)).astype(leaf.dtype)
