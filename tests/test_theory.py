"""What theory says of the game, found by playing it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from scipy import stats

from gan_jax import losses, penalties, train
from gan_jax.models import mlp
from tests import games


class Bell(nn.Module):
    """Fakes are N(0.5, 1), whatever it learns."""

    @nn.compact
    def __call__(self, latents, *, train, axis_name=None):
        self.param("unused", nn.initializers.zeros, ())
        return latents + 0.5


REAL, FAKE = stats.norm(-0.5, 0.5), stats.norm(0.5, 1.0)


def learn(loss, key, *, steps=1500, batch=512):
    """Train a discriminator alone on reals of N(-0.5, 0.5^2) and fakes of N(0.5, 1)."""
    rate = optax.cosine_decay_schedule(5e-3, steps)
    state = train.create_state(
        key,
        train.create_player(key, Bell(), optax.sgd(0.0), jnp.zeros((1, 1))),
        train.create_player(
            key, mlp.Discriminator(features=(32, 32)), optax.adam(rate), jnp.zeros((1, 1))
        ),
    )
    fake = train.unconditional(train.normal_prior(1))
    step = train.make_train_step(train.discriminator_step(loss, fake))

    def one(state, index):
        noise = jax.random.normal(jax.random.fold_in(jax.random.key(7), index), (batch, 1))
        return step(state, {"real": -0.5 + 0.5 * noise})

    state, _ = jax.jit(lambda s: jax.lax.scan(one, s, jnp.arange(steps)))(state)
    points = np.linspace(-1.5, 1.5, 61)
    logits = train.Network(state.discriminator, train=False)(jnp.asarray(points[:, None]))
    return points, np.asarray(logits)


def test_the_optimal_discriminator_is_the_share_of_the_real_density(key):
    points, logits = learn(losses.non_saturating, key)
    optimum = REAL.pdf(points) / (REAL.pdf(points) + FAKE.pdf(points))
    found = 1 / (1 + np.exp(-logits))
    assert np.abs(found - optimum).mean() < 0.02
    assert np.abs(found - optimum).max() < 0.07
    # It is not the optimum of some other pair of densities.
    assert np.abs(found - FAKE.pdf(points) / (REAL.pdf(points) + FAKE.pdf(points))).mean() > 0.2


def test_the_optimal_least_squares_discriminator_is_the_same_share(key):
    points, logits = learn(losses.least_squares, key)
    optimum = REAL.pdf(points) / (REAL.pdf(points) + FAKE.pdf(points))
    assert np.abs(logits - optimum).mean() < 0.02


def test_the_optimal_relativistic_critic_is_the_log_ratio_up_to_a_constant(key):
    points, logits = learn(losses.relativistic, key)
    ratio = REAL.logpdf(points) - FAKE.logpdf(points)
    assert np.std(logits - ratio) < 0.15 * np.std(ratio)


def play(key, *terms, loss=losses.non_saturating, rate=0.1, steps=1000):
    """Play the Dirac-GAN simultaneously, and return the distance from the equilibrium."""
    step = train.simultaneous_step(loss, games.dirac_fake, penalties=terms)
    run = jax.jit(train.scan_steps(train.make_train_step(step)))
    state = games.dirac_state(key, learning_rate=rate)
    state, _ = run(state, {"real": jnp.zeros((steps, 2, 1))})
    return np.hypot(state.generator.params["theta"], state.discriminator.params["psi"])


def test_the_dirac_gan_circles_outwards_without_a_penalty(key):
    """The flow of the zero-sum game keeps theta^2 + psi^2, and steps of any size leave the circle.

    (The non-saturating game spirals inwards, ever more slowly: its eigenvalues are imaginary too.)
    """
    assert play(key, loss=losses.minimax) > 1.05 * np.hypot(1, 0.5)
    assert play(key, loss=losses.minimax, rate=0.01, steps=3000) > np.hypot(1, 0.5)
    assert play(key) > 0.1


@pytest.mark.parametrize("penalty", [penalties.r1_penalty, penalties.r2_penalty])
def test_the_dirac_gan_converges_with_a_zero_centred_penalty(key, penalty):
    assert play(key, penalty) < 1e-3


def test_the_dirac_gan_does_not_converge_with_the_one_centred_penalty(key):
    assert play(key, penalties.gradient_penalty, loss=losses.wasserstein) > 0.1


def test_the_jacobian_of_the_steps_has_the_published_eigenvalues(key):
    """At the equilibrium +-i/2, and with R1 at gamma -gamma/2 +- sqrt(gamma^2/4 - 1/4)."""

    def jacobian(*terms):
        step = train.make_train_step(
            train.simultaneous_step(losses.non_saturating, games.dirac_fake, penalties=terms)
        )

        def field(w):
            state = games.dirac_state(key, learning_rate=1.0)
            state = state.replace(
                generator=state.generator.replace(params={"theta": w[0]}),
                discriminator=state.discriminator.replace(params={"psi": w[1]}),
            )
            after, _ = step(state, games.dirac_batch())
            moved = after.generator.params["theta"], after.discriminator.params["psi"]
            return jnp.stack(moved) - w

        return np.sort_complex(np.linalg.eigvals(np.asarray(jax.jacfwd(field)(jnp.zeros(2)))))

    np.testing.assert_allclose(jacobian(), [-0.5j, 0.5j], atol=1e-6)
    for gamma in (0.6, 2.0):
        root = np.sqrt(complex(gamma**2 / 4 - 0.25))
        expected = np.sort_complex([-gamma / 2 - root, -gamma / 2 + root])
        found = jacobian(penalties.weighted(gamma, penalties.r1_penalty))
        np.testing.assert_allclose(found, expected, atol=1e-6)
