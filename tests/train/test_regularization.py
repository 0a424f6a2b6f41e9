"""Clipping, lazy penalties and path length, against updates by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import losses, penalties, train
from tests import games


def test_clipping_bounds_every_parameter_of_the_critic_alone(key):
    create, _, _ = games.dense_game()
    state = create(key)
    after, metrics = train.clip_step(0.05)(state, {}, key)
    assert metrics == {}
    for new, old in zip(
        jax.tree.leaves(after.discriminator.params),
        jax.tree.leaves(state.discriminator.params),
        strict=True,
    ):
        np.testing.assert_array_equal(new, np.clip(old, -0.05, 0.05))
    assert games.difference(after.generator, state.generator) == 0
    with pytest.raises(ValueError, match="limit is 0"):
        train.clip_step(0)


def test_a_lazy_penalty_is_an_update_of_its_own(key):
    """R1 of D(x) = psi x is psi^2 / 2: every third step moves psi by rate * 3 * gamma * psi."""
    terms = (penalties.weighted(2.0, penalties.r1_penalty),)
    step = jax.jit(train.make_train_step(train.lazy_penalty_step(3, terms, games.dirac_fake)))
    state, psi = games.dirac_state(key, learning_rate=0.1), 0.5
    for at in range(5):
        state, metrics = step(state, games.dirac_batch())
        runs = at % 3 == 0
        np.testing.assert_allclose(metrics["r1_penalty"], runs * psi**2, rtol=1e-6)
        psi -= runs * 0.1 * 3 * 2.0 * psi
        np.testing.assert_allclose(state.discriminator.params["psi"], psi, rtol=1e-5)
    assert int(state.discriminator.step) == 2
    assert float(state.generator.params["theta"]) == 1.0


class Scale(nn.Module):
    """`G(z) = a z`, images [B, 2, 2, 1] of latents [B, 4]."""

    @nn.compact
    def __call__(self, latents, *, train, axis_name=None):
        scale = self.param("a", nn.initializers.constant(2.0), ())
        return scale * latents.reshape(-1, 2, 2, 1)


def lengths(generate, latents, keys):
    """Return half the image's norm for each example: known, and linear in the scale."""
    images = generate(jnp.ones_like(latents))
    return jnp.sqrt(jnp.sum(images**2, axis=(1, 2, 3))) / 2


def PATH(generator, batch, keys):
    return generator, jax.vmap(train.normal_prior(4))(keys)


def path_length_game(key, rate=0.1):
    state = train.create_state(
        key,
        train.create_player(key, Scale(), optax.sgd(rate), jnp.zeros((1, 4))),
        train.create_player(key, games.Slope(), optax.sgd(rate), jnp.zeros((1, 1))),
        moving={"path_length": 0.0},
    )
    step = train.path_length_step(lengths, PATH, interval=2)
    return state, jax.jit(train.make_train_step(step))


def test_a_path_length_step_by_hand(key):
    """All lengths are a: the mean moves to 0.01 a first, and the penalty is (a - 0.01 a)^2."""
    state, step = path_length_game(key, rate=0.01)
    state, metrics = step(state, games.dirac_batch(8))
    np.testing.assert_allclose(state.moving["path_length"], 0.02, rtol=1e-6)
    np.testing.assert_allclose(metrics["path_length"], 2.0, rtol=1e-6)
    np.testing.assert_allclose(metrics["path_length_penalty"], 2.0 * 1.98**2, rtol=1e-6)
    expected = 2.0 - 0.01 * 2 * 2.0 * 2 * 1.98
    np.testing.assert_allclose(state.generator.params["a"], expected, rtol=1e-5)
    state, metrics = step(state, games.dirac_batch(8))
    np.testing.assert_allclose(state.generator.params["a"], expected, rtol=1e-5)
    assert metrics["path_length_penalty"] == 0


def test_path_lengths_of_the_package_fit(key):
    """E ||a y||, y ~ N(0, I) / 2 in four dimensions, is a times the mean of a chi distribution."""
    state = path_length_game(key)[0]
    step = train.path_length_step(penalties.path_lengths, PATH, decay=1.0)
    after, metrics = step(state, games.dirac_batch(4096), key)
    mean = 2.0 * 0.5 * np.sqrt(2) * 1.3293404 / 1.0  # Gamma(5/2) / Gamma(2)
    np.testing.assert_allclose(metrics["path_length"], mean, rtol=0.03)
    np.testing.assert_allclose(after.moving["path_length"], metrics["path_length"])


class Mapped(nn.Module):
    """`G(z) = a (m z)`: latents are mapped to styles, and styles to images."""

    @nn.compact
    def __call__(self, latents, styles=None, *, train, axis_name=None):
        mapping = self.param("m", nn.initializers.constant(3.0), ())
        scale = self.param("a", nn.initializers.constant(2.0), ())
        if styles is None:
            return mapping * latents
        return scale * styles.reshape(-1, 2, 2, 1)


def test_lengths_may_be_measured_along_styles_that_the_generator_maps(key):
    """Along styles they know of the scale alone, along latents of the product."""
    zero = jnp.zeros((1, 4))
    state = train.create_state(
        key,
        train.create_player(key, Mapped(), optax.sgd(0.1), zero, zero),
        train.create_player(key, games.Slope(), optax.sgd(0.1), jnp.zeros((1, 1))),
        moving={"path_length": 0.0},
    )

    def along_styles(generator, batch, keys):
        latents = jax.vmap(train.normal_prior(4))(keys)
        return lambda styles: generator(latents, styles), generator(latents)

    def along_latents(generator, batch, keys):
        latents = jax.vmap(train.normal_prior(4))(keys)
        return lambda latents: generator(latents, generator(latents)), latents

    found = {}
    for path in (along_styles, along_latents):
        step = train.path_length_step(penalties.path_lengths, path)
        _, metrics = step(state, games.dirac_batch(64), key)
        found[path] = metrics["path_length"]
    np.testing.assert_allclose(found[along_latents], 3 * found[along_styles], rtol=1e-5)


def test_a_batch_that_cannot_be_shrunk_is_named(key):
    state, step = path_length_game(key)
    with pytest.raises(ValueError, match="a batch of 5 on a device"):
        step(state, games.dirac_batch(5))


def test_two_shares_of_a_batch_give_what_the_whole_gives(key):
    state = path_length_game(key)[0]
    fake = train.unconditional(train.normal_prior(4))
    state = state.replace(
        discriminator=train.create_player(
            key, games.mlp.Discriminator(features=(3,)), optax.sgd(0.1), jnp.zeros((1, 2, 2, 1))
        )
    )
    step = train.make_train_step(
        train.lazy_penalty_step(2, (penalties.gradient_penalty,), fake),
        train.path_length_step(penalties.path_lengths, PATH),
        train.generator_step(losses.hinge, fake),
    )
    batch = games.image_batch(key, 8, (2, 2, 1))
    expected, _ = jax.jit(step)(state, batch)
    halves = jax.tree.map(lambda leaf: leaf.reshape(2, 4, *leaf.shape[1:]), batch)
    states, _ = jax.jit(
        jax.vmap(
            lambda state, batch: step(state, batch, axis_name="batch"),
            in_axes=(None, 0),
            axis_name="batch",
        )
    )(state, halves)
    for lane in (0, 1):
        assert games.difference(jax.tree.map(lambda x, i=lane: x[i], states), expected) < 1e-5
