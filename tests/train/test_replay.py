"""The pool of earlier fakes, against a plain Python one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses, train
from tests import games


def by_hand(size, fakes, keys):
    """Do what CycleGAN's pool does, with the draws the pool makes."""
    held, given = [], []
    for fake, key in zip(fakes, keys, strict=True):
        coin, place = jax.random.split(key)
        if len(held) < size:
            held.append(fake)
            given.append(fake)
        elif jax.random.bernoulli(coin):
            index = int(jax.random.randint(place, (), 0, size))
            given.append(held[index])
            held[index] = fake
        else:
            given.append(fake)
    return held, given


def test_a_pool_does_what_it_says(key):
    fakes, keys = jnp.arange(40.0), jax.random.split(key, 40)
    pool = train.start_pool(5, jnp.zeros(()))
    given = []
    for part in (slice(0, 3), slice(3, 16), slice(16, 40)):  # filled in the second
        pool, some = jax.jit(train.exchange)(pool, fakes[part], keys[part])
        given.append(some)
    held, expected = by_hand(5, fakes.tolist(), keys)
    np.testing.assert_array_equal(pool.samples, held)
    np.testing.assert_array_equal(np.concatenate(given), expected)
    assert int(pool.count) == 5


def test_half_of_the_samples_given_back_are_old(key):
    number = 4000
    pool = train.start_pool(50, jnp.zeros(()))
    fakes = jnp.arange(float(number))
    _, given = jax.jit(train.exchange)(pool, fakes, jax.random.split(key, number))
    old = np.asarray(given != fakes)[50:].mean()
    np.testing.assert_allclose(old, 0.5, atol=0.04)


def test_samples_may_be_trees(key):
    pool = train.start_pool(2, {"a": jnp.zeros(3), "b": jnp.zeros((), jnp.int32)})
    fakes = {"a": jnp.ones((4, 3)), "b": jnp.arange(4)}
    pool, given = train.exchange(pool, fakes, jax.random.split(key, 4))
    assert given["a"].shape == (4, 3)
    assert pool.samples["b"].dtype == jnp.int32


def pooled(size):
    step = train.pooled_step(
        lambda fake: train.discriminator_step(losses.wasserstein, fake), games.dirac_fake
    )

    def start(key):
        return games.dirac_state(key).replace(moving={"pool": train.start_pool(size, jnp.zeros(1))})

    return train.make_train_step(step), start


def test_the_discriminator_meets_what_the_pool_gives(key):
    step, start = pooled(4)
    state, metrics = jax.jit(step)(start(key), games.dirac_batch(4))
    # The pool was empty: new fakes, all at 1.
    np.testing.assert_allclose(metrics["fake_logit"], 0.5)
    np.testing.assert_array_equal(state.moving["pool"].samples, np.ones((4, 1)))
    moved = state.generator.replace(params={"theta": jnp.array(3.0)})
    psi = float(state.discriminator.params["psi"])
    state, metrics = jax.jit(step)(state.replace(generator=moved), games.dirac_batch(4))
    new = (float(metrics["fake_logit"]) / psi - 1) / 2  # share of fakes at 3 among those at 1
    held = np.asarray(state.moving["pool"].samples)
    assert set(held.ravel().tolist()) <= {1.0, 3.0}
    assert 0 < new <= 1


def test_all_devices_share_one_pool(key):
    step, start = pooled(6)
    states = [start(key), start(key)]
    spread = jax.jit(
        jax.vmap(
            lambda state, batch: step(state, batch, axis_name="batch"),
            in_axes=(None, 0),
            axis_name="batch",
        )
    )
    for theta in (1.0, 2.0, 3.0, 4.0):
        for lane in (0, 1):
            player = states[lane].generator.replace(params={"theta": jnp.array(theta)})
            states[lane] = states[lane].replace(generator=player)
        states[0], _ = jax.jit(step)(states[0], games.dirac_batch(4))
        lanes, _ = spread(states[1], {"real": jnp.zeros((2, 2, 1))})
        states[1] = jax.tree.map(lambda x: x[0], lanes)
    assert games.difference(*states) < 1e-6


def test_an_empty_pool_is_refused():
    with pytest.raises(ValueError, match="size is 0"):
        train.start_pool(0, jnp.zeros(1))
