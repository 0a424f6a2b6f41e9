"""Every f-GAN loss bounds its divergence, and says what the paper's table says."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

log = np.log


class Member(NamedTuple):
    """A row of the paper's tables, as printed there but for the sign of `v` in `activation`."""

    pair: losses.AdversarialLoss
    f: object
    activation: object
    conjugate: object
    optimum: object  # The logit at which the activation is f'(u).
    divergence: object


MEMBERS = {
    "total_variation": Member(
        losses.total_variation,
        f=lambda u: abs(u - 1) / 2,
        activation=lambda v: np.tanh(v) / 2,
        conjugate=lambda t: t,
        optimum=lambda u: 40 * np.sign(u - 1),
        divergence=lambda p, q: abs(p - q).sum() / 2,
    ),
    "kullback_leibler": Member(
        losses.kullback_leibler,
        f=lambda u: u * log(u),
        activation=lambda v: v,
        conjugate=lambda t: np.exp(t - 1),
        optimum=lambda u: 1 + log(u),
        divergence=lambda p, q: (p * log(p / q)).sum(),
    ),
    "reverse_kullback_leibler": Member(
        losses.reverse_kullback_leibler,
        f=lambda u: -log(u),
        activation=lambda v: -np.exp(-v),
        conjugate=lambda t: -1 - log(-t),
        optimum=log,
        divergence=lambda p, q: (q * log(q / p)).sum(),
    ),
    "pearson": Member(
        losses.pearson,
        f=lambda u: (u - 1) ** 2,
        activation=lambda v: v,
        conjugate=lambda t: t**2 / 4 + t,
        optimum=lambda u: 2 * (u - 1),
        divergence=lambda p, q: ((p - q) ** 2 / q).sum(),
    ),
    "neyman": Member(
        losses.neyman,
        f=lambda u: (1 - u) ** 2 / u,
        activation=lambda v: 1 - np.exp(-v),
        conjugate=lambda t: 2 - 2 * np.sqrt(1 - t),
        optimum=lambda u: 2 * log(u),
        divergence=lambda p, q: ((p - q) ** 2 / p).sum(),
    ),
    "squared_hellinger": Member(
        losses.squared_hellinger,
        f=lambda u: (np.sqrt(u) - 1) ** 2,
        activation=lambda v: 1 - np.exp(-v),
        conjugate=lambda t: t / (1 - t),
        optimum=lambda u: log(u) / 2,
        divergence=lambda p, q: ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(),
    ),
    "jensen_shannon": Member(
        losses.jensen_shannon,
        f=lambda u: u * log(u) - (u + 1) * log((1 + u) / 2),
        activation=lambda v: log(2) - log(1 + np.exp(-v)),
        conjugate=lambda t: -log(2 - np.exp(t)),
        optimum=log,
        divergence=lambda p, q: (p * log(2 * p / (p + q)) + q * log(2 * q / (p + q))).sum(),
    ),
    "minimax": Member(
        losses.minimax,
        f=lambda u: u * log(u) - (u + 1) * log(u + 1),
        activation=lambda v: -log(1 + np.exp(-v)),
        conjugate=lambda t: -log(1 - np.exp(t)),
        optimum=log,
        divergence=lambda p, q: (p * log(p / (p + q)) + q * log(q / (p + q))).sum(),
    ),
}
every_member = pytest.mark.parametrize("member", MEMBERS.values(), ids=MEMBERS.keys())
P, Q = np.array([0.5, 0.3, 0.15, 0.05]), np.array([0.1, 0.2, 0.3, 0.4])


def _bound(member, logits):
    with jax.enable_x64(True):
        losses_per_place = member.pair.discriminator(
            *(x.ravel() for x in np.meshgrid(logits, logits, indexing="ij"))
        )
    return -(np.outer(P, Q).ravel() * np.asarray(losses_per_place)).sum()


@every_member
def test_bound_is_tight_at_the_optimal_logits(member):
    divergence = member.divergence(P, Q)
    assert _bound(member, member.optimum(P / Q)) == pytest.approx(divergence, abs=1e-12)
    assert divergence == pytest.approx((Q * member.f(P / Q)).sum(), abs=1e-12)


