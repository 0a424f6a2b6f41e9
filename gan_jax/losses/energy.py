"""Losses of discriminators that are auto-encoders: a logit is MINUS the reconstruction error.

So a higher logit is still more real, and whatever takes logits elsewhere takes these.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from ._numerics import as_float, as_float_pair, check_positive, check_range, cosine_similarities
from .adversarial import AdversarialLoss

__all__ = ["began", "began_balance", "began_convergence", "ebgan", "pull_away_loss"]


def ebgan(*, margin: float) -> AdversarialLoss:
    """Make the energy-based pair, which raises the energy of fakes up to a margin.

    `E(x) + max(0, m - E(G))` for the discriminator and `E(G)` for the generator, where the energy
    `E` is minus the logit: `-r + max(0, m + f)` and `-f`.

    Args:
        margin: The paper's `m`, in units of the reconstruction error, which depend on the images;
            that is why there is no default.

    Returns:
        The pair.

    Raises:
        ValueError: If `margin` is not positive and finite.

    >>> energies = jnp.array([1.0, 3.0])
    >>> print(ebgan(margin=2.0).discriminator(-jnp.zeros(2), -energies))
    [1. 0.]

    Reference:
        Zhao et al., 2016, "Energy-based Generative Adversarial Network",
        https://arxiv.org/abs/1609.03126
    """
    check_positive("margin", margin)

    def discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
        real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
        return jax.nn.relu(margin + fake_logits) - real_logits

    return AdversarialLoss(discriminator, _energy)


def pull_away_loss(
    encodings: jax.Array, *, gather: Callable[[jax.Array], jax.Array] = lambda x: x
) -> jax.Array:
    """Compute how parallel each fake's encoding is to the others', a term of EBGAN's generator.

    `mean over j ≠ i of cos²(S_i, S_j)`. Each encoding is divided by its own norm over features and
    the diagonal is left out; some code normalises over the batch and keeps it.

    Args:
        encodings: What the discriminator's encoder makes of fakes, `[B, ...]`.
        gather: Joins `[B, ...]` of all devices into the global batch.

    Returns:
        Loss per example of the global batch, `[B]`; its mean is the paper's term.

    Raises:
        ValueError: If there are fewer than two encodings.

    >>> print(pull_away_loss(jnp.array([[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]])))
    [0.5 0.  0.5]

    Reference:
        Zhao et al., 2016, "Energy-based Generative Adversarial Network",
        https://arxiv.org/abs/1609.03126
    """
    encodings = jnp.asarray(gather(encodings))
    count = encodings.shape[0] if encodings.ndim else 0
    if count < 2:
        raise ValueError(f"encodings must be [B, ...] with B of 2 or more, got {encodings.shape}")
    encodings = as_float(encodings, "encodings").reshape(count, -1)
    squares = jnp.square(cosine_similarities(encodings, encodings))
    return jnp.sum(jnp.where(jnp.eye(count, dtype=bool), 0.0, squares), axis=1) / (count - 1)


def began(balance: float | jax.Array) -> AdversarialLoss:
    """Make the boundary-equilibrium pair, which weights the two halves by a balance.

    `L(x) - k L(G)` for the discriminator and `L(G)` for the generator, where the reconstruction
    error `L` is minus the logit: `-r + k f` and `-f`.

    Args:
        balance: The paper's `k` in [0, 1], from 0 on moved by `began_balance`; it may be traced.

    Returns:
        The pair.

    Raises:
        ValueError: If `balance` is not in [0, 1].

    Reference:
        Berthelot et al., 2017, "BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        https://arxiv.org/abs/1703.10717
    """
    check_range("balance", balance, 0.0, 1.0)

    def discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
        real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
        return balance * fake_logits - real_logits

    return AdversarialLoss(discriminator, _energy)


def began_balance(
    balance: float | jax.Array,
    real_logit: jax.Array,
    fake_logit: jax.Array,
    *,
    diversity_ratio: float = 0.5,
    rate: float = 0.001,
) -> jax.Array:
    """Move the balance of `began` to where fakes cost the chosen share of reals.

    `clip(k + λ (γ L(x) - L(G)), 0, 1)`, where `L` is minus the mean logit.

    Args:
        balance: The paper's `k`, `[]`.
        real_logit: Mean logit of the real samples of the global batch, `[]`.
        fake_logit: Mean logit of its generated samples, `[]`.
        diversity_ratio: The paper's `γ`, the wanted `L(G) / L(x)`; lower means less diverse.
        rate: The paper's `λ`.

    Returns:
        The balance for the next step, `[]`.

    Raises:
        ValueError: If `diversity_ratio` is not in [0, 1] or `rate` not positive and finite.

    >>> print(began_balance(0.0, jnp.array(-8.0), jnp.array(-2.0)))
    0.002

    Reference:
        Berthelot et al., 2017, "BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        https://arxiv.org/abs/1703.10717
    """
    check_positive("rate", rate)
    imbalance = _imbalance(real_logit, fake_logit, diversity_ratio)
    return jnp.clip(balance + rate * imbalance, 0.0, 1.0)


def began_convergence(
    real_logit: jax.Array, fake_logit: jax.Array, *, diversity_ratio: float = 0.5
) -> jax.Array:
    """Measure how far a BEGAN has come: it falls as both quality and balance are reached.

    `L(x) + |γ L(x) - L(G)|`, where `L` is minus the mean logit.

    Args:
        real_logit: Mean logit of the real samples of the global batch, `[]`.
        fake_logit: Mean logit of its generated samples, `[]`.
        diversity_ratio: The paper's `γ`.

    Returns:
        The measure, `[]`; it is for reports and stopping, not a loss.

    Raises:
        ValueError: If `diversity_ratio` is not in [0, 1].

    Reference:
        Berthelot et al., 2017, "BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        https://arxiv.org/abs/1703.10717
    """
    return jnp.abs(_imbalance(real_logit, fake_logit, diversity_ratio)) - as_float(real_logit)


def _imbalance(real_logit: jax.Array, fake_logit: jax.Array, diversity_ratio: float) -> jax.Array:
    """Return `γ L(x) - L(G)`."""
    check_range("diversity_ratio", diversity_ratio, 0.0, 1.0)
    real_logit, fake_logit = as_float_pair(real_logit, fake_logit)
    return fake_logit - diversity_ratio * real_logit


def _energy(fake_logits: jax.Array, real_logits: jax.Array | None = None) -> jax.Array:
    return -as_float(fake_logits)
