"""Distances of what a generator makes to what it should be, by pixels or by features."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._numerics import as_float_pair, check_positive, check_range

__all__ = [
    "charbonnier_loss",
    "cycle_consistency_loss",
    "feature_matching_loss",
    "identity_loss",
    "l1_loss",
    "l2_loss",
]


def l1_loss(output: jax.Array, target: jax.Array) -> jax.Array:
    """Compute the absolute difference, which blurs less than the squared one.

    `|o - t|`

    Args:
        output: What was made, of any shape.
        target: What it should be, of the same shape.

    Returns:
        Loss per entry, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Isola et al., 2016, "Image-to-Image Translation with Conditional Adversarial Networks",
        https://arxiv.org/abs/1611.07004
    """
    return jnp.abs(_difference(output, target))


def l2_loss(output: jax.Array, target: jax.Array) -> jax.Array:
    """Compute the squared difference.

    `(o - t)²`, without the 1/2 that optax's function of this name has.

    Args:
        output: What was made, of any shape.
        target: What it should be, of the same shape.

    Returns:
        Loss per entry, of the same shape.

    Raises:
        ValueError: If the two shapes differ.

    Reference:
        Pathak et al., 2016, "Context Encoders: Feature Learning by Inpainting",
        https://arxiv.org/abs/1604.07379
    """
    return jnp.square(_difference(output, target))


def charbonnier_loss(output: jax.Array, target: jax.Array, *, epsilon: float = 1e-3) -> jax.Array:
    """Compute the absolute difference made smooth at zero.

    `√((o - t)² + ε²)`

    Args:
        output: What was made, of any shape.
        target: What it should be, of the same shape.
        epsilon: The loss of equal entries, and the difference below which it is quadratic.

    Returns:
        Loss per entry, of the same shape.

    Raises:
        ValueError: If the two shapes differ or `epsilon` is not positive and finite.

    Reference:
        Lai et al., 2017, "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution",
        https://arxiv.org/abs/1704.03915
    """
    check_positive("epsilon", epsilon)
    return jnp.sqrt(jnp.square(_difference(output, target)) + epsilon**2)


def cycle_consistency_loss(
    images: jax.Array, cycled: jax.Array, *, weight: float = 10.0
) -> jax.Array:
    """Compute CycleGAN's loss of images that went to the other domain and came back.

    `λ |F(G(x)) - x|`, for one direction: add the two. TF-GAN averages them, so that its weight of
    20 is 10 here.

    Args:
        images: The images `x`, `[B, H, W, C]`.
        cycled: What came back, of the same shape.
        weight: The paper's `λ`.

    Returns:
        Loss per entry, of the same shape.

    Raises:
        ValueError: If the two shapes differ or `weight` is below 0.

    Reference:
        Zhu et al., 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
        Networks", https://arxiv.org/abs/1703.10593
    """
    check_range("weight", weight, 0.0)
    return weight * l1_loss(cycled, images)


def identity_loss(images: jax.Array, same: jax.Array, *, weight: float = 5.0) -> jax.Array:
    """Compute CycleGAN's loss of images that are of the target domain already.

    `λ |G(y) - y|`: a generator should leave them alone, which keeps their colours. The weight is
    half that of `cycle_consistency_loss`.

    Args:
        images: The images `y`, `[B, H, W, C]`.
        same: What the generator into their domain made of them, of the same shape.
        weight: The factor `λ`.

    Returns:
        Loss per entry, of the same shape.

    Raises:
        ValueError: If the two shapes differ or `weight` is below 0.

    Reference:
        Zhu et al., 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
        Networks", https://arxiv.org/abs/1703.10593
    """
    check_range("weight", weight, 0.0)
    return weight * l1_loss(same, images)


def feature_matching_loss(
    real_features: jax.Array,
    fake_features: jax.Array,
    *,
    gather: Callable[[jax.Array], jax.Array] = lambda x: x,
) -> jax.Array:
    """Compute the distance of the mean features of fakes to those of reals.

    `||E[h(x)] - E[h(G)]||²`, summed over features; some code averages over them, or takes L1. It
    takes the place of the generator's adversarial loss in the paper.

    Args:
        real_features: A discriminator's features `h` of real samples, `[B, ...]`.
        fake_features: Its features of generated samples, of the same shape.
        gather: Joins `[B, ...]` of all devices into the global batch, whose means are compared.

    Returns:
        The loss of the whole batch, once for each example, `[B]`.

    Raises:
        ValueError: If the two shapes differ or there is no batch axis.

    >>> print(feature_matching_loss(jnp.array([[1.0], [3.0]]), jnp.array([[0.0], [1.0]])))
    [2.25 2.25]

    Reference:
        Salimans et al., 2016, "Improved Techniques for Training GANs",
        https://arxiv.org/abs/1606.03498
    """
    real_features, fake_features = as_float_pair(real_features, fake_features, what="features")
    if real_features.ndim == 0:
        raise ValueError("features must be [B, ...], got []")
    difference = jnp.mean(gather(real_features) - gather(fake_features), axis=0)
    return jnp.full(len(real_features), jnp.sum(jnp.square(difference)))


def _difference(output: jax.Array, target: jax.Array) -> jax.Array:
    # Bytes are numbers as good as any here, if their difference does not wrap round.
    numbers = (
        array.astype(jnp.float32) if jnp.issubdtype(array.dtype, jnp.integer) else array
        for array in map(jnp.asarray, (output, target))
    )
    output, target = as_float_pair(*numbers, names=("output", "target"), what="arrays")
    return output - target
