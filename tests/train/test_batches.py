"""Steps that see another batch than they are given."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses, train
from tests import games


def spy(seen):
    """Return a step that keeps the batch it sees."""

    def step(state, batch, key, *, axis_name=None):
        seen.append((batch, key))
        return state, {}

    return step


def test_a_drawn_quantity_is_one_per_example_from_a_key_of_its_own(key):
    seen = []
    step = train.drawing("code", lambda key: jax.random.uniform(key, (2,)), spy(seen))
    step(games.dirac_state(key), {**games.dirac_batch(8), "code": None}, key)
    batch, inner = seen[0]
    assert batch["code"].shape == (8, 2)
    assert len(np.unique(batch["code"])) == 16
    np.testing.assert_array_equal(batch["real"], games.dirac_batch(8)["real"])
    assert not np.array_equal(jax.random.key_data(inner), jax.random.key_data(key))


def test_drawn_quantities_do_not_depend_on_the_number_of_devices(key):
    prior = lambda key: jax.random.uniform(key)

    def report(state, batch, key, *, axis_name=None):
        return state, {"code": batch["code"]}

    step = train.drawing("code", prior, report)
    state = games.dirac_state(key)
    _, whole = step(state, games.dirac_batch(8), key)
    _, parts = jax.vmap(
        lambda real: step(state, {"real": real}, key, axis_name="batch"), axis_name="batch"
    )(jnp.zeros((4, 2, 1)))
    np.testing.assert_array_equal(parts["code"].ravel(), whole["code"])


def test_a_change_sees_one_example_at_a_time_with_a_key_of_its_own(key):
    def change(key, example):
        shift = jax.random.uniform(key)
        return {"real": example["real"] + shift, "label": example["label"], "shift": shift}

    def report(state, batch, key, *, axis_name=None):
        return state, batch

    step = train.changing(change, report)
    state, labels = games.dirac_state(key), jnp.arange(8)
    _, whole = step(state, {**games.dirac_batch(8), "label": labels}, key)
    assert len(np.unique(whole["shift"])) == 8
    np.testing.assert_array_equal(whole["label"], labels)
    shifted = games.dirac_batch(8)["real"] + whole["shift"][:, None]
    np.testing.assert_allclose(whole["real"], shifted, rtol=1e-6)
    parts = {"real": games.dirac_batch(8)["real"].reshape(4, 2, 1), "label": labels.reshape(4, 2)}
    _, split = jax.vmap(
        lambda batch: step(state, batch, key, axis_name="batch"), axis_name="batch"
    )(parts)
    np.testing.assert_array_equal(split["shift"].ravel(), whole["shift"])


def test_an_infogan_learns_its_code(key):
    """The code is the fake; a discriminator whose second head must tell it apart does."""
    generator = games.mlp.Generator((2,), features=(16,))

    class TwoHeads(games.nn.Module):
        @games.nn.compact
        def __call__(self, sample, *, train, axis_name=None):
            hidden = games.nn.relu(games.nn.Dense(16)(sample))
            return games.nn.Dense(1)(hidden)[:, 0], games.nn.Dense(3)(hidden)

    def fake(generator, batch, keys):
        latents = jax.vmap(train.normal_prior(2))(keys)
        return generator(jnp.concatenate([latents, jax.nn.one_hot(batch["code"], 3)], axis=1))

    def information(*, discriminator, fake, batch, **_):
        log_likelihoods = jax.nn.log_softmax(discriminator(fake)[1])
        return -jnp.take_along_axis(log_likelihoods, batch["code"][:, None], axis=1)[:, 0]

    shown = lambda discriminator, sample, batch: discriminator(sample)[0]
    adam = games.optax.adam(1e-2)
    state = train.create_state(
        key,
        train.create_player(key, generator, adam, jnp.zeros((1, 5))),
        train.create_player(key, TwoHeads(), adam, jnp.zeros((1, 2))),
    )
    loss, terms = losses.non_saturating, (information,)
    own = partial(information)
    own.__name__ = "generator_information"
    both = train.chain(
        train.discriminator_step(loss, fake, shown=shown, penalties=terms),
        train.generator_step(loss, fake, shown=shown, terms=(own,)),
    )
    step = train.make_train_step(
        train.drawing("code", lambda key: jax.random.randint(key, (), 0, 3), both)
    )
    real = jax.random.normal(jax.random.key(1), (200, 64, 2))
    _, metrics = jax.jit(train.scan_steps(step))(state, {"real": real})
    assert metrics["information"][0] > 0.9  # about log 3
    assert metrics["information"][-1] < 0.3


@pytest.mark.parametrize("probability", [0.0, 0.25, 1.0])
def test_reals_are_mixed_with_fresh_fakes(key, probability):
    seen = []

    def mix(key, real, fake):
        return jnp.where(jax.random.uniform(key) < probability, fake, real)

    step = train.mixing_reals(mix, games.dirac_fake, spy(seen))
    step(games.dirac_state(key), games.dirac_batch(4096), key)
    # Reals are at 0, fakes at 1.
    np.testing.assert_allclose(seen[0][0]["real"].mean(), probability, atol=0.03)


def test_no_gradient_reaches_the_generator_through_mixed_reals(key):
    def slope(theta):
        state = games.dirac_state(key)
        state = state.replace(generator=state.generator.replace(params={"theta": theta}))
        report = lambda state, batch, key, axis_name=None: (state, {"mean": batch["real"].mean()})
        mix = lambda key, real, fake: fake
        step = train.mixing_reals(mix, games.dirac_fake, report)
        return step(state, games.dirac_batch(), key)[1]["mean"]

    assert slope(3.0) == 3.0
    assert jax.grad(slope)(3.0) == 0.0
