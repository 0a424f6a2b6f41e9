import jax
import numpy as np
import pytest

from gan_jax import losses, penalties, train
from gan_jax.diagnostics import game_eigenvalues, game_jacobian, game_jacobian_spectral_radius
from tests import games


def at_rest(key, rate):
    state = games.dirac_state(key, learning_rate=rate)
    return state.replace(
        generator=state.generator.replace(params={"theta": 0.0 * state.generator.params["theta"]}),
        discriminator=state.discriminator.replace(
            params={"psi": 0.0 * state.discriminator.params["psi"]}
        ),
    )


def simultaneous(*terms):
    return train.make_train_step(
        train.simultaneous_step(losses.non_saturating, games.dirac_fake, penalties=terms)
    )


def test_the_dirac_gan_turns_by_plus_and_minus_half_the_rate(key):
    """Its field has the eigenvalues +-i/2, so a step at rate h has 1 +- i h/2."""
    found = np.sort_complex(
        game_eigenvalues(simultaneous(), at_rest(key, 0.2), games.dirac_batch())
    )
    np.testing.assert_allclose(found, [1 - 0.1j, 1 + 0.1j], atol=1e-6)
    radius = game_jacobian_spectral_radius(simultaneous(), at_rest(key, 0.2), games.dirac_batch())
    np.testing.assert_allclose(radius, np.sqrt(1 + 0.01), rtol=1e-6)
    assert radius > 1


@pytest.mark.parametrize("gamma", [0.6, 1.0, 2.0])
def test_a_zero_centred_penalty_has_the_published_eigenvalues(key, gamma):
    """-gamma/2 +- sqrt(gamma^2/4 - 1/4), and it comes to rest."""
    step = simultaneous(penalties.weighted(gamma, penalties.r1_penalty))
    state, batch = at_rest(key, 0.1), games.dirac_batch()
    found = np.sort_complex(np.asarray(game_eigenvalues(step, state, batch), np.complex128))
    root = np.sqrt(complex(gamma**2 / 4 - 0.25))
    expected = 1 + 0.1 * np.sort_complex([-gamma / 2 - root, -gamma / 2 + root])
    np.testing.assert_allclose(found, np.sort_complex(expected), atol=2e-4)
    assert game_jacobian_spectral_radius(step, state, batch) < 1


def test_alternating_steps_keep_the_area(key):
    """Each of the two updates is a shear, so the determinant is 1 and the game stays on a circle."""
    step = train.make_train_step(
        train.discriminator_step(losses.wasserstein, games.dirac_fake),
        train.generator_step(losses.wasserstein, games.dirac_fake),
    )
    state, batch = games.dirac_state(key, learning_rate=0.3), games.dirac_batch()
    jacobian = jax.jit(lambda s: game_jacobian(step, s, batch))(state)
    # psi' = psi - h theta, theta' = theta + h psi', in the order theta, psi.
    np.testing.assert_allclose(jacobian, [[1 - 0.09, 0.3], [-0.3, 1.0]], atol=1e-6)
    np.testing.assert_allclose(game_jacobian_spectral_radius(step, state, batch), 1.0, atol=1e-6)
