"""Adversarial losses that judge each logit by itself: a higher logit means more real."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._numerics import as_float, as_float_pair

__all__ = [
    "AdversarialLoss",
    "hinge",
    "hinge_discriminator_loss",
    "hinge_generator_loss",
    "least_squares",
    "least_squares_discriminator_loss",
    "least_squares_generator_loss",
    "minimax",
    "minimax_discriminator_loss",
    "minimax_generator_loss",
    "non_saturating",
    "non_saturating_generator_loss",
    "wasserstein",
    "wasserstein_discriminator_loss",
    "wasserstein_generator_loss",
]


class AdversarialLoss(NamedTuple):
    """Pair what the two players minimise, as an optimizer pairs `init` and `update`.

    Both functions take logits of any float type, shaped `[B]` or, for a patch discriminator,
    `[B, H, W, 1]`, and return a float32 (float64 for float64) loss per logit. They never reduce:
    the mean is the caller's.

    Attributes:
        discriminator: `(real_logits, fake_logits) -> loss`.
        generator: `(fake_logits, real_logits=None) -> loss`; only relativistic losses read
            `real_logits`.
    """

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[..., jax.Array]


def minimax_discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Compute the cross-entropy of telling real from fake.

    `-log σ(r) - log(1 - σ(f)) = softplus(-r) + softplus(f)`, without the factor 1/2 found in some
    code.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape. At `D = 1/2` it is log 4.

    Raises:
        ValueError: If the two shapes differ.

    >>> print(minimax_discriminator_loss(jnp.zeros(2), jnp.zeros(2)))
    [1.3862944 1.3862944]

    Reference:
        Goodfellow et al., 2014, "Generative Adversarial Networks", https://arxiv.org/abs/1406.2661
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return jax.nn.softplus(-real_logits) + jax.nn.softplus(fake_logits)


def minimax_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the generator's side of the zero-sum game.

    `log(1 - σ(f)) = -softplus(f)`. Its gradient vanishes where the discriminator is sure that a
    sample is fake.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Not used.

    Returns:
        Loss per logit, of the same shape.

    Reference:
        Goodfellow et al., 2014, "Generative Adversarial Networks", https://arxiv.org/abs/1406.2661
    """
    return -jax.nn.softplus(as_float(fake_logits))


def non_saturating_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the generator's loss that keeps its gradient where the discriminator is sure.

    `-log σ(f) = softplus(-f)`. The discriminator's loss that goes with it is the minimax one.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Not used.

    Returns:
        Loss per logit, of the same shape.

    Reference:
        Goodfellow et al., 2014, "Generative Adversarial Networks", section 3,
        https://arxiv.org/abs/1406.2661
    """
    return jax.nn.softplus(-as_float(fake_logits))


def least_squares_discriminator_loss(
    real_logits: jax.Array,
    fake_logits: jax.Array,
    *,
    fake_target: float = 0.0,
    real_target: float = 1.0,
) -> jax.Array:
    """Compute the squared distance of the logits to a target for real and one for fake.

    `1/2 (r - b)² + 1/2 (f - a)²` with the paper's 1/2, on logits and not on probabilities.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.
        fake_target: The paper's `a`.
        real_target: The paper's `b`.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    Other targets make another pair, here the one that minimises the Pearson χ² divergence:

    >>> from functools import partial
    >>> pearson = AdversarialLoss(
    ...     partial(least_squares_discriminator_loss, fake_target=-1.0),
    ...     partial(least_squares_generator_loss, generator_target=0.0),
    ... )
    >>> print(pearson.discriminator(jnp.array([2.0]), jnp.array([0.5])))
    [1.625]

    Reference:
        Mao et al., 2017, "Least Squares Generative Adversarial Networks",
        https://arxiv.org/abs/1611.04076
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return 0.5 * (jnp.square(real_logits - real_target) + jnp.square(fake_logits - fake_target))


def least_squares_generator_loss(
    fake_logits: jax.Array,
    real_logits: jax.Array | None = None,
    *,
    generator_target: float = 1.0,
) -> jax.Array:
    """Compute the squared distance of the fakes' logits to the generator's target.

    `1/2 (f - c)²` with the paper's 1/2.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Not used.
        generator_target: The paper's `c`.

    Returns:
        Loss per logit, of the same shape.

    Reference:
        Mao et al., 2017, "Least Squares Generative Adversarial Networks",
        https://arxiv.org/abs/1611.04076
    """
    return 0.5 * jnp.square(as_float(fake_logits) - generator_target)


def wasserstein_discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Compute the critic's loss: minus its estimate of the Wasserstein distance.

    `f - r`; the paper's own code has both players' signs the other way round.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Arjovsky et al., 2017, "Wasserstein GAN", https://arxiv.org/abs/1701.07875
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return fake_logits - real_logits


def wasserstein_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the generator's loss against a critic.

    `-f`

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Not used.

    Returns:
        Loss per logit, of the same shape.

    Reference:
        Arjovsky et al., 2017, "Wasserstein GAN", https://arxiv.org/abs/1701.07875
    """
    return -as_float(fake_logits)


def hinge_discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Compute the hinge loss, which leaves alone what is on the right side of the margin.

    `max(0, 1 - r) + max(0, 1 + f)`

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    >>> print(hinge_discriminator_loss(jnp.array([2.0, -1.0]), jnp.array([0.5, -3.0])))
    [1.5 2. ]

    Reference:
        Lim and Ye, 2017, "Geometric GAN", https://arxiv.org/abs/1705.02894
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return jax.nn.relu(1.0 - real_logits) + jax.nn.relu(1.0 + fake_logits)


def hinge_generator_loss(fake_logits: jax.Array, real_logits: jax.Array | None = None) -> jax.Array:
    """Compute the generator's loss against a hinge discriminator.

    `-f`, itself not hinged.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Not used.

    Returns:
        Loss per logit, of the same shape.

    Reference:
        Lim and Ye, 2017, "Geometric GAN", https://arxiv.org/abs/1705.02894
    """
    return -as_float(fake_logits)


minimax = AdversarialLoss(minimax_discriminator_loss, minimax_generator_loss)
non_saturating = AdversarialLoss(minimax_discriminator_loss, non_saturating_generator_loss)
least_squares = AdversarialLoss(least_squares_discriminator_loss, least_squares_generator_loss)
wasserstein = AdversarialLoss(wasserstein_discriminator_loss, wasserstein_generator_loss)
hinge = AdversarialLoss(hinge_discriminator_loss, hinge_generator_loss)
