"""The smallest GAN: which penalties make it converge, by its dynamics and in training.

Mescheder et al., 2018, "Which Training Methods for GANs do actually Converge?"
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses
from gan_jax.penalties import (
    gradient_penalty,
    r1_penalty,
    r2_penalty,
    zero_centred_gradient_penalty,
)

PAIRS = {
    "non_saturating": (losses.non_saturating, 0.5),
    "relativistic": (losses.relativistic, 0.5),
    "wasserstein": (losses.wasserstein, 1.0),
}
"""Pairs, and how fast each turns at the equilibrium: the slope of the loss at logits of 0."""

ZERO_CENTRED = {
    "r1": ((r1_penalty,), 1),
    "r2": ((r2_penalty,), 1),
    "r1_and_r2": ((r1_penalty, r2_penalty), 2),
    "zero_centred": ((zero_centred_gradient_penalty,), 2),
}
"""Penalties, and how often they count 1/2 slope²."""

every_pair = pytest.mark.parametrize("pair", PAIRS)


def _field(pair, penalties, game, gamma):
    """Return where both players' gradient descent goes, with real data in one point at zero.

    The generator is a point at `position`, the discriminator `D(x) = slope x`.
    """
    position, slope = game

    def generator_loss(position):
        return pair.generator(slope * position, jnp.zeros(()))

    def discriminator_loss(slope):
        call = {
            "critic": lambda samples: slope * samples,
            "real": jnp.zeros(1),
            "fake": position[None],
            "keys": jax.random.split(jax.random.key(0), 1),
        }
        terms = [penalty(**call)[0] for penalty in penalties]
        return pair.discriminator(jnp.zeros(()), slope * position) + gamma * sum(terms)

    return -jnp.stack([jax.grad(generator_loss)(position), jax.grad(discriminator_loss)(slope)])


def _eigenvalues(pair, *penalties):
    """Return the function from the penalties' weight to the eigenvalues at the equilibrium."""
    jacobian = jax.jit(jax.jacfwd(partial(_field, pair, penalties)))

    def at(gamma):
        with jax.enable_x64(True):
            return np.sort_complex(np.linalg.eigvals(np.asarray(jacobian(np.zeros(2), gamma))))

    return at


def _distances(pair, *penalties, start, rate, steps=2000, gamma=1.0):
    """Train both players at once; return how far they are from the equilibrium before each step."""

    def step(game, _):
        return game + rate * _field(pair, penalties, game, gamma), jnp.linalg.norm(game)

    with jax.enable_x64(True):
        run = jax.jit(lambda game: jax.lax.scan(step, game, None, length=steps)[1])
        return np.asarray(run(np.full(2, start)))


@every_pair
def test_the_dynamics_circle_without_and_converge_with_zero_centred_penalties(pair):
    pair, speed = PAIRS[pair]
    np.testing.assert_allclose(_eigenvalues(pair)(0.0), np.array([-1j, 1j]) * speed, atol=1e-12)

    for penalties, strength in ZERO_CENTRED.values():
        eigenvalues = _eigenvalues(pair, *penalties)
        for gamma in (0.4, 3.0):
            damping = strength * gamma / 2
            root = np.sqrt(complex(damping**2 - speed**2))
            expected = np.sort_complex([-damping - root, -damping + root])
            np.testing.assert_allclose(eigenvalues(gamma), expected, atol=1e-12)
            assert (eigenvalues(gamma).real < 0).all()


def test_the_dynamics_do_not_converge_with_the_one_centred_penalty():
    assert _eigenvalues(losses.wasserstein, gradient_penalty)(10.0).real.max() > 0


@every_pair
@pytest.mark.parametrize("rate", [0.01, 0.2])
def test_simultaneous_training_without_a_penalty_circles_outward(pair, rate):
    """Each step multiplies the distance by sqrt(1 + (rate * speed)²): the turn's hypotenuse."""
    pair, speed = PAIRS[pair]
    factor = np.sqrt(1 + (rate * speed) ** 2)
    distances = _distances(pair, start=1e-5, rate=rate, steps=100)
    np.testing.assert_allclose(distances / distances[0], factor ** np.arange(100), rtol=1e-7)


def test_a_wasserstein_pair_circles_outward_at_any_distance():
    distances = _distances(losses.wasserstein, start=30.0, rate=0.1, steps=300)
    np.testing.assert_allclose(distances / distances[0], 1.01 ** (np.arange(300) / 2), rtol=1e-10)


@every_pair
@pytest.mark.parametrize("penalty", ZERO_CENTRED)
def test_simultaneous_training_converges_with_zero_centred_penalties(pair, penalty):
    distances = _distances(PAIRS[pair][0], *ZERO_CENTRED[penalty][0], start=1.0, rate=0.1)
    assert distances[-1] < 1e-10


@every_pair
def test_simultaneous_training_never_settles_with_the_one_centred_penalty(pair):
    distances = _distances(PAIRS[pair][0], gradient_penalty, start=1.0, rate=0.1)
    assert distances[-1000:].min() > 0.5
