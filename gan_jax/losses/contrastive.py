"""Losses that compare the embeddings of a batch with each other and with their classes' proxies.

Both read one matrix: the cosines of every embedding with every other, the diagonal (an embedding
with itself) replaced by the cosine with its own proxy.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._numerics import (
    as_float_pair,
    check_labels,
    check_positive,
    check_range,
    cosine_similarities,
    unit_vectors,
)

__all__ = ["conditional_contrastive_loss", "data_to_data_cross_entropy_loss"]


def conditional_contrastive_loss(
    embeddings: jax.Array,
    proxies: jax.Array,
    labels: jax.Array,
    *,
    temperature: float = 1.0,
    gather: Callable[[jax.Array], jax.Array] = lambda x: x,
) -> jax.Array:
    """Compute ContraGAN's 2C loss: near the own proxy and class, far from the other classes.

    `-log((e^{p_i/τ} + Σ_{j≠i, y_j=y_i} e^{c_ij/τ}) / (e^{p_i/τ} + Σ_{j≠i} e^{c_ij/τ}))`, where
    `c_ij` is the cosine of two embeddings and `p_i` that of an embedding with its proxy.

    Args:
        embeddings: Embeddings of the samples, `[B, D]`.
        proxies: Embedding of each sample's label, `[B, D]`.
        labels: Class `y` of each sample, integers `[B]`.
        temperature: The `τ` that divides the cosines.
        gather: Joins `[B, ...]` of all devices into the global batch, whose examples are compared.

    Returns:
        Loss per example of the global batch, `[B]`. It is 0 if all have one class.

    Raises:
        ValueError: If shapes differ, labels are not integers or `temperature` is not positive.

    >>> embeddings = proxies = jnp.array([[1.0, 0.0], [-1.0, 0.0]])  # loss log(1 + e⁻²)
    >>> print(conditional_contrastive_loss(embeddings, proxies, jnp.array([0, 1])))
    [0.12692809 0.12692809]

    Reference:
        Kang and Park, 2020, "ContraGAN: Contrastive Learning for Conditional Image Generation",
        https://arxiv.org/abs/2006.12681
    """
    check_positive("temperature", temperature)
    proxy_cosines, cosines, same_class = _compare(embeddings, proxies, labels, gather)
    similarities = _with_diagonal(cosines, proxy_cosines) / temperature
    every = jax.nn.logsumexp(similarities, axis=1)
    return every - jax.nn.logsumexp(similarities, axis=1, where=same_class)


def data_to_data_cross_entropy_loss(
    embeddings: jax.Array,
    proxies: jax.Array,
    labels: jax.Array,
    *,
    temperature: float = 0.5,
    positive_margin: float = 0.98,
    negative_margin: float = 0.02,
    gather: Callable[[jax.Array], jax.Array] = lambda x: x,
) -> jax.Array:
    """Compute ReACGAN's D2D-CE loss: a softmax over the own proxy and samples of other classes.

    `-log(e^{P_i} / (e^{P_i} + Σ_{y_j≠y_i} e^{N_ij}))` with `P_i = min(0, p_i - m_p)/τ` and
    `N_ij = max(0, c_ij - m_n)/τ`, where `c_ij` is the cosine of two embeddings and `p_i` that of
    an embedding with its proxy: what is near or far enough already has no gradient. The authors'
    code shifts only the `N_ij` by their maximum, so that its value is not this formula's.

    Args:
        embeddings: Embeddings of the samples, `[B, D]`.
        proxies: Embedding of each sample's label, `[B, D]`.
        labels: Class `y` of each sample, integers `[B]`.
        temperature: The `τ` that divides the cosines.
        positive_margin: The cosine `m_p` with the proxy that is near enough.
        negative_margin: The cosine `m_n` with another class that is far enough; the authors tie
            it to `1 - m_p`.
        gather: Joins `[B, ...]` of all devices into the global batch, whose examples are compared.

    Returns:
        Loss per example of the global batch, `[B]`. It is 0 if all have one class.

    Raises:
        ValueError: If shapes differ, labels are not integers, `temperature` is not positive or a
            margin not in [-1, 1].

    >>> embeddings = proxies = jnp.array([[1.0, 0.0], [-1.0, 0.0]])  # all easy: loss log 2
    >>> print(data_to_data_cross_entropy_loss(embeddings, proxies, jnp.array([0, 1])))
    [0.6931472 0.6931472]

    Reference:
        Kang et al., 2021, "Rebooting ACGAN: Auxiliary Classifier GANs with Stable Training",
        https://arxiv.org/abs/2111.01118
    """
    check_positive("temperature", temperature)
    check_range("positive_margin", positive_margin, -1.0, 1.0)
    check_range("negative_margin", negative_margin, -1.0, 1.0)
    proxy_cosines, cosines, same_class = _compare(embeddings, proxies, labels, gather)
    positives = jnp.minimum(proxy_cosines - positive_margin, 0.0) / temperature
    negatives = jnp.maximum(cosines - negative_margin, 0.0) / temperature
    judged = ~same_class | jnp.eye(len(same_class), dtype=bool)
    similarities = _with_diagonal(negatives, positives)
    return jax.nn.logsumexp(similarities, axis=1, where=judged) - positives


def _compare(
    embeddings: jax.Array,
    proxies: jax.Array,
    labels: jax.Array,
    gather: Callable[[jax.Array], jax.Array],
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return cosines with proxies `[B]` and with each other `[B, B]`, and who shares a class."""
    embeddings, proxies = as_float_pair(
        gather(embeddings), gather(proxies), names=("samples", "proxies"), what="embeddings"
    )
    labels = jnp.asarray(gather(labels))
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must be [B, D], got {embeddings.shape}")
    check_labels(labels, embeddings.shape[:1])
    proxy_cosines = jnp.sum(unit_vectors(embeddings) * unit_vectors(proxies), axis=1)
    cosines = cosine_similarities(embeddings, embeddings)
    return proxy_cosines, cosines, labels[:, None] == labels[None, :]


def _with_diagonal(matrix: jax.Array, diagonal: jax.Array) -> jax.Array:
    return jnp.where(jnp.eye(len(matrix), dtype=bool), diagonal[:, None], matrix)
