"""Values and meaning of the losses of auto-encoding discriminators."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

REAL_ENERGY, FAKE_ENERGY = np.array([1.0, 0.5, 4.0]), np.array([0.25, 3.0, 7.0])


def test_ebgan_lifts_fakes_up_to_the_margin():
    pair = losses.ebgan(margin=3.0)
    # E(x) + max(0, 3 - E(G)): 1 + 2.75, 0.5 + 0, 4 + 0.
    loss = pair.discriminator(-REAL_ENERGY, -FAKE_ENERGY)
    np.testing.assert_allclose(loss, [3.75, 0.5, 4.0])
    np.testing.assert_allclose(pair.generator(-FAKE_ENERGY), FAKE_ENERGY)
    slopes = jax.grad(lambda fake: pair.discriminator(-REAL_ENERGY, fake).sum())(
        -jnp.array([0.25, 2.9, 7.0])
    )
    np.testing.assert_array_equal(slopes, [1, 1, 0])


def test_ebgan_at_equilibrium_has_the_value_of_its_margin():
    """The paper's Theorem 2: with equal densities the discriminator's best expected loss is m."""
    pair, margin = losses.ebgan(margin=2.0), 2.0
    for energy in (0.0, 0.7, 2.0):
        level = -jnp.full(3, energy)
        np.testing.assert_allclose(pair.discriminator(level, level), margin, rtol=1e-6)


@pytest.mark.parametrize("margin", [0, -1.0, float("inf"), float("nan")])
def test_ebgan_refuses_a_margin_that_is_none(margin):
    with pytest.raises(ValueError, match=f"margin must be positive and finite, got {margin}"):
        losses.ebgan(margin=margin)


@pytest.mark.parametrize("shape", [(5, 3), (4, 2, 2, 3)])
def test_float64_pull_away_agrees_with_a_loop(shape):
    encodings = np.random.default_rng(0).normal(size=shape)
    flat = encodings.reshape(shape[0], -1)
    norms = np.linalg.norm(flat, axis=1)
    expected = [
        np.mean([(a @ b / norms[i] / norms[j]) ** 2 for j, b in enumerate(flat) if j != i])
        for i, a in enumerate(flat)
    ]
    with jax.enable_x64(True):
        np.testing.assert_allclose(losses.pull_away_loss(encodings), expected, rtol=1e-10)


def test_pull_away_is_0_of_orthogonal_and_1_of_parallel_encodings():
    np.testing.assert_allclose(losses.pull_away_loss(3 * jnp.eye(4)), 0)
    parallel = jnp.array([[1.0], [-2.0], [5.0]]) * jnp.array([[0.3, -0.4]])
    np.testing.assert_allclose(losses.pull_away_loss(parallel), 1, rtol=1e-6)


def test_pull_away_norm_is_over_features_of_each_example():
    encodings = jnp.array([[1.0, 2.0], [3.0, 1.0], [0.5, 0.1]])
    scaled = encodings * jnp.array([[10.0], [0.1], [1.0]])
    np.testing.assert_allclose(
        losses.pull_away_loss(encodings), losses.pull_away_loss(scaled), rtol=1e-5
    )


@pytest.mark.parametrize("shape", [(1, 3), (0, 3), ()])
def test_pull_away_needs_others(shape):
    with pytest.raises(ValueError, match="B of 2 or more") as error:
        losses.pull_away_loss(jnp.ones(shape))
    assert str(shape) in str(error.value)


def test_began_weights_the_fakes_by_its_balance():
    pair = losses.began(0.25)
    loss = pair.discriminator(-REAL_ENERGY, -FAKE_ENERGY)
    np.testing.assert_allclose(loss, REAL_ENERGY - 0.25 * FAKE_ENERGY)
    np.testing.assert_allclose(pair.generator(-FAKE_ENERGY), FAKE_ENERGY)


def test_balance_moves_to_where_fakes_cost_their_share():
    # k + 0.001 (0.5 * 8 - 1) = 0.103, and at equilibrium L(G) = γ L(x) it rests.
    assert losses.began_balance(0.1, -8.0, -1.0) == pytest.approx(0.103)
    assert losses.began_balance(0.1, -8.0, -4.0) == pytest.approx(0.1)
    assert losses.began_balance(0.1, -8.0, -4.0, diversity_ratio=0.75, rate=0.01) == (
        pytest.approx(0.12)
    )


def test_balance_stays_in_the_unit_interval():
    assert losses.began_balance(0.0, -1.0, -900.0) == 0
    assert losses.began_balance(0.9999, -900.0, -1.0) == 1


def test_convergence_is_error_plus_imbalance():
    # 8 + |0.5 * 8 - 1| = 11, 8 + |0.5 * 8 - 6| = 10.
    assert losses.began_convergence(-8.0, -1.0) == pytest.approx(11)
    assert losses.began_convergence(-8.0, -6.0) == pytest.approx(10)
    assert losses.began_convergence(-8.0, -6.0, diversity_ratio=0.75) == pytest.approx(8)


def test_balance_may_be_traced():
    @jax.jit
    def step(balance, real, fake):
        loss = losses.began(balance).discriminator(real, fake).mean()
        return loss, losses.began_balance(balance, real.mean(), fake.mean())

    loss, balance = step(jnp.float32(0.5), -REAL_ENERGY, -FAKE_ENERGY)
    assert loss == pytest.approx((REAL_ENERGY - 0.5 * FAKE_ENERGY).mean(), rel=1e-6)
    imbalance = 0.5 * REAL_ENERGY.mean() - FAKE_ENERGY.mean()
    assert balance == pytest.approx(0.5 + 0.001 * imbalance, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.began(1.5), r"balance must be in \[0.0, 1.0\], got 1.5"),
        (
            lambda: losses.began_balance(0.0, 1.0, 1.0, diversity_ratio=2),
            r"diversity_ratio must be in \[0.0, 1.0\], got 2",
        ),
        (lambda: losses.began_balance(0.0, 1.0, 1.0, rate=0), "rate must be positive"),
        (
            lambda: losses.began_convergence(1.0, 1.0, diversity_ratio=-1),
            r"diversity_ratio must be in \[0.0, 1.0\], got -1",
        ),
    ],
    ids=["balance", "ratio", "rate", "convergence"],
)
def test_began_refuses_what_is_out_of_range(call, message):
    with pytest.raises(ValueError, match=message):
        call()
