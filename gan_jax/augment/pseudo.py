"""Adaptive pseudo augmentation: fakes among the reals."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from .common import check_probability

__all__ = ["pseudo_augment"]


def pseudo_augment(key: jax.Array, real: Any, fake: Any, probability: float | jax.Array) -> Any:
    """Put a fake in the place of a real, with a probability.

    `G(z) if u < p else x` with `u ~ U[0, 1)`. The discriminator is shown it as real, which takes
    from it what it had by heart; `adapt_probability` sets p. No gradient reaches the fake.

    Args:
        key: Typed key.
        real: One real sample, a pytree.
        fake: One generated sample, of the same structure, shapes and dtypes.
        probability: p, in [0, 1]; may be traced, as a quantity of the training state is.

    Returns:
        One sample, all of it the real one or all of it the fake one.

    Raises:
        ValueError: If probability is a number outside [0, 1] or the two samples differ in
            structure, shapes or dtypes.

    >>> print(pseudo_augment(jax.random.key(0), jnp.zeros(2), jnp.ones(2), 1.0))
    [1. 1.]

    Reference:
        Jiang et al., 2021, "Deceive D: Adaptive Pseudo Augmentation for GAN Training with Limited
        Data", https://arxiv.org/abs/2111.06849
    """
    check_probability(probability)
    kinds = [
        jax.tree.map(lambda x: f"{jnp.result_type(x)}{list(jnp.shape(x))}", tree)
        for tree in (real, fake)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError(f"pseudo_augment: real and fake must be alike, got {kinds[0]}, {kinds[1]}")
    replaced = jax.random.uniform(key) < probability
    fake = jax.lax.stop_gradient(fake)
    return jax.tree.map(lambda real, fake: jnp.where(replaced, fake, real), real, fake)
