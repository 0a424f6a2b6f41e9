"""A player's network, opened for the passes of one step."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn

from gan_jax import layers, losses, penalties, train
from gan_jax.models import mlp
from gan_jax.typing import SPECTRAL_STATS
from tests import games


class Counter(nn.Module):
    """Count calls in two collections: one that goes on from call to call, and the spectral one."""

    @nn.compact
    def __call__(self, sample, *, train, axis_name=None):
        psi = self.param("psi", nn.initializers.constant(0.5), ())
        for collection in ("calls", SPECTRAL_STATS):
            count = self.variable(collection, "count", jnp.zeros, ())
            if self.is_mutable_collection(collection) and not self.is_initializing():
                count.value = count.value + 1
        return psi * sample[:, 0] + 0 * count.value


def counting_state(key):
    return train.create_state(
        key,
        train.create_player(key, games.Point(), optax.sgd(0.1), jnp.zeros((1, 1))),
        train.create_player(key, Counter(), optax.sgd(0.1), jnp.zeros((1, 1))),
    )


def test_calls_continue_from_the_last_but_spectral_statistics_start_where_the_step_did(key):
    network = train.Network(counting_state(key).discriminator)
    for calls in (1, 2, 3):
        network(jnp.zeros((2, 1)))
        assert network.model_state["calls"]["count"] == calls
        assert network.model_state[SPECTRAL_STATS]["count"] == 1
    network.frozen(jnp.zeros((2, 1)))
    assert network.model_state["calls"]["count"] == 3


def test_evaluation_moves_nothing(key):
    network = train.Network(counting_state(key).discriminator, train=False)
    network(jnp.zeros((2, 1)))
    assert network.model_state["calls"]["count"] == 0
    assert network.model_state[SPECTRAL_STATS]["count"] == 0


def test_spectral_statistics_move_once_per_discriminator_step(key):
    def penalty(*, critic, real, **_):
        return critic(real) ** 2

    step = train.make_train_step(
        train.unroll(
            3, train.discriminator_step(losses.hinge, games.dirac_fake, penalties=(penalty,))
        ),
        train.generator_step(losses.hinge, games.dirac_fake),
    )
    state, _ = jax.jit(step)(counting_state(key), games.dirac_batch())
    stats = state.discriminator.model_state
    np.testing.assert_array_equal(stats[SPECTRAL_STATS]["count"], 3)
    np.testing.assert_array_equal(stats["calls"]["count"], 6)


def test_joint_steps_move_them_once_too(key):
    step = train.make_train_step(train.simultaneous_step(losses.hinge, games.dirac_fake))
    state, _ = jax.jit(step)(counting_state(key), games.dirac_batch())
    np.testing.assert_array_equal(state.discriminator.model_state[SPECTRAL_STATS]["count"], 1)


def test_a_discriminator_step_is_one_power_iteration(key):
    """Of the parameters before the step, although they are applied four times in it."""
    discriminator = mlp.Discriminator(features=(4,), dense=layers.SpectralDense)
    state = train.create_state(
        key,
        train.create_player(key, games.Point(), optax.sgd(0.1), jnp.zeros((1, 1))),
        train.create_player(key, discriminator, optax.sgd(0.1), jnp.zeros((1, 1))),
    )
    terms = (penalties.r1_penalty, penalties.r2_penalty)
    step = train.make_train_step(
        train.discriminator_step(losses.hinge, games.dirac_fake, penalties=terms),
        train.generator_step(losses.hinge, games.dirac_fake),
    )
    after, _ = jax.jit(step)(state, games.dirac_batch())
    name = "SpectralDense_0"
    kernel = state.discriminator.params[name]["kernel"]
    before, moved = (s.discriminator.model_state[SPECTRAL_STATS][name]["u"] for s in (state, after))
    _, expected = layers.spectral_norm(kernel, before)
    np.testing.assert_allclose(moved, expected, rtol=1e-5)
    assert not np.allclose(moved, before)
    assert not np.allclose(after.discriminator.params[name]["kernel"], kernel)
