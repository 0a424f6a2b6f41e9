"""Relativistic losses: how much more real a real sample looks than a fake one."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ._numerics import as_float_pair
from .adversarial import AdversarialLoss

__all__ = [
    "relativistic",
    "relativistic_average",
    "relativistic_average_discriminator_loss",
    "relativistic_average_generator_loss",
    "relativistic_average_hinge",
    "relativistic_average_hinge_discriminator_loss",
    "relativistic_average_hinge_generator_loss",
    "relativistic_average_least_squares",
    "relativistic_average_least_squares_discriminator_loss",
    "relativistic_average_least_squares_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
]


def relativistic_discriminator_loss(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
    """Compute the pairing loss: real sample i should look more real than fake sample i.

    `-log σ(r_i - f_i) = softplus(-(r_i - f_i))`

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per pair, of the same shape. It does not change when a constant is added to all logits.

    Raises:
        ValueError: If the two shapes differ.

    >>> print(relativistic_discriminator_loss(jnp.array([3.0]), jnp.array([3.0])))
    [0.6931472]

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
        Huang et al., 2025, "The GAN is dead; long live the GAN!", https://arxiv.org/abs/2501.05441
    """
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return jax.nn.softplus(fake_logits - real_logits)


def relativistic_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the pairing loss with the players exchanged.

    `-log σ(f_i - r_i) = softplus(-(f_i - r_i))`

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Logits `r` of real samples, of the same shape; they must be given.

    Returns:
        Loss per pair, of the same shape.

    Raises:
        ValueError: If `real_logits` is None or the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
        Huang et al., 2025, "The GAN is dead; long live the GAN!", https://arxiv.org/abs/2501.05441
    """
    real_logits, fake_logits = _as_compared_pair(real_logits, fake_logits)
    return relativistic_discriminator_loss(fake_logits, real_logits)


def relativistic_average_discriminator_loss(
    real_logits: jax.Array, fake_logits: jax.Array
) -> jax.Array:
    """Compute the loss that compares each sample with the average one of the other kind.

    `softplus(-(r_i - E[f])) + softplus(f_i - E[r])`, where `E` is the mean over all logits given,
    patches included. A batch spread over devices must be gathered first for `E` to be its mean.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape: both terms, without the factor 1/2 found in some code.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_over_fake, fake_over_real = _over_the_average(real_logits, fake_logits)
    return jax.nn.softplus(-real_over_fake) + jax.nn.softplus(fake_over_real)


def relativistic_average_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the average loss with the players exchanged.

    `softplus(r_i - E[f]) + softplus(-(f_i - E[r]))`; some code keeps the second term alone.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Logits `r` of real samples, of the same shape; they must be given.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If `real_logits` is None or the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_logits, fake_logits = _as_compared_pair(real_logits, fake_logits)
    return relativistic_average_discriminator_loss(fake_logits, real_logits)


def relativistic_average_hinge_discriminator_loss(
    real_logits: jax.Array, fake_logits: jax.Array
) -> jax.Array:
    """Compute the hinge loss of each sample against the average one of the other kind.

    `max(0, 1 - (r_i - E[f])) + max(0, 1 + (f_i - E[r]))`, where `E` is the mean over all logits
    given, patches included. A batch spread over devices must be gathered first.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape: both terms, without the factor 1/2 found in some code.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_over_fake, fake_over_real = _over_the_average(real_logits, fake_logits)
    return jax.nn.relu(1.0 - real_over_fake) + jax.nn.relu(1.0 + fake_over_real)


def relativistic_average_hinge_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the average hinge loss with the players exchanged.

    `max(0, 1 + (r_i - E[f])) + max(0, 1 - (f_i - E[r]))`: hinged, unlike the generator's half of
    `hinge`.

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Logits `r` of real samples, of the same shape; they must be given.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If `real_logits` is None or the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_logits, fake_logits = _as_compared_pair(real_logits, fake_logits)
    return relativistic_average_hinge_discriminator_loss(fake_logits, real_logits)


def relativistic_average_least_squares_discriminator_loss(
    real_logits: jax.Array, fake_logits: jax.Array
) -> jax.Array:
    """Compute the squared distance of each sample's lead over the other kind to 1 or to -1.

    `(r_i - E[f] - 1)² + (f_i - E[r] + 1)²`, where `E` is the mean over all logits given, patches
    included; as in the paper without the 1/2 that `least_squares` has.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or `[B, H, W, 1]`.
        fake_logits: Logits `f` of generated samples, of the same shape.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_over_fake, fake_over_real = _over_the_average(real_logits, fake_logits)
    return jnp.square(real_over_fake - 1.0) + jnp.square(fake_over_real + 1.0)


def relativistic_average_least_squares_generator_loss(
    fake_logits: jax.Array, real_logits: jax.Array | None = None
) -> jax.Array:
    """Compute the average least-squares loss with the players exchanged.

    `(f_i - E[r] - 1)² + (r_i - E[f] + 1)²`

    Args:
        fake_logits: Logits `f` of generated samples, `[B]` or `[B, H, W, 1]`.
        real_logits: Logits `r` of real samples, of the same shape; they must be given.

    Returns:
        Loss per logit, of the same shape.

    Raises:
        ValueError: If `real_logits` is None or the two shapes differ.

    Reference:
        Jolicoeur-Martineau, 2018, "The relativistic discriminator",
        https://arxiv.org/abs/1807.00734
    """
    real_logits, fake_logits = _as_compared_pair(real_logits, fake_logits)
    return relativistic_average_least_squares_discriminator_loss(fake_logits, real_logits)


def _over_the_average(
    real_logits: jax.Array, fake_logits: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return each real's lead over the average fake, and each fake's over the average real."""
    real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
    return real_logits - jnp.mean(fake_logits), fake_logits - jnp.mean(real_logits)


def _as_compared_pair(
    real_logits: jax.Array | None, fake_logits: jax.Array
) -> tuple[jax.Array, jax.Array]:
    if real_logits is None:
        raise ValueError(
            "a relativistic generator loss compares fakes with reals: real_logits must be given, "
            "got None"
        )
    return as_float_pair(real_logits, fake_logits)


relativistic = AdversarialLoss(relativistic_discriminator_loss, relativistic_generator_loss)
relativistic_average = AdversarialLoss(
    relativistic_average_discriminator_loss, relativistic_average_generator_loss
)
relativistic_average_hinge = AdversarialLoss(
    relativistic_average_hinge_discriminator_loss, relativistic_average_hinge_generator_loss
)
relativistic_average_least_squares = AdversarialLoss(
    relativistic_average_least_squares_discriminator_loss,
    relativistic_average_least_squares_generator_loss,
)
