"""Many runs in one program give what each gives alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, train
from gan_jax.models import mlp

SEEDS = 5


def member(hyperparameters, key):
    """Train a small game for 20 steps, at a learning rate and a penalty of its own."""
    fake = train.unconditional(train.normal_prior(3))
    adam = optax.adam(hyperparameters["learning_rate"], b1=0.0)
    keys = jax.random.split(key, 4)
    generator = mlp.Generator((2,), features=(8,))
    state = train.create_state(
        keys[0],
        train.create_player(keys[1], generator, adam, jnp.zeros((1, 3))),
        train.create_player(keys[2], mlp.Discriminator(features=(8,)), adam, jnp.zeros((1, 2))),
    )

    def term(critic, real, **_):
        gradients = jax.grad(lambda real: jnp.sum(critic(real)))(real)
        return hyperparameters["gamma"] * jnp.sum(gradients**2, axis=-1)

    step = train.make_train_step(
        train.discriminator_step(losses.non_saturating, fake, penalties=(term,)),
        train.generator_step(losses.non_saturating, fake),
    )

    def advance(state, _):
        data = jax.random.normal(jax.random.fold_in(keys[3], state.step), (16, 2))
        return step(state, {"real": data})

    state, metrics = jax.lax.scan(advance, state, length=20)
    return {"metrics": metrics, "params": state.generator.params, "key": state.key}


def given(count=SEEDS):
    rates = jnp.linspace(1e-3, 1e-2, count)
    return {"learning_rate": rates, "gamma": jnp.linspace(0.1, 1.0, count)}


def keys(count=SEEDS):
    return jax.vmap(jax.random.key)(jnp.arange(count))


def plain(tree):
    """Return a tree's leaves as numbers."""
    is_key = functools.partial(jnp.issubdtype, arg2=jax.dtypes.prng_key)
    return [
        np.asarray(jax.random.key_data(leaf) if is_key(leaf.dtype) else leaf)
        for leaf in jax.tree.leaves(tree)
    ]


@pytest.fixture(scope="module")
def alone():
    """Train each member by itself, and stack what they give."""
    run = jax.jit(member)
    runs = [run(jax.tree.map(lambda x, i=i: x[i], given()), keys()[i]) for i in range(SEEDS)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *runs)


@pytest.mark.parametrize(
    "spread",
    [
        train.one_by_one,
        train.vectorized,
        train.over_devices,
        functools.partial(
            train.over_devices, devices=jax.local_devices()[:2], spread=train.vectorized
        ),
    ],
    ids=["map", "vmap", "devices", "devices of vmap"],
)
def test_members_are_what_they_are_alone(spread, alone):
    together = train.population(member, given(), keys(), spread=spread)
    for one, other in zip(plain(alone), plain(together), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


def test_members_differ(alone):
    losses_seen = np.asarray(alone["metrics"]["generator_loss"])[:, -1]
    assert len(np.unique(losses_seen)) == SEEDS


@pytest.mark.parametrize("chunk", [2, 9])
def test_chunks_change_nothing(chunk, alone):
    told = []
    chunked = train.population(
        member,
        given(),
        keys(),
        spread=train.one_by_one,
        chunk=chunk,
        report=lambda *done: told.append(done),
    )
    for one, other in zip(plain(alone), plain(chunked), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)
    ends = [min(n, SEEDS) for n in range(chunk, SEEDS + chunk, chunk)]
    assert told == [(end, SEEDS) for end in ends]


def test_what_is_kept_is_not_trained_again():
    calls = []

    def counted(rate, start):
        jax.debug.callback(lambda: calls.append(0))
        return rate * start

    rates, starts, kept = jnp.arange(4.0), jnp.ones(4), {}
    settings = {"spread": train.one_by_one, "chunk": 2, "kept": kept}
    first = train.population(counted, rates, starts, **settings)
    jax.effects_barrier()
    assert len(calls) == 4
    assert len(kept) == 2
    again = train.population(counted, rates, starts, **settings)
    jax.effects_barrier()
    assert len(calls) == 4
    np.testing.assert_array_equal(first, again)
    train.population(counted, rates.at[3].set(9.0), starts, **settings)
    jax.effects_barrier()
    assert len(calls) == 6


def test_an_interrupted_population_goes_on(alone):
    def stop(done, of):
        raise KeyboardInterrupt

    kept, settings = {}, {"spread": train.one_by_one, "chunk": 2}
    with pytest.raises(KeyboardInterrupt):
        train.population(member, given(), keys(), kept=kept, report=stop, **settings)
    assert len(kept) == 1
    resumed = train.population(member, given(), keys(), kept=kept, **settings)
    for one, other in zip(plain(alone), plain(resumed), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("spread", [train.one_by_one, train.vectorized, train.over_devices])
def test_states_go_on_from_call_to_call(spread):
    advance = spread(lambda rate, state: state * rate + 1)
    rates, state = jnp.array([1.0, 2.0]), jnp.zeros(2)
    for _ in range(3):
        state = advance(rates, state)
    assert state.tolist() == [3.0, 7.0]


def test_shares_are_filled_up_and_cut_off():
    shares = train.over_devices(jnp.add, devices=jax.local_devices()[:2])
    assert shares(jnp.arange(5), jnp.ones(5, jnp.int32)).tolist() == [1, 2, 3, 4, 5]
    assert shares(jnp.arange(1), jnp.ones(1, jnp.int32)).tolist() == [1]


def test_the_usual_spread_uses_all_devices():
    spread = train.usual_spread()
    placed = spread(jnp.add)(jnp.arange(8), jnp.arange(8))
    assert placed.tolist() == [2 * i for i in range(8)]
    assert train.usual_spread(jax.local_devices()[:1]) is train.one_by_one


@pytest.mark.parametrize(
    ("hyperparameters", "keys", "chunk", "message"),
    [
        (jnp.ones(3), jnp.ones(2), None, r"of one N of at least 1, not of 2, 3"),
        (jnp.ones(()), jnp.ones(2), None, r"not of 0, 2"),
        ({}, {}, None, r"not of none"),
        (jnp.ones(0), jnp.ones(0), None, r"not of 0"),
        (jnp.ones(2), jnp.ones(2), 0, r"chunk is 0, it must be at least 1"),
    ],
)
def test_mistakes_are_named(hyperparameters, keys, chunk, message):
    with pytest.raises(ValueError, match=message):
        train.population(lambda h, k: h, hyperparameters, keys, chunk=chunk)
