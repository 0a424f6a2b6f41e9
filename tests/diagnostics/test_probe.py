import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, train
from gan_jax.diagnostics import make_probe, separation
from gan_jax.penalties import r1_penalty
from gan_jax.train import Network
from tests import games

NAMES = {
    "generator_signal", "generator_gradient_cosine", "discriminator_gradient_cosine", "diversity",
    "reach", "saturation", "separation",
}  # fmt: skip


def dense(loss=losses.non_saturating, *, conditional=False):
    create, fake, shown = games.dense_game(conditional=conditional, optimizer=optax.adam(1e-3))
    step = train.make_train_step(
        train.discriminator_step(loss, fake, shown=shown, penalties=(r1_penalty,)),
        train.generator_step(loss, fake, shown=shown),
        train.ema_step(0.9),
    )
    return create, step, make_probe(step, fake, shown=shown)


def batch_of(seed):
    return games.image_batch(jax.random.key(seed), shape=(4, 4, 1))


@pytest.mark.parametrize("conditional", [False, True])
def test_it_reads_and_changes_nothing(key, conditional):
    create, step, probe = dense(conditional=conditional)
    state = create(key)
    before = jax.tree.map(jnp.copy, state)
    values = jax.jit(probe)(state, batch_of(1), key, batch_of(2))
    assert values.keys() == NAMES | {"overfitting"}
    assert {(v.shape, v.dtype.name) for v in values.values()} == {((), "float32")}
    assert all(np.isfinite(v) for v in values.values())
    assert games.difference(before, state) == 0
    assert probe(state, batch_of(1), key).keys() == NAMES
    after = jax.jit(step)(state, batch_of(1))[0]
    assert games.difference(after, jax.jit(step)(before, batch_of(1))[0]) == 0


def test_compiled_and_over_a_population_it_is_the_same(key):
    create, _, probe = dense()
    keys = jax.random.split(key, 3)
    states = jax.vmap(create)(keys)
    run = lambda state, key: probe(state, batch_of(1), key, batch_of(2))
    mapped = jax.jit(jax.vmap(run))(states, keys)
    looped = jax.jit(lambda s, k: jax.lax.map(lambda both: run(*both), (s, k)))(states, keys)
    for index in range(3):
        alone = run(jax.tree.map(lambda x, i=index: x[i], states), keys[index])
        for name in alone:
            np.testing.assert_allclose(mapped[name][index], alone[name], rtol=2e-4, atol=1e-5)
            np.testing.assert_allclose(looped[name][index], alone[name], rtol=2e-4, atol=1e-5)
    assert len(np.unique(mapped["separation"])) == 3


def test_it_can_be_part_of_a_scan(key):
    create, step, probe = dense()

    def window(state, seed):
        state, _ = step(state, batch_of(1))
        return state, probe(state, batch_of(1), seed)

    state, values = jax.jit(lambda s: jax.lax.scan(window, s, jax.random.split(key, 3)))(
        create(key)
    )
    assert values["reach"].shape == (3,)
    alone = create(key)
    for _ in range(3):
        alone, _ = jax.jit(step)(alone, batch_of(1))
    assert games.difference(alone, state) < 1e-5


def test_the_signal_is_what_the_loss_lets_through(key):
    """By every fake logit f: 1 of a linear loss, the sigmoid of f of the saturating one."""
    signals = {}
    for name in ("wasserstein", "minimax", "non_saturating"):
        create, _, probe = dense(getattr(losses, name))
        state = create(key)
        # Fakes at about -10, in a discriminator that the step's own update can't move far.
        player = state.discriminator
        bias = jax.tree.map(lambda leaf: leaf - 10 * (leaf.shape == (1,)), player.params)
        state = state.replace(discriminator=player.replace(params=bias))
        signals[name] = float(probe(state, batch_of(1), key)["generator_signal"])
    assert 0.5 < signals["wasserstein"] < 2
    assert 0.5 < signals["non_saturating"] < 2
    assert signals["minimax"] < 1e-3


def test_logits_are_those_of_the_batch_and_of_fakes(key):
    create, _, probe = dense()
    state, batch = create(key), batch_of(1)
    fakes = games.dense_game()[1](Network(state.generator), batch, jax.random.split(key, 16))
    critic = Network(state.discriminator)
    expected = separation(critic(batch["real"]), critic(fakes))
    np.testing.assert_allclose(probe(state, batch, key)["separation"], expected, rtol=1e-5)


def test_packs_are_packed_by_the_wiring(key):
    fake = train.unconditional(train.normal_prior(5))
    create, _, _ = games.dense_game()
    state = create(key)
    packed = lambda critic, sample, batch: critic(train.pack(2, sample)[..., :1])
    values = make_probe(train.make_train_step(train.ema_step(0.9)), fake, shown=packed)(
        state, batch_of(1), key
    )
    assert values["generator_gradient_cosine"] == 0  # nobody learns in this step
    assert values["diversity"] > 0


def test_batch_normalisation_is_looked_at_as_in_training(key):
    create, fake, shown = games.image_game()
    step = games.rich_step(fake, shown)
    state = create(key)
    values = make_probe(step, fake, shown=shown)(state, games.image_batch(key), key)
    assert all(np.isfinite(v) for v in values.values())


def test_a_look_costs_about_two_and_a_half_steps(key):
    create, step, _ = dense()
    state = jax.eval_shape(create, key)
    batch = jax.eval_shape(lambda: batch_of(1))
    probe = make_probe(step, games.dense_game()[1], scan=False)  # what is in a loop counts once

    def flops(function, *arguments):
        return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]

    ratio = flops(probe, state, batch, key, batch) / flops(step, state, batch)
    assert 2 < ratio < 3.5
