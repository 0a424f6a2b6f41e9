import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, train
from gan_jax.diagnostics import Recorded, keep_gradients, successive_gradients
from gan_jax.train import Network, example_keys
from tests import games


def test_a_recorded_optimizer_moves_as_before_and_keeps_the_sum():
    params = {"w": jnp.array([1.0, 2.0])}
    gradients = [{"w": jnp.array([1.0, -1.0])}, {"w": jnp.array([0.5, 3.0])}]
    plain, kept = optax.adam(0.1), keep_gradients(optax.adam(0.1))
    state, recorded = plain.init(params), kept.init(params)
    for gradient in gradients:
        update, state = plain.update(gradient, state, params)
        same, recorded = kept.update(gradient, recorded, params)
        np.testing.assert_array_equal(same["w"], update["w"])
    assert isinstance(recorded, Recorded)
    np.testing.assert_array_equal(recorded.gradient["w"], [1.5, 2.0])
    assert games.difference(recorded.inner, state) == 0


@pytest.mark.parametrize("scan", [True, False])
def test_gradients_are_those_of_the_objectives_here_and_a_step_later(key, scan):
    """The Dirac-GAN, non-saturating: psi goes by -theta s(psi theta), theta by -psi s(-psi theta).

    (Of the terms softplus(-r) + softplus(f) and softplus(-f), with r = 0; s is the sigmoid.)
    """
    rate, theta, psi = 0.1, 1.0, 0.5
    step = train.make_train_step(
        train.discriminator_step(losses.non_saturating, games.dirac_fake),
        train.generator_step(losses.non_saturating, games.dirac_fake),
    )
    state = games.dirac_state(key, learning_rate=rate)
    found = successive_gradients(step, state, games.dirac_batch(), scan=scan)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    for gradients in found:
        by_psi = theta * sigmoid(psi * theta)
        psi -= rate * by_psi
        by_theta = -psi * sigmoid(-psi * theta)
        theta -= rate * by_theta
        np.testing.assert_allclose(gradients.discriminator["psi"], by_psi, rtol=1e-5)
        np.testing.assert_allclose(gradients.generator["theta"], by_theta, rtol=1e-5)


def test_gradients_are_those_of_jax_grad_with_the_steps_own_draws(key):
    create, fake, _ = games.dense_game(optimizer=optax.adam(1e-2))
    state, batch = create(key), games.image_batch(key, shape=(4, 4, 1))
    step = train.make_train_step(train.generator_step(losses.non_saturating, fake))
    found = successive_gradients(step, state, batch)
    after, metrics = step(state, batch)

    def objective(params, state):
        chained = jax.random.fold_in(jax.random.fold_in(state.key, 0), 0)
        keys = example_keys(jax.random.split(chained, 4)[0], 16, axis_name=None)
        fakes = fake(Network(state.generator, params), batch, keys)
        return jnp.mean(jax.nn.softplus(-Network(state.discriminator)(fakes)))

    for gradients, at in zip(found, (state, after), strict=True):
        expected = jax.grad(objective)(at.generator.params, at)
        assert games.difference(gradients.generator, expected) < 1e-6
        zeros = jax.tree.map(jnp.zeros_like, state.discriminator.params)
        assert games.difference(gradients.discriminator, zeros) == 0
    norm = optax.tree.norm(found[0].generator)
    np.testing.assert_allclose(norm, metrics["generator_gradient_norm"], rtol=1e-5)


FAKE, LOSS = games.dirac_fake, losses.non_saturating
LEARN, PLAY = train.discriminator_step(LOSS, FAKE), train.generator_step(LOSS, FAKE)


@pytest.mark.parametrize(
    "steps",
    [
        (train.repeat(2, train.chain(LEARN, train.clip_step(0.1))), train.last_slice(2, PLAY)),
        (LEARN, train.every(2, PLAY)),
        (LEARN, train.generator_step(LOSS, FAKE, against=train.unroll(2, LEARN))),
        (train.extragradient(train.simultaneous_step(LOSS, FAKE)),),
        (train.consensus_step(LOSS, FAKE),),
        (LEARN, PLAY, train.ema_step(0.9)),
    ],
)
def test_every_kind_of_recipe_is_recorded(key, steps):
    state = games.dirac_state(key, ema=True)
    step = train.make_train_step(*steps)
    first, second = successive_gradients(step, state, games.dirac_batch())
    for gradients in (first, second):
        for player in gradients:
            assert all(0 < abs(float(leaf)) < 10 for leaf in jax.tree.leaves(player))


def test_of_several_updates_it_is_the_sum(key):
    state, batch = games.dirac_state(key, learning_rate=0.0), games.dirac_batch()
    one = successive_gradients(train.make_train_step(LEARN), state, batch)[0]
    two = successive_gradients(train.make_train_step(train.repeat(2, LEARN)), state, batch)[0]
    np.testing.assert_allclose(two.discriminator["psi"], 2 * one.discriminator["psi"], rtol=1e-6)
