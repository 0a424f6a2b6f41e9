"""Penalties on how a network answers to small changes of its input.

Patch maps and images count by their mean, so a weight does not depend on their size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import (
    as_float,
    check_at_least,
    check_each_key,
    check_keys,
    mean_per_example,
    split_each,
)

__all__ = [
    "balanced_consistency_penalty",
    "consistency_penalty",
    "latent_consistency_penalty",
    "latent_diversity_penalty",
]


def _generated(generator: Callable[..., Any], batch: Any, latents: jax.Array) -> Any:
    return generator(latents)


def consistency_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    keys: jax.Array,
    augment: Callable[[jax.Array, Any], Any],
    **_: Any,
) -> jax.Array:
    """Penalise a critic that tells real samples from augmented ones.

    `(D(x) - D(T(x)))²`; the paper's weight is 10.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        keys: One typed key per example, `[B]`.
        augment: `T`, `(key, example) -> example`, which should keep what an example is.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If there is not one key per example.

    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> call = {"critic": lambda images: images.sum(axis=1), "keys": keys}
    >>> brighter = lambda key, image: image + 1.0
    >>> print(consistency_penalty(**call, real=jnp.zeros((2, 3)), augment=brighter))
    [9. 9.]

    Reference:
        Zhang et al., 2020, "Consistency Regularization for Generative Adversarial Networks",
        https://arxiv.org/abs/1910.12027
    """
    check_keys("consistency_penalty", keys, real)
    return _inconsistency(critic, real, keys, augment)


def balanced_consistency_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    augment: Callable[[jax.Array, Any], Any],
    **_: Any,
) -> jax.Array:
    """Penalise a critic that tells real or generated samples from augmented ones (bCR).

    `(D(x) - D(T(x)))² + (D(G(z)) - D(T(G(z))))²`, with augmentations of its own for each kind. The
    paper weights both by 10. Without the second part a generator may learn the augmentations.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`.
        augment: `T`, `(key, example) -> example`, which should keep what an example is.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape or there is not one key per example.

    Reference:
        Zhao et al., 2021, "Improved Consistency Regularization for GANs",
        https://arxiv.org/abs/2002.04724
    """
    check_keys("balanced_consistency_penalty", keys, real, fake)
    real_keys, fake_keys = split_each(keys)
    of_real = _inconsistency(critic, real, real_keys, augment)
    return of_real + _inconsistency(critic, fake, fake_keys, augment)


def latent_consistency_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    generator: Callable[..., Any],
    keys: jax.Array,
    prior: Callable[[jax.Array], jax.Array],
    scale: float | jax.Array = 0.03,
    decode: Callable[[Callable[..., Any], Any, jax.Array], Any] = _generated,
    batch: Any = None,
    **_: Any,
) -> jax.Array:
    """Penalise a critic that tells fakes of neighbouring latents apart (zCR, discriminator's side).

    `(D(G(z)) - D(G(z + δ)))²` with `δ ~ N(0, scale²)` per component. It goes with
    `latent_diversity_penalty` in the generator's step.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        generator: Maps latents, and what else `decode` gives it, to samples.
        keys: One typed key per example, `[B]`.
        prior: Draws the latents of one example from a key.
        scale: Standard deviation of the change of the latents.
        decode: `(generator, batch, latents) -> sample`, for generators that want more than latents.
        batch: What the step was given, for `decode`.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If the scale is a negative number or keys are not typed ones `[B]`.

    Reference:
        Zhao et al., 2021, "Improved Consistency Regularization for GANs",
        https://arxiv.org/abs/2002.04724
    """
    check_at_least("latent_consistency_penalty", "scale", scale, 0)
    check_each_key("latent_consistency_penalty", keys)
    logits, moved_logits = (
        critic(decode(generator, batch, latents)) for latents in _neighbours(keys, prior, scale)
    )
    return _squared_difference(logits, moved_logits)


def latent_diversity_penalty(
    *,
    generator: Callable[..., Any],
    keys: jax.Array,
    prior: Callable[[jax.Array], jax.Array],
    scale: float | jax.Array = 0.03,
    decode: Callable[[Callable[..., Any], Any, jax.Array], Any] = _generated,
    batch: Any = None,
    **_: Any,
) -> jax.Array:
    """Reward a generator that draws neighbouring latents apart (zCR, generator's side).

    `-mean((G(z) - G(z + δ))²)` with `δ ~ N(0, scale²)` per component, a term of the generator's
    step: minimising it pushes apart. The mean is over the numbers of an example, all leaves of a
    pytree together: the paper writes the sum, much code takes this mean, and so a weight (0.5,
    say) does not depend on the size of the images.

    Args:
        generator: Maps latents, and what else `decode` gives it, to samples.
        keys: One typed key per example, `[B]`.
        prior: Draws the latents of one example from a key.
        scale: Standard deviation of the change of the latents.
        decode: `(generator, batch, latents) -> sample`, for generators that want more than latents.
        batch: What the step was given, for `decode`.

    Returns:
        Penalty per example, `[B]`, never above 0.

    Raises:
        ValueError: If the scale is a negative number or keys are not typed ones `[B]`.

    Reference:
        Zhao et al., 2021, "Improved Consistency Regularization for GANs",
        https://arxiv.org/abs/2002.04724
    """
    check_at_least("latent_diversity_penalty", "scale", scale, 0)
    check_each_key("latent_diversity_penalty", keys)
    sample, moved = (
        _flat(decode(generator, batch, latents), len(keys))
        for latents in _neighbours(keys, prior, scale)
    )
    return -_squared_difference(sample, moved)


def _flat(sample: Any, length: int) -> jax.Array:
    """Join the numbers of an example, `[B, N]`."""
    leaves = [as_float(leaf).reshape(length, -1) for leaf in jax.tree.leaves(sample)]
    return jnp.concatenate(leaves, axis=1)


def _inconsistency(
    critic: Callable[[Any], jax.Array],
    samples: Any,
    keys: jax.Array,
    augment: Callable[[jax.Array, Any], Any],
) -> jax.Array:
    return _squared_difference(critic(samples), critic(jax.vmap(augment)(keys, samples)))


def _squared_difference(first: jax.Array, second: jax.Array) -> jax.Array:
    first, second = as_float(first, "logits"), as_float(second, "logits")
    if first.shape != second.shape or not first.ndim:
        raise ValueError(
            "a consistency penalty needs logits [B, ...], the same before and after the change, "
            f"got {list(first.shape)} and {list(second.shape)}"
        )
    return mean_per_example(jnp.square(first - second))


def _neighbours(
    keys: jax.Array, prior: Callable[[jax.Array], jax.Array], scale: float | jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Draw latents, and latents close to them, for every example."""
    latent_keys, noise_keys = split_each(keys)
    latents = jax.vmap(prior)(latent_keys)
    noise = jax.vmap(lambda key: jax.random.normal(key, latents.shape[1:], latents.dtype))
    return latents, latents + scale * noise(noise_keys)
