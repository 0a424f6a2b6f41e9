"""Noise on all that a discriminator sees."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from .common import Augmentation, as_float, check_range

__all__ = ["instance_noise"]


def instance_noise(scale: float | jax.Array) -> Augmentation:
    """Add white noise, so that the distributions of reals and fakes overlap.

    `x + scale · ε` with `ε ~ N(0, 1)` for every value. Commonly the scale falls to 0, where samples
    are left bit by bit as they are.

    Args:
        scale: Standard deviation of the noise, 0 or more; may be traced, as a schedule's value is.

    Returns:
        The function `(key, sample) -> sample` of one example, floats of any shape.

    Raises:
        ValueError: If scale is a negative number; when called, if the sample is not floats.

    >>> print(instance_noise(0.0)(jax.random.key(0), jnp.ones(2)))
    [1. 1.]

    Reference:
        Sønderby et al., 2016, "Amortised MAP Inference for Image Super-resolution",
        https://arxiv.org/abs/1610.04490; Arjovsky and Bottou, 2017, "Towards Principled Methods
        for Training Generative Adversarial Networks", https://arxiv.org/abs/1701.04862
    """
    check_range("instance_noise: scale", scale, 0)

    def augment(key: jax.Array, sample: jax.Array) -> jax.Array:
        if not jnp.issubdtype(jnp.result_type(sample), jnp.floating):
            raise ValueError(
                f"instance_noise: sample must be floats, got {jnp.result_type(sample)}"
            )
        clean = as_float(sample)
        noisy = clean + scale * jax.random.normal(key, clean.shape, clean.dtype)
        # The sum alone would turn -0.0 into 0.0.
        return jnp.where(jnp.asarray(scale) == 0, sample, noisy.astype(sample.dtype))

    return augment
