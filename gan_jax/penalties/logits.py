"""A penalty on the logits of a critic, against running averages of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from ._numerics import as_float, check_number, mean_per_example

__all__ = ["lecam_penalty"]


def lecam_penalty(
    *,
    real_logits: jax.Array,
    fake_logits: jax.Array,
    real_average: float | jax.Array,
    fake_average: float | jax.Array,
    **_: Any,
) -> jax.Array:
    """Keep the logits of each kind from leaving the running average of the other far behind.

    `relu(r - a_fake)² + relu(a_real - f)²`, as in the authors' code: the paper has no relu. The
    averages are constants here; keeping them is a step's business (the authors' decay is 0.99).
    Their weight is 0.3 for BigGAN on CIFAR-10.

    Args:
        real_logits: Logits `r` of real samples, `[B]` or a patch map.
        fake_logits: Logits `f` of generated samples, of the same shape.
        real_average: Running average of the logits of reals, `[]`.
        fake_average: Running average of the logits of fakes, `[]`.

    Returns:
        Penalty per example, `[B]`, the mean over its patches.

    Raises:
        ValueError: If the two shapes differ, or an average is no number.

    >>> logits = {"real_logits": jnp.array([2.0, -1.0]), "fake_logits": jnp.array([0.5, -3.0])}
    >>> print(lecam_penalty(**logits, real_average=0.3, fake_average=-0.2).mean())
    7.865

    Reference:
        Tseng et al., 2021, "Regularizing Generative Adversarial Networks under Limited Data",
        https://arxiv.org/abs/2104.03310
    """
    real_logits, fake_logits = as_float(real_logits, "logits"), as_float(fake_logits, "logits")
    if real_logits.shape != fake_logits.shape or not real_logits.ndim:
        raise ValueError(
            "lecam_penalty needs logits [B, ...] of the same shape, "
            f"got real {real_logits.shape} and fake {fake_logits.shape}"
        )
    for name, average in (("real_average", real_average), ("fake_average", fake_average)):
        check_number("lecam_penalty", name, average)
    real_average, fake_average = jax.lax.stop_gradient((real_average, fake_average))
    real_excess = jax.nn.relu(real_logits - fake_average)
    fake_excess = jax.nn.relu(real_average - fake_logits)
    return mean_per_example(jnp.square(real_excess) + jnp.square(fake_excess))
