"""Unrolling and extragradient, against steps worked out by hand on the Dirac-GAN."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, penalties, train
from tests import games

RATE = 0.1


def place(state):
    return np.array([state.generator.params["theta"], state.discriminator.params["psi"]])


def take(step, state):
    return jax.jit(train.make_train_step(step))(state, games.dirac_batch())


@pytest.mark.parametrize("times", [1, 3])
def test_an_unrolled_generator_differentiates_through_the_answers(key, times):
    """D answers psi - k rate theta, so G minimises -psi theta + k rate theta^2."""
    answer = train.discriminator_step(losses.wasserstein, games.dirac_fake)
    step = train.generator_step(
        losses.wasserstein, games.dirac_fake, against=train.unroll(times, answer)
    )
    state, metrics = take(step, games.dirac_state(key, learning_rate=RATE))
    theta, psi = 1.0, 0.5
    slope = -psi + 2 * times * RATE * theta
    np.testing.assert_allclose(place(state), [theta - RATE * slope, psi], rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], -(psi - times * RATE * theta) * theta)
    np.testing.assert_allclose(metrics["generator_gradient_norm"], abs(slope), rtol=1e-6)
    assert int(state.discriminator.step) == 0


def test_unrolling_sees_penalties_at_fakes_and_optimizers(key):
    """The slope is that of finite differences of the loss against the answer."""

    class Bowl(games.Slope):
        def __call__(self, sample, *, train, axis_name=None):
            return super().__call__(sample**2 / 2, train=train)

    adam = optax.adam(0.1, b1=0.0, b2=0.9, eps_root=1e-12)
    answer = train.discriminator_step(
        losses.wasserstein, games.dirac_fake, penalties=(penalties.r2_penalty,)
    )
    step = train.generator_step(
        losses.wasserstein, games.dirac_fake, against=train.unroll(3, answer)
    )

    def state_at(theta):
        state = games.dirac_state(key, learning_rate=1.0)
        player = train.create_player(key, Bowl(), adam, jnp.zeros((1, 1)))
        generator = state.generator.replace(params={"theta": theta})
        return state.replace(generator=generator, discriminator=player)

    with jax.enable_x64(True):
        take = jax.jit(lambda theta: step(state_at(theta), {"real": jnp.full((4, 1), 0.3)}, key))
        theta = jnp.float64(1.3)
        after, _ = take(theta)
        slope = theta - after.generator.params["theta"]
        high, low = (take(theta + d)[1]["generator_loss"] for d in (1e-4, -1e-4))
        np.testing.assert_allclose(slope, (high - low) / 2e-4, rtol=1e-3)


def test_an_adam_with_an_eps_root_is_differentiated_through_gradients_of_zero(key):
    """A relativistic critic's last bias has none: without it the generator's slope is NaN."""

    def norm(eps_root):
        adam = optax.adam(1e-3, b1=0.0, b2=0.99, eps_root=eps_root)
        create, fake, _ = games.dense_game(optimizer=adam)
        answer = train.discriminator_step(losses.relativistic, fake)
        step = train.generator_step(losses.relativistic, fake, against=train.unroll(2, answer))
        batch = games.image_batch(key, 8, (4, 4, 1))
        return jax.jit(step)(create(key), batch, key)[1]["generator_gradient_norm"]

    assert np.isfinite(norm(1e-12))
    assert np.isnan(norm(0.0))


def test_unrolling_converges_where_alternating_does_not(key):
    answer = train.discriminator_step(losses.wasserstein, games.dirac_fake)

    def distance(against):
        learn = train.generator_step(losses.wasserstein, games.dirac_fake, against=against)
        step = train.make_train_step(answer, learn)
        batches = {"real": jnp.zeros((400, 1, 1))}
        state, _ = jax.jit(train.scan_steps(step))(games.dirac_state(key), batches)
        return np.linalg.norm(place(state))

    assert distance(None) > 1
    assert distance(train.unroll(5, answer)) < 1e-3


def test_unroll_shows_every_run_the_whole_batch_and_its_own_key(key):
    seen = []

    def look(state, batch, key, *, axis_name=None):
        jax.debug.callback(lambda *x: seen.append(x), batch["real"], jax.random.key_data(key))
        return state, {"sum": batch["real"].sum()}

    _, metrics = train.unroll(3, look)(games.dirac_state(key), {"real": jnp.arange(4.0)}, key)
    jax.effects_barrier()
    np.testing.assert_array_equal([real for real, _ in seen], [[0, 1, 2, 3]] * 3)
    assert len({bits.tobytes() for _, bits in seen}) == 3
    np.testing.assert_allclose(metrics["sum"], 6)
    with pytest.raises(ValueError, match="times is 0"):
        train.unroll(0, look)


def test_extragradient_of_the_bilinear_game_by_hand(key):
    """w' = (1 - rate^2) w - rate A w: the distance shrinks by sqrt(1 - rate^2 + rate^4)."""
    joint = train.simultaneous_step(losses.wasserstein, games.dirac_fake)
    state, metrics = take(train.extragradient(joint), games.dirac_state(key, learning_rate=RATE))
    theta, psi = 1.0, 0.5
    ahead_theta, ahead_psi = theta + RATE * psi, psi - RATE * theta
    np.testing.assert_allclose(
        place(state), [theta + RATE * ahead_psi, psi - RATE * ahead_theta], rtol=1e-6
    )
    np.testing.assert_allclose(
        np.linalg.norm(place(state)),
        np.hypot(theta, psi) * np.sqrt(1 - RATE**2 + RATE**4),
        rtol=1e-6,
    )
    np.testing.assert_allclose(metrics["generator_loss"], -ahead_psi * ahead_theta, rtol=1e-6)
    assert int(state.generator.step) == 1


