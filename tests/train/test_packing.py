"""Packing, against steps taken by hand on packs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn

from gan_jax import losses, penalties, train
from gan_jax.models import mlp
from tests import games


def test_a_pack_joins_neighbours_along_the_channels():
    images = jnp.arange(4 * 2 * 2 * 3.0).reshape(4, 2, 2, 3)
    packs = train.pack(2, {"image": images})["image"]
    assert packs.shape == (2, 2, 2, 6)
    np.testing.assert_array_equal(packs[1, ..., :3], images[2])
    np.testing.assert_array_equal(packs[1, ..., 3:], images[3])


class Sum(nn.Module):
    """`D(x) = psi . x`."""

    @nn.compact
    def __call__(self, sample, *, train, axis_name=None):
        psi = self.param("psi", nn.initializers.constant(0.5), (sample.shape[-1],))
        return sample @ psi


def test_a_packed_step_by_hand(key):
    """Fakes are at 1, reals at 1, 2, 3, 4: the packs' means are (2, 3) and (1, 1)."""
    rate = 0.1
    state = train.create_state(
        key,
        train.create_player(key, games.Point(), optax.sgd(rate), jnp.zeros((1, 1))),
        train.create_player(key, Sum(), optax.sgd(rate), jnp.zeros((1, 2))),
    )
    fake = train.packed_fakes(2, games.dirac_fake)
    step = train.make_train_step(
        train.packed_step(2, train.discriminator_step(losses.wasserstein, fake)),
        train.packed_step(2, train.generator_step(losses.wasserstein, fake)),
    )
    batch = {"real": jnp.array([[1.0], [2.0], [3.0], [4.0]])}
    state, metrics = jax.jit(step)(state, batch)
    psi = 0.5 - rate * (np.array([1.0, 1.0]) - np.array([2.0, 3.0]))
    np.testing.assert_allclose(state.discriminator.params["psi"], psi, rtol=1e-6)
    np.testing.assert_allclose(metrics["real_logit"], 0.5 * 2 + 0.5 * 3)
    # Both samples of a pack are the generator's.
    np.testing.assert_allclose(state.generator.params["theta"], 1 + rate * psi.sum(), rtol=1e-6)


def test_penalties_are_of_packs(key):
    state = train.create_state(
        key,
        train.create_player(key, games.Point(), optax.sgd(0.1), jnp.zeros((1, 1))),
        train.create_player(key, Sum(), optax.sgd(0.1), jnp.zeros((1, 2))),
    )
    fake = train.packed_fakes(2, games.dirac_fake)
    terms = (penalties.r1_penalty, penalties.gradient_penalty)
    step = train.packed_step(2, train.discriminator_step(losses.hinge, fake, penalties=terms))
    _, metrics = step(state, games.dirac_batch(8), key)
    np.testing.assert_allclose(metrics["r1_penalty"], 0.5 * 2 * 0.5**2)
    np.testing.assert_allclose(metrics["gradient_penalty"], (np.sqrt(0.5) - 1) ** 2, rtol=1e-5)


def test_members_of_a_pack_are_independent_and_labels_reach_the_generator(key):
    seen = {}

    def generator(latents, labels):
        seen["latents"], seen["labels"] = latents, labels
        return latents

    fake = train.packed_fakes(3, train.conditional(train.normal_prior(2)))
    labels = jnp.arange(6)
    keys = jax.random.split(key, 2)
    packs = fake(generator, {"label": labels.reshape(2, 3), "real": jnp.zeros((2, 6))}, keys)
    assert packs.shape == (2, 6)
    assert len(np.unique(seen["latents"])) == 12
    np.testing.assert_array_equal(seen["labels"], labels)
    np.testing.assert_array_equal(packs.reshape(6, 2), seen["latents"])


def test_packs_do_not_depend_on_the_number_of_devices(key):
    create, fake, _ = games.dense_game()
    state = create(key)
    player = train.create_player(
        key, mlp.Discriminator(features=(8,)), optax.sgd(0.01), jnp.zeros((1, 4, 4, 2))
    )
    state = state.replace(discriminator=player)
    loss, packed = losses.relativistic_average, train.packed_fakes(2, fake)
    step = train.make_train_step(
        train.packed_step(2, train.discriminator_step(loss, packed)),
        train.packed_step(2, train.generator_step(loss, packed)),
    )
    batch = {"real": games.image_batch(key, 8, (4, 4, 1))["real"]}
    expected, _ = jax.jit(step)(state, batch)
    halves = jax.tree.map(lambda leaf: leaf.reshape(2, 4, *leaf.shape[1:]), batch)
    states, _ = jax.vmap(
        lambda state, batch: step(state, batch, axis_name="batch"),
        in_axes=(None, 0),
        axis_name="batch",
    )(state, halves)
    assert games.difference(jax.tree.map(lambda x: x[1], states), expected) < 1e-5


def test_what_cannot_be_packed_is_named(key):
    step = train.packed_step(3, lambda *_, **__: None)
    with pytest.raises(ValueError, match="a batch of 4 on a device can't be made into packs of 3"):
        step(None, games.dirac_batch(4), key)
    with pytest.raises(ValueError, match="no channels to pack"):
        train.pack(2, jnp.zeros(4))
    with pytest.raises(ValueError, match="packs is 0"):
        train.packed_step(0, step)
