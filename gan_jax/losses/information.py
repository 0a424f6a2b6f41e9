"""Losses that make a generator's latent codes readable off its samples."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from ._numerics import as_float, as_float_pair, cross_entropy, exp_then_tangent

__all__ = ["categorical_information_loss", "gaussian_information_loss"]


def categorical_information_loss(code_logits: jax.Array, codes: jax.Array) -> jax.Array:
    """Compute InfoGAN's negative log-likelihood of categorical codes.

    `-Σ_n log softmax(q_n)[c_n]`: up to the codes' entropy, minus a lower bound of the mutual
    information of codes and samples. The head that makes `q` is trained with the generator: both
    minimise this.

    Args:
        code_logits: Logits `q` of the values of each code, `[B, K]`, or `[B, N, K]` for N codes.
        codes: Codes `c` that the samples were made of, integers `[B]` or `[B, N]`.

    Returns:
        Loss per example, `[B]`, summed over codes.

    Raises:
        ValueError: If codes are not integers of the logits' shape without its last axis, or one is
            none of the values. A traced code can't be looked at: there the loss is NaN.

    >>> print(categorical_information_loss(jnp.zeros((1, 2, 10)), jnp.array([[3, 7]])))
    [4.6051702]

    Reference:
        Chen et al., 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
        Generative Adversarial Nets", https://arxiv.org/abs/1606.03657
    """
    code_logits = as_float(code_logits, "code logits")
    if code_logits.ndim not in (2, 3):
        raise ValueError(f"code logits must be [B, K] or [B, N, K], got {code_logits.shape}")
    return _sum_over_codes(cross_entropy(code_logits, codes, name="codes"))


def gaussian_information_loss(
    mean: jax.Array, log_standard_deviation: jax.Array, codes: jax.Array
) -> jax.Array:
    """Compute InfoGAN's negative log-likelihood of continuous codes.

    `Σ_n 1/2 ((c_n - μ_n)/σ_n)² + log σ_n + 1/2 log 2π`, of the logarithm of `σ`, which needs no
    floor. Zeros for it give the fixed variance of 1 that many implementations use. Beyond 40
    `1/σ²` goes on as a tangent in its logarithm, so that nothing overflows.

    Args:
        mean: The `μ` read off the samples, `[B]`, or `[B, N]` for N codes.
        log_standard_deviation: Its `log σ`, of the same shape.
        codes: Codes `c` that the samples were made of, of the same shape.

    Returns:
        Loss per example, `[B]`, summed over codes.

    Raises:
        ValueError: If the shapes differ.

    >>> print(gaussian_information_loss(jnp.zeros(1), jnp.zeros(1), jnp.array([2.0])))
    [2.9189386]

    Reference:
        Chen et al., 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing
        Generative Adversarial Nets", https://arxiv.org/abs/1606.03657
    """
    mean, codes = as_float_pair(mean, codes, names=("mean", "codes"), what="arrays")
    mean, log_deviation = as_float_pair(
        mean, log_standard_deviation, names=("mean", "log_standard_deviation"), what="arrays"
    )
    if mean.ndim not in (1, 2):
        raise ValueError(f"mean must be [B] or [B, N], got {list(mean.shape)}")
    precision = exp_then_tangent(-2.0 * log_deviation)
    loss = 0.5 * jnp.square(codes - mean) * precision + log_deviation
    return _sum_over_codes(loss + 0.5 * math.log(2 * math.pi))


def _sum_over_codes(loss: jax.Array) -> jax.Array:
    return jnp.sum(loss, axis=tuple(range(1, loss.ndim)))
