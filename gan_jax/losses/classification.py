"""Losses of a discriminator that also tells classes apart."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ._numerics import as_float, as_float_pair, cross_entropy, own_logit

__all__ = [
    "auxiliary_classification_loss",
    "multi_hinge_loss",
    "twin_auxiliary_classification_loss",
]


def auxiliary_classification_loss(class_logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Compute the cross-entropy of a class head, which both AC-GAN players minimise.

    `-log softmax(s)[y]`. The paper trains the discriminator's class head on reals and fakes; the
    modification better known today shows it reals only, so that it doesn't learn from bad fakes.

    Args:
        class_logits: One logit `s` per class, `[B, K]`.
        labels: Class `y` of each example, integers `[B]`.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If labels are not one integer per example, or one is no class. A traced label
            can't be looked at: there the loss is NaN.

    >>> print(auxiliary_classification_loss(jnp.zeros((1, 4)), jnp.array([2])))
    [1.3862944]

    Reference:
        Odena et al., 2016, "Conditional Image Synthesis With Auxiliary Classifier GANs",
        https://arxiv.org/abs/1610.09585
    """
    return cross_entropy(_as_class_logits(class_logits), labels)


def twin_auxiliary_classification_loss(
    class_logits: jax.Array, twin_logits: jax.Array, labels: jax.Array
) -> jax.Array:
    """Compute the TAC-GAN generator's term: please the classifier, mislead its twin.

    `-log softmax(s)[y] + log softmax(t)[y]`. The twin sees fakes only, so that the second term
    keeps up the diversity that the first alone destroys. On the discriminator's side both heads
    minimise `auxiliary_classification_loss`: the classifier on reals, the twin on fakes.

    Args:
        class_logits: The classifier's logits `s` of fakes, `[B, K]`.
        twin_logits: The twin's logits `t` of the same fakes, `[B, K]`.
        labels: Class `y` that each fake was made of, integers `[B]`.

    Returns:
        Loss per example, `[B]`; it may be negative.

    Raises:
        ValueError: If the two heads' shapes differ or labels are not one integer per example, or
            no class; as in `auxiliary_classification_loss`.

    Reference:
        Gong et al., 2019, "Twin Auxiliary Classifiers GAN", https://arxiv.org/abs/1907.02690
    """
    class_logits, twin_logits = as_float_pair(class_logits, twin_logits, names=("class", "twin"))
    own = auxiliary_classification_loss(class_logits, labels)
    return own - auxiliary_classification_loss(twin_logits, labels)


def multi_hinge_loss(
    class_logits: jax.Array, labels: jax.Array, *, margin: float = 1.0
) -> jax.Array:
    """Compute the multi-class hinge loss of Crammer and Singer.

    `max(0, m + max over j ≠ y of s_j - s_y)`

    Args:
        class_logits: One logit `s` per class, `[B, K]` with K of 2 or more.
        labels: Class `y` of each example, integers `[B]`.
        margin: The lead `m` over the best other class that costs nothing.

    Returns:
        Loss per example, `[B]`.

    Raises:
        ValueError: If there are fewer than two classes or labels are not one integer per example,
            or no class; as in `auxiliary_classification_loss`.

    >>> print(multi_hinge_loss(jnp.array([[3.0, 2.5, 0.0], [0.0, 2.0, 0.0]]), jnp.array([0, 1])))
    [0.5 0. ]

    Reference:
        Kavalerov et al., 2019, "cGANs with Multi-Hinge Loss", https://arxiv.org/abs/1912.04216
    """
    class_logits, labels = _as_class_logits(class_logits), jnp.asarray(labels)
    classes = class_logits.shape[1]
    if classes < 2:
        raise ValueError(f"multi_hinge_loss needs two classes or more, got {classes}")
    own = own_logit(class_logits, labels)
    is_own = labels[:, None] == jnp.arange(classes)[None, :]
    best_other = jnp.max(jnp.where(is_own, -jnp.inf, class_logits), axis=1)
    return jax.nn.relu(margin + best_other - own)


def _as_class_logits(class_logits: jax.Array) -> jax.Array:
    class_logits = as_float(class_logits, "class logits")
    if class_logits.ndim != 2:
        raise ValueError(f"class logits must be [B, K], got {class_logits.shape}")
    return class_logits
