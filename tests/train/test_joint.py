import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, penalties, train
from tests import games

GAMMA = (penalties.weighted(0.1, penalties.r1_penalty),)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dirac(step, key):
    """Take one step of the Dirac-GAN from theta = 1, psi = 1/2 with learning rate 0.1."""
    state, metrics = train.make_train_step(step)(games.dirac_state(key), games.dirac_batch())
    return float(state.generator.params["theta"]), float(state.discriminator.params["psi"]), metrics


def test_a_shared_forward_pass_still_alternates(key):
    theta, psi, metrics = dirac(
        train.shared_forward_step(losses.non_saturating, games.dirac_fake), key
    )
    new = 0.5 - 0.1 * sigmoid(0.5)
    np.testing.assert_allclose(psi, new, rtol=1e-6)
    np.testing.assert_allclose(theta, 1 + 0.1 * sigmoid(-new) * new, rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], np.log1p(np.exp(-new)), rtol=1e-6)


def test_simultaneous_updates_answer_the_other_as_it_was(key):
    theta, psi, metrics = dirac(
        train.simultaneous_step(losses.non_saturating, games.dirac_fake), key
    )
    np.testing.assert_allclose(psi, 0.5 - 0.1 * sigmoid(0.5), rtol=1e-6)
    np.testing.assert_allclose(theta, 1 + 0.1 * sigmoid(-0.5) * 0.5, rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], np.log1p(np.exp(-0.5)), rtol=1e-6)


def test_simultaneous_updates_of_a_bilinear_game_spiral_outwards(key):
    """Gradient descent-ascent on psi theta multiplies the distance by sqrt(1 + rate^2)."""
    step = train.simultaneous_step(losses.wasserstein, games.dirac_fake)
    theta, psi, _ = dirac(step, key)
    np.testing.assert_allclose(np.hypot(theta, psi), np.hypot(1, 0.5) * np.hypot(1, 0.1), rtol=1e-6)


