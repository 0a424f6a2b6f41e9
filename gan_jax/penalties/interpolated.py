"""Penalties on the gradient of a critic at points between real and generated samples.

What `gan_jax.penalties.gradient` says of samples and norms holds here too. Each example has one
point, drawn by its own key, so its penalty does not depend on the rest of the batch; that takes a
critic which judges examples one by one, and one with batch normalisation is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import (
    between,
    check_at_least,
    check_independence,
    check_keys,
    root,
    squared_gradient_norm,
)

__all__ = [
    "gradient_penalty",
    "max_gradient_penalty",
    "wgan_div_penalty",
    "zero_centred_gradient_penalty",
]


def gradient_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    target: float | jax.Array = 1.0,
    one_sided: bool = False,
    mixes_examples: bool = False,
    **_: Any,
) -> jax.Array:
    """Pull the gradient norm between real and generated samples towards a target.

    `(||∇D(x̂)|| - 1)²` at `x̂ = α x + (1 - α) G(z)`, one `α ~ U(0, 1)` per example;
    `max(0, ||∇D(x̂)|| - 1)²` if one-sided. The paper's weight is 10.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`, so that α does not depend on the rest of the batch.
        target: The gradient norm that costs nothing.
        one_sided: Let norms below the target cost nothing either: an optimal critic's may be less.
        mixes_examples: Whether the critic normalises over the batch.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape, there is not one key per example, the target
            is a negative number, or the critic mixes examples: there is no such thing as its
            gradient at one of them.

    >>> critic = lambda images: images @ jnp.array([3.0, 4.0])
    >>> keys = jax.random.split(jax.random.key(0), 2)
    >>> call = {"critic": critic, "real": jnp.ones((2, 2)), "fake": jnp.zeros((2, 2)), "keys": keys}
    >>> print(gradient_penalty(**call), gradient_penalty(**call, target=6.0, one_sided=True))
    [16. 16.] [0. 0.]

    Reference:
        Gulrajani et al., 2017, "Improved Training of Wasserstein GANs",
        https://arxiv.org/abs/1704.00028
        Petzka et al., 2018, "On the regularization of Wasserstein GANs" (one-sided),
        https://arxiv.org/abs/1709.08894
    """
    check_independence("gradient_penalty", mixes_examples)
    check_at_least("gradient_penalty", "target", target, 0)
    squared_norm = _squared_norm_between("gradient_penalty", critic, real, fake, keys)
    excess = root(squared_norm) - target
    return jnp.square(jax.nn.relu(excess) if one_sided else excess)


def zero_centred_gradient_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    mixes_examples: bool = False,
    **_: Any,
) -> jax.Array:
    """Penalise the squared gradient norm between real and generated samples.

    `||∇D(x̂)||²` at `x̂ = α x + (1 - α) G(z)`, one `α ~ U(0, 1)` per example. There is no 1/2, as
    in the paper and in Mescheder's code (`wgangp0`): it is `gradient_penalty` with target 0, not a
    third kind of R1.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`.
        mixes_examples: Whether the critic normalises over the batch.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape, there is not one key per example, or the
            critic mixes examples.

    Reference:
        Thanh-Tung et al., 2019, "Improving Generalization and Stability of Generative Adversarial
        Networks", https://arxiv.org/abs/1902.03984
        Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?",
        https://arxiv.org/abs/1801.04406
    """
    check_independence("zero_centred_gradient_penalty", mixes_examples)
    return _squared_norm_between("zero_centred_gradient_penalty", critic, real, fake, keys)


def wgan_div_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    coefficient: float | jax.Array = 2.0,
    power: float | jax.Array = 6.0,
    mixes_examples: bool = False,
    **_: Any,
) -> jax.Array:
    """Penalise a high power of the gradient norm, for the Wasserstein divergence.

    `k ||∇D(x̂)||^p` at `x̂ = α x + (1 - α) G(z)`, one `α ~ U(0, 1)` per example, as in the paper's
    algorithm. Much code takes `k/2 (||∇D(x)||^p + ||∇D(G(z))||^p)` instead: that is the mean of
    this penalty called with the reals as both samples and with the fakes as both.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`.
        coefficient: The paper's `k`.
        power: The paper's `p`, at least 1.
        mixes_examples: Whether the critic normalises over the batch.

    Returns:
        Penalty per example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape, there is not one key per example, a number is
            too small, or the critic mixes examples.

    Reference:
        Wu et al., 2018, "Wasserstein Divergence for GANs", https://arxiv.org/abs/1712.01026
    """
    check_independence("wgan_div_penalty", mixes_examples)
    check_at_least("wgan_div_penalty", "coefficient", coefficient, 0)
    check_at_least("wgan_div_penalty", "power", power, 1)
    squared_norm = _squared_norm_between("wgan_div_penalty", critic, real, fake, keys)
    return coefficient * root(squared_norm) ** power


def max_gradient_penalty(
    *,
    critic: Callable[[Any], jax.Array],
    real: Any,
    fake: Any,
    keys: jax.Array,
    gather: Callable[[jax.Array], jax.Array] = lambda values: values,
    mixes_examples: bool = False,
    **_: Any,
) -> jax.Array:
    """Penalise the steepest slope of the batch between real and generated samples.

    `max_i ||∇D(x̂_i)||²` at `x̂ = α x + (1 - α) G(z)`, one `α ~ U(0, 1)` per example: an estimate
    of the square of the critic's Lipschitz constant.

    Args:
        critic: Maps samples to logits, `[B]` or a patch map.
        real: Real samples, a pytree of `[B, ...]`.
        fake: Generated samples, of the same structure and shapes.
        keys: One typed key per example, `[B]`.
        gather: Joins `[B]` of all devices, so that the maximum is that of the global batch.
        mixes_examples: Whether the critic normalises over the batch.

    Returns:
        The penalty of the batch, the same for every example, `[B]`.

    Raises:
        ValueError: If real and fake differ in shape, there is not one key per example, or the
            critic mixes examples.

    Reference:
        Zhou et al., 2019, "Lipschitz Generative Adversarial Nets", https://arxiv.org/abs/1902.05687
    """
    check_independence("max_gradient_penalty", mixes_examples)
    squared_norm = _squared_norm_between("max_gradient_penalty", critic, real, fake, keys)
    return jnp.broadcast_to(jnp.max(gather(squared_norm)), squared_norm.shape)


def _squared_norm_between(
    penalty: str, critic: Callable[[Any], jax.Array], real: Any, fake: Any, keys: jax.Array
) -> jax.Array:
    """Return `||∇D(x̂)||²` for every example, `[B]`."""
    check_keys(penalty, keys, real, fake)
    return squared_gradient_norm(critic, between(keys, real, fake))
