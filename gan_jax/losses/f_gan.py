"""Adversarial losses that minimise an f-divergence of the reals from the fakes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ._numerics import as_float, as_float_pair, exp_then_tangent
from .adversarial import AdversarialLoss

__all__ = [
    "FDivergence",
    "f_gan",
    "jensen_shannon",
    "kullback_leibler",
    "neyman",
    "pearson",
    "reverse_kullback_leibler",
    "squared_hellinger",
    "total_variation",
]


class FDivergence(NamedTuple):
    """Describe `D(P, Q) = E_Q f(p/q)` by what a discriminator of real `P` and fake `Q` needs.

    Attributes:
        activation: `g`, which takes a logit to where the conjugate `f*` is finite; increasing, so
            that a higher logit is more real.
        conjugate: `f* ∘ g`, of the logit itself: composed by hand it is simple and stable where
            `f*` of a rounded `g` is not.
        terms: How `-g(r)` and `f*(g(f))` are written, for the docstrings of the pair.
    """

    activation: Callable[[jax.Array], jax.Array]
    conjugate: Callable[[jax.Array], jax.Array]
    terms: tuple[str, str] = ("-g(r)", "f*(g(f))")


def f_gan(divergence: FDivergence) -> AdversarialLoss:
    """Make the pair whose discriminator measures an f-divergence, and whose generator lowers it.

    `-g(r) + f*(g(f))` for the discriminator, `-f*(g(f))` for the generator, where `g` is the
    output activation. Minus the discriminator's expected loss is at most the divergence, and equal
    to it at `g(v) = f'(p/q)`. The generator saturates as that of `minimax` does. The paper's own:

    | pair | `-g(r)` | `f*(g(f))` | bounds |
    |---|---|---|---|
    | `total_variation` | `-tanh(r)/2` | `tanh(f)/2` | `1/2 Σ abs(p - q)` |
    | `kullback_leibler` | `-r` | `exp(f - 1)` | `Σ p log(p/q)` |
    | `reverse_kullback_leibler` | `exp(-r)` | `f - 1` | `Σ q log(q/p)` |
    | `pearson` | `-r` | `f²/4 + f` | `Σ (p - q)²/q` |
    | `neyman` | `exp(-r) - 1` | `2 - 2 exp(-f/2)` | `Σ (p - q)²/p` |
    | `squared_hellinger` | `exp(-r) - 1` | `exp(f) - 1` | `Σ (√p - √q)²` |
    | `jensen_shannon` | `softplus(-r) - log 2` | `softplus(f) - log 2` | `2 JS` |
    | `minimax`, the paper's "GAN" | `softplus(-r)` | `softplus(f)` | `2 JS - log 4` |

    The paper's tables have activations that decrease, such as `1 - exp(v)`; these are their mirror
    images in `v`, since a higher logit is more real here. Its Jensen-Shannon divergence is twice
    the usual one. Pearson's generator pulls the wrong way below `f = -2`, as the paper's does.
    Beyond 40 `exp` goes on as its tangent, so that no logit overflows.

    Args:
        divergence: The activation and the conjugate after it.

    Returns:
        The pair.

    Another divergence is two lines; this one is KL again, its logits counted from the optimum:

    >>> shifted = f_gan(FDivergence(lambda v: 1.0 + v, jnp.exp))
    >>> print(shifted.discriminator(jnp.array([0.0]), jnp.array([0.0])))
    [0.]

    Reference:
        Nowozin et al., 2016, "f-GAN: Training Generative Neural Samplers using Variational
        Divergence Minimization", https://arxiv.org/abs/1606.00709
    """
    real_term, fake_term = divergence.terms

    def discriminator(real_logits: jax.Array, fake_logits: jax.Array) -> jax.Array:
        real_logits, fake_logits = as_float_pair(real_logits, fake_logits)
        return divergence.conjugate(fake_logits) - divergence.activation(real_logits)

    def generator(fake_logits: jax.Array, real_logits: jax.Array | None = None) -> jax.Array:
        return -divergence.conjugate(as_float(fake_logits))

    discriminator.__doc__ = _DOC.format(f"{real_term} + {fake_term}")
    generator.__doc__ = _DOC.format(f"-({fake_term})")
    return AdversarialLoss(discriminator, generator)


_LOG_2 = math.log(2.0)
_DOC = """Compute one half of an f-GAN, made by `f_gan`.

`{}`

Reference:
    Nowozin et al., 2016, "f-GAN: Training Generative Neural Samplers using Variational Divergence
    Minimization", https://arxiv.org/abs/1606.00709
"""

total_variation = f_gan(
    FDivergence(
        activation=lambda v: 0.5 * jnp.tanh(v),
        conjugate=lambda v: 0.5 * jnp.tanh(v),
        terms=("-tanh(r)/2", "tanh(f)/2"),
    )
)
kullback_leibler = f_gan(
    FDivergence(
        activation=lambda v: v,
        conjugate=lambda v: exp_then_tangent(v - 1.0),
        terms=("-r", "exp(f - 1)"),
    )
)
reverse_kullback_leibler = f_gan(
    FDivergence(
        activation=lambda v: -exp_then_tangent(-v),
        conjugate=lambda v: v - 1.0,
        terms=("exp(-r)", "f - 1"),
    )
)
pearson = f_gan(
    FDivergence(
        activation=lambda v: v,
        conjugate=lambda v: 0.25 * jnp.square(v) + v,
        terms=("-r", "f²/4 + f"),
    )
)
neyman = f_gan(
    FDivergence(
        activation=lambda v: 1.0 - exp_then_tangent(-v),
        conjugate=lambda v: 2.0 - 2.0 * exp_then_tangent(-0.5 * v),
        terms=("exp(-r) - 1", "2 - 2 exp(-f/2)"),
    )
)
squared_hellinger = f_gan(
    FDivergence(
        activation=lambda v: 1.0 - exp_then_tangent(-v),
        conjugate=lambda v: exp_then_tangent(v) - 1.0,
        terms=("exp(-r) - 1", "exp(f) - 1"),
    )
)
jensen_shannon = f_gan(
    FDivergence(
        activation=lambda v: _LOG_2 - jax.nn.softplus(-v),
        conjugate=lambda v: jax.nn.softplus(v) - _LOG_2,
        terms=("softplus(-r) - log 2", "softplus(f) - log 2"),
    )
)
