"""Wrappers that make one adversarial pair of another."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from ._numerics import as_float, check_range
from .adversarial import AdversarialLoss, minimax_discriminator_loss

__all__ = ["one_sided_label_smoothing", "top_k", "weighted_generator"]


def one_sided_label_smoothing(pair: AdversarialLoss, *, smoothing: float = 0.1) -> AdversarialLoss:
    """Lower the target of real samples from 1 to `1 - s`; that of fakes stays 0.

    `(1 - s) softplus(-r) + s softplus(r) + softplus(f) = softplus(-r) + s r + softplus(f)`.
    TF-GAN's `label_smoothing=s` draws the target half way to 1/2 instead: its default 0.25 is a
    target of 0.875 and so `smoothing=0.125` here.

    Args:
        pair: A pair whose discriminator minimises the cross-entropy: `minimax`, `non_saturating`.
        smoothing: The paper's `1 - α`.

    Returns:
        The pair with the smoothed discriminator and the same generator.

    Raises:
        ValueError: If the pair has another discriminator or `smoothing` is not in [0, 1].

    >>> from gan_jax.losses import non_saturating
    >>> smooth = one_sided_label_smoothing(non_saturating)
    >>> print(smooth.discriminator(jnp.array([2.0]), jnp.array([0.5])))
    [1.301005]

    Reference:
        Salimans et al., 2016, "Improved Techniques for Training GANs",
        https://arxiv.org/abs/1606.03498
    """
    if pair.discriminator is not minimax_discriminator_loss:
        name = getattr(pair.discriminator, "__name__", repr(pair.discriminator))
        raise ValueError(
            "only a cross-entropy has a label to smooth: pair.discriminator must be "
            f"minimax_discriminator_loss (minimax, non_saturating), got {name}"
        )
    check_range("smoothing", smoothing, 0.0, 1.0)

    def discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
        loss = minimax_discriminator_loss(real_logits, fake_logits)
        return loss + smoothing * as_float(real_logits)

    return AdversarialLoss(discriminator, pair.generator)


def top_k(pair: AdversarialLoss, share: float) -> AdversarialLoss:
    """Train the generator on the fakes that look most real, and on no others.

    `B/k loss_i` for the `k = max(1, round(share B))` examples with the highest fake logits and 0
    for the rest, so that the mean over the batch is that over the `k`. A patch map's examples are
    ranked by their mean logit. Of equal examples the first are kept, so it is `k` always.

    Args:
        pair: A pair with one loss per logit; its discriminator is left alone. Of a relativistic
            one the generator's whole element `i` is kept or dropped with fake `i`.
        share: The part of the batch that counts, in [0, 1]; it may be traced, for the paper lowers
            it from 1 to 1/2 while it trains.

    Returns:
        The pair with the same discriminator.

    Raises:
        ValueError: If `share` is not in [0, 1]; by the generator, if logits have no batch axis
            or the pair gives no loss for each.

    >>> from gan_jax.losses import wasserstein
    >>> print(top_k(wasserstein, 0.5).generator(jnp.array([1.0, 4.0, 3.0, 2.0])))
    [ 0. -8. -6.  0.]

    Reference:
        Sinha et al., 2020, "Top-k Training of GANs: Improving GAN Performance by Throwing Away Bad
        Samples", https://arxiv.org/abs/2002.06224
    """
    check_range("share", share, 0.0, 1.0)

    def generator(fake_logits: jax.Array, real_logits: jax.Array | None = None) -> jax.Array:
        loss = pair.generator(fake_logits, real_logits)
        if loss.ndim == 0:
            raise ValueError("top_k ranks the examples of a batch: logits must be [B, ...], got []")
        if loss.shape != jnp.shape(fake_logits):
            raise ValueError(
                "top_k takes a pair with one loss per logit, "
                f"got {list(loss.shape)} of logits {list(jnp.shape(fake_logits))}"
            )
        size = loss.shape[0]
        kept_count = jnp.maximum(1.0, jnp.round(share * size))
        kept = (_ranks(fake_logits) < kept_count).reshape(size, *[1] * (loss.ndim - 1))
        return jnp.where(kept, loss * (size / kept_count), 0.0)

    return AdversarialLoss(pair.discriminator, generator)


def weighted_generator(pair: AdversarialLoss, weight: float | jax.Array) -> AdversarialLoss:
    """Weigh the generator's loss, to stand beside terms of another scale.

    `λ loss_i`

    Args:
        pair: Any pair; its discriminator is left alone.
        weight: The factor `λ`; it may be traced, to follow a schedule.

    Returns:
        The pair with the same discriminator.

    Raises:
        ValueError: If `weight` is below 0.

    >>> from gan_jax.losses import wasserstein
    >>> print(weighted_generator(wasserstein, 0.001).generator(jnp.array([2.0])))
    [-0.002]

    Reference:
        Ledig et al., 2016, "Photo-Realistic Single Image Super-Resolution Using a Generative
        Adversarial Network", https://arxiv.org/abs/1609.04802
    """
    check_range("weight", weight, 0.0)

    def generator(fake_logits: jax.Array, real_logits: jax.Array | None = None) -> jax.Array:
        return weight * pair.generator(fake_logits, real_logits)

    return AdversarialLoss(pair.discriminator, generator)


def _ranks(logits: jax.Array) -> jax.Array:
    """Return how many examples of the batch come before each: 0 for the highest mean logit."""
    means = jnp.mean(as_float(logits).reshape(logits.shape[0], -1), axis=1)
    descending = jnp.argsort(-jax.lax.stop_gradient(means), stable=True)
    return jnp.argsort(descending)