def test_extra_adam_feeds_both_gradients_to_the_moments(key):
    """Algorithm 4 of the paper, in numpy."""
    b1, b2, epsilon = 0.5, 0.9, 1e-8
    adam = optax.adam(RATE, b1=b1, b2=b2, eps=epsilon)
    state = train.create_state(
        key,
        train.create_player(key, games.Point(), adam, jnp.zeros((1, 1))),
        train.create_player(key, games.Slope(), adam, jnp.zeros((1, 1))),
    )
    joint = train.simultaneous_step(losses.wasserstein, games.dirac_fake)
    step = jax.jit(train.make_train_step(train.extragradient(joint)))
    w, first, second = np.array([1.0, 0.5]), np.zeros(2), np.zeros(2)

    def direction(at, first, second, count):
        gradient = np.array([-at[1], at[0]])
        first = b1 * first + (1 - b1) * gradient
        second = b2 * second + (1 - b2) * gradient**2
        root = np.sqrt(second / (1 - b2**count)) + epsilon
        return RATE * first / (1 - b1**count) / root, first, second

    for count in (1, 3, 5):
        move, first, second = direction(w, first, second, count)
        move, first, second = direction(w - move, first, second, count + 1)
        w = w - move
        state, _ = step(state, games.dirac_batch())
        np.testing.assert_allclose(place(state), w, rtol=1e-5)


def test_optimistic_adam_converges_where_adam_does_not(key):
    def distance(optimizer):
        state = train.create_state(
            key,
            train.create_player(key, games.Point(), optimizer, jnp.zeros((1, 1))),
            train.create_player(key, games.Slope(), optimizer, jnp.zeros((1, 1))),
        )
        step = train.make_train_step(train.simultaneous_step(losses.wasserstein, games.dirac_fake))
        state, _ = jax.jit(train.scan_steps(step))(state, {"real": jnp.zeros((2000, 1, 1))})
        return np.linalg.norm(place(state))

    assert distance(optax.adam(0.01, b1=0.0, b2=0.99, eps=1e-2)) > 0.2
    assert distance(optax.optimistic_adam_v2(0.01, b1=0.0, b2=0.99, eps=1e-2)) < 1e-3


def test_two_time_scales_are_two_optimizers(key):
    state = train.create_state(
        key,
        train.create_player(key, games.Point(), optax.sgd(0.1), jnp.zeros((1, 1))),
        train.create_player(key, games.Slope(), optax.sgd(0.4), jnp.zeros((1, 1))),
    )
    after, _ = take(train.simultaneous_step(losses.wasserstein, games.dirac_fake), state)
    np.testing.assert_allclose(place(after), [1 + 0.1 * 0.5, 0.5 - 0.4 * 1.0], rtol=1e-6)


@pytest.fixture(scope="module")
def game():
    create, fake, shown = games.image_game(conditional=True)
    batch = games.image_batch(jax.random.key(1), 8)
    return create(jax.random.key(0)), fake, shown, batch


def steps(fake, shown):
    loss, gamma = losses.relativistic_average, (penalties.r1_penalty,)
    learn = train.discriminator_step(loss, fake, shown=shown, penalties=gamma)
    return {
        "unrolled": train.generator_step(loss, fake, shown=shown, against=train.unroll(2, learn)),
        "extragradient": train.extragradient(
            train.simultaneous_step(loss, fake, shown=shown, penalties=gamma)
        ),
        "consensus": train.consensus_step(loss, fake, shown=shown, penalties=gamma, strength=0.1),
    }


@pytest.mark.parametrize("name", ["unrolled", "extragradient", "consensus"])
def test_two_shares_of_a_batch_give_what_the_whole_gives(game, name):
    state, fake, shown, batch = game
    step = train.make_train_step(steps(fake, shown)[name])
    expected, _ = jax.jit(step)(state, batch)
    halves = jax.tree.map(lambda leaf: leaf.reshape(2, 4, *leaf.shape[1:]), batch)
    spread = jax.vmap(
        lambda state, batch: step(state, batch, axis_name="batch"),
        in_axes=(None, 0),
        axis_name="batch",
    )
    states, _ = jax.jit(spread)(state, halves)
    for device in range(2):
        lane = jax.tree.map(lambda x, i=device: x[i], states)
        assert games.difference(lane, expected) < 1e-5