def test_consensus_of_a_bilinear_game_by_hand(key):
    """v = (-psi, theta) for (theta, psi), and J^T v = (theta, psi)."""
    step = train.consensus_step(losses.wasserstein, games.dirac_fake, strength=0.3)
    theta, psi, metrics = dirac(step, key)
    np.testing.assert_allclose(theta, 1 - 0.1 * (-0.5 + 0.3 * 1.0), rtol=1e-6)
    np.testing.assert_allclose(psi, 0.5 - 0.1 * (1.0 + 0.3 * 0.5), rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_gradient_norm"], 0.2, rtol=1e-5)


def test_consensus_is_the_gradient_of_the_fields_squared_length(key):
    """The same of a game that is not bilinear, by finite differences of the fields."""
    loss, rate, strength = losses.non_saturating, 0.1, 2.0

    def field(theta, psi):
        state = games.dirac_state(key, learning_rate=1.0)
        state = state.replace(
            generator=state.generator.replace(params={"theta": theta}),
            discriminator=state.discriminator.replace(params={"psi": psi}),
        )
        step = train.make_train_step(
            train.simultaneous_step(loss, games.dirac_fake, penalties=GAMMA)
        )
        after, _ = step(state, games.dirac_batch())
        return jnp.stack(
            [theta - after.generator.params["theta"], psi - after.discriminator.params["psi"]]
        )

    at = jnp.array([1.0, 0.5])
    v = field(*at)
    jacobian = jax.jacfwd(lambda w: field(w[0], w[1]))(at)
    expected = at - rate * (v + strength * jacobian.T @ v)
    step = train.consensus_step(loss, games.dirac_fake, strength=strength, penalties=GAMMA)
    theta, psi, _ = dirac(step, key)
    np.testing.assert_allclose([theta, psi], expected, rtol=1e-5)


@pytest.mark.parametrize("name", ["r1_penalty", "r2_penalty", "gradient_penalty"])
def test_consensus_goes_down_the_fields_squared_length_whatever_the_penalty(key, name):
    """By differences of lengths: penalties at fakes make the fields depend on both players."""
    terms = (getattr(penalties, name),)
    loss, strength = losses.wasserstein, 0.5

    class Bowl(games.Slope):
        def __call__(self, sample, *, train, axis_name=None):
            return super().__call__(sample**2 / 2, train=train)

    def state_at(w):
        state = games.dirac_state(key, learning_rate=1.0)
        player = train.create_player(key, Bowl(), optax.sgd(1.0), jnp.zeros((1, 1)))
        return state.replace(
            generator=state.generator.replace(params={"theta": w[0]}),
            discriminator=player.replace(params={"psi": w[1]}),
        )

    def moves(step, w):
        after, _ = train.make_train_step(step)(state_at(w), {"real": jnp.full((4, 1), 0.3)})
        return w - jnp.stack([after.generator.params["theta"], after.discriminator.params["psi"]])

    with jax.enable_x64(True):
        joint = train.simultaneous_step(loss, games.dirac_fake, penalties=terms)
        agreed = train.consensus_step(loss, games.dirac_fake, strength=strength, penalties=terms)
        field = jax.jit(lambda w: moves(joint, w))
        at, found = jnp.array([1.3, 0.5]), []
        for one in (jnp.array([1e-5, 0.0]), jnp.array([0.0, 1e-5])):
            lengths = [jnp.sum(field(at + s * one) ** 2) / 2 for s in (1, -1)]
            found.append((lengths[0] - lengths[1]) / 2e-5)
        expected = field(at) + strength * jnp.stack(found)
        np.testing.assert_allclose(moves(agreed, at), expected, rtol=1e-5)


def test_consensus_without_strength_is_the_simultaneous_step(key):
    step = train.consensus_step(losses.hinge, games.dirac_fake, strength=0.0)
    joint = train.simultaneous_step(losses.hinge, games.dirac_fake)
    assert games.difference(dirac(step, key)[2], dirac(joint, key)[2]) == 0


@pytest.fixture(scope="module")
def game():
    create, fake, shown = games.image_game(conditional=True)
    batch = games.image_batch(jax.random.key(1), 16)
    return create(jax.random.key(0)), fake, shown, batch


def fixed(fake):
    """Draw the same latents whatever the keys are."""
    keys = jax.random.split(jax.random.key(9), 16)
    return lambda generator, batch, _: fake(generator, batch, keys)


def test_the_shared_pass_equals_the_two_steps_on_the_same_latents(game):
    state, fake, shown, batch = game
    fake, loss = fixed(fake), losses.relativistic_average
    shared = train.make_train_step(
        train.shared_forward_step(loss, fake, shown=shown, penalties=GAMMA)
    )
    apart = train.make_train_step(
        train.discriminator_step(loss, fake, shown=shown, penalties=GAMMA),
        train.generator_step(loss, fake, shown=shown),
    )
    (a, metrics), (b, expected) = jax.jit(shared)(state, batch), jax.jit(apart)(state, batch)
    assert games.difference(a, b) < 1e-5
    assert metrics.keys() == expected.keys()
    assert games.difference(metrics, expected) < 1e-4


def test_simultaneous_updates_are_each_players_own_step_from_the_same_state(game):
    state, fake, shown, batch = game
    fake, loss = fixed(fake), losses.relativistic_average
    joint = train.make_train_step(train.simultaneous_step(loss, fake, shown=shown, penalties=GAMMA))
    first = train.make_train_step(
        train.discriminator_step(loss, fake, shown=shown, penalties=GAMMA)
    )
    second = train.make_train_step(train.generator_step(loss, fake, shown=shown))
    both, metrics = jax.jit(joint)(state, batch)
    (a, values), (b, more) = jax.jit(first)(state, batch), jax.jit(second)(state, batch)
    assert games.difference(both.discriminator, a.discriminator) < 1e-5
    assert games.difference(both.generator, b.generator) < 1e-5
    assert games.difference(metrics, {**values, **more}) < 1e-4


@pytest.mark.parametrize("make", [train.shared_forward_step, train.simultaneous_step])
def test_two_shares_of_a_batch_give_what_the_whole_gives(game, make):
    state, fake, shown, batch = game
    step = train.make_train_step(
        make(losses.relativistic_average, fake, shown=shown, penalties=GAMMA)
    )
    expected, _ = jax.jit(step)(state, batch)
    halves = jax.tree.map(lambda leaf: leaf.reshape(2, 8, *leaf.shape[1:]), batch)
    spread = jax.vmap(
        lambda state, batch: step(state, batch, axis_name="batch"),
        in_axes=(None, 0),
        axis_name="batch",
    )
    states, _ = jax.jit(spread)(state, halves)
    for device in range(2):
        assert games.difference(jax.tree.map(lambda x, i=device: x[i], states), expected) < 1e-5


def products(step, state, batch):
    """Count the matrix products and convolutions in a compiled step."""
    text = jax.jit(train.make_train_step(step)).lower(state, batch).compile().as_text()
    return text.count(" dot(") + text.count(" convolution(")


def test_sharing_saves_the_passes_it_says():
    create, fake, _ = games.dense_game(optimizer=optax.sgd(0.1))
    state, batch = create(jax.random.key(0)), {"real": jnp.zeros((8, 4, 4, 1))}
    loss = losses.non_saturating
    apart = train.chain(train.discriminator_step(loss, fake), train.generator_step(loss, fake))
    shared = train.shared_forward_step(loss, fake)
    joint = train.simultaneous_step(loss, fake)
    counts = [products(step, state, batch) for step in (apart, shared, joint)]
    assert counts[0] - counts[1] == 2  # the two layers of the generator, forward
    assert counts[1] - counts[2] == 2  # and those of the discriminator