@every_member
def test_no_logits_exceed_the_divergence(member):
    best, optimum = member.divergence(P, Q), member.optimum(P / Q)
    for scale in (0.01, 0.3, 3.0):
        for offset in np.random.default_rng(0).normal(size=(10, 4)):
            assert _bound(member, scale * offset) < best
            if (
                member.pair is not losses.total_variation
            ):  # Its optimum is far out, where it is flat.
                assert _bound(member, optimum + scale * offset) < best


@every_member
def test_float64_agrees_with_the_table_of_the_paper(member):
    real, fake = (x.ravel() for x in np.meshgrid(*[np.linspace(-9, 9, 31)] * 2))
    conjugate = member.conjugate(member.activation(fake))
    with jax.enable_x64(True):
        discriminator, generator = (
            member.pair.discriminator(real, fake),
            member.pair.generator(fake),
        )
    np.testing.assert_allclose(
        discriminator, conjugate - member.activation(real), rtol=1e-9, atol=1e-10
    )
    np.testing.assert_allclose(generator, -conjugate, rtol=1e-9, atol=1e-10)


@every_member
def test_the_conjugate_is_the_highest_line_under_f(member):
    ratios = np.exp(np.linspace(-14, 14, 20001))
    logits = np.array([-1.0, 0.3, 2.0])
    highest = [np.max(ratios * t - member.f(ratios)) for t in member.activation(logits)]
    with jax.enable_x64(True):
        conjugate = -member.pair.generator(logits)
    np.testing.assert_allclose(conjugate, highest, atol=1e-5)


@every_member
def test_activation_rises_with_the_logit(member):
    real = jnp.linspace(-8.0, 8.0, 50)
    loss = member.pair.discriminator(real, jnp.zeros(50))
    assert (jnp.diff(loss) <= 0).all()
    assert loss[-1] < loss[0]


def test_the_original_gan_is_the_member_called_minimax():
    made = losses.f_gan(losses.FDivergence(lambda v: -jax.nn.softplus(-v), jax.nn.softplus))
    real, fake = jnp.array([2.0, -1.0]), jnp.array([0.5, -3.0])
    np.testing.assert_allclose(
        made.discriminator(real, fake), losses.minimax.discriminator(real, fake), rtol=1e-6
    )
    np.testing.assert_array_equal(made.generator(fake), losses.minimax.generator(fake))
    assert "`-g(r) + f*(g(f))`" in made.discriminator.__doc__


@pytest.mark.parametrize(
    ("name", "discriminator", "generator"),
    [
        # r = 0 and f = log 4 but where it is said otherwise.
        ("total_variation", 15 / 34, -15 / 34),
        ("kullback_leibler", 4 / np.e, -4 / np.e),
        ("reverse_kullback_leibler", np.log(4), 1 - np.log(4)),
        ("pearson", np.log(4) ** 2 / 4 + np.log(4), -(np.log(4) ** 2) / 4 - np.log(4)),
        ("neyman", 1.0, -1.0),
        ("squared_hellinger", 3.0, -3.0),
        ("jensen_shannon", np.log(5 / 2), -np.log(5 / 2)),
    ],
)
def test_values_by_hand(name, discriminator, generator):
    pair, real, fake = getattr(losses, name), jnp.zeros(1), jnp.log(jnp.array([4.0]))
    assert pair.discriminator(real, fake)[0] == pytest.approx(discriminator, rel=1e-6)
    assert pair.generator(fake)[0] == pytest.approx(generator, rel=1e-6)


def test_docstrings_of_the_halves_have_their_formula():
    assert "\n`exp(-r) + f - 1`\n" in losses.reverse_kullback_leibler.discriminator.__doc__
    assert "\n`-(f - 1)`\n" in losses.reverse_kullback_leibler.generator.__doc__


def test_exp_goes_on_as_its_tangent_beyond_40():
    loss, slope = jax.vmap(jax.value_and_grad(lambda f: losses.squared_hellinger.generator(-f)))(
        jnp.array([-39.0, -41.0, -42.0])
    )
    np.testing.assert_allclose(-loss, np.exp([39.0, 40.0, 40.0]) * [1, 2, 3], rtol=1e-5)
    np.testing.assert_allclose(slope, np.exp([39.0, 40.0, 40.0]), rtol=1e-5)
