import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import data, losses
from gan_jax.lab import advance, draw_fakes, planar_game, reference_key, start
from gan_jax.lab.game import VIEW
from tests.games import difference

NUMBERS = {"learning_rate": 2e-3, "generator_rate": 0.5, "beta1": 0.0, "beta2": 0.99}
NUMBERS |= {"gamma": 1.0, "gamma_fall": 1.0}


@pytest.fixture(scope="module")
def game():
    return planar_game(data.grid(), losses.non_saturating, steps=100, batch_size=16, width=8)


@pytest.fixture(scope="module")
def ten(game):
    """Return what ten more steps are, compiled once, with the hyper-parameters as they are."""
    return jax.jit(functools.partial(advance, game, NUMBERS, steps=10))


@pytest.fixture(scope="module")
def begun(game):
    return jax.jit(functools.partial(start, game, NUMBERS))(jax.random.key(3))


@pytest.mark.parametrize("distribution", [data.grid(), data.ring(), data.moons()])
def test_reals_are_scaled_to_the_view(distribution, key):
    game = planar_game(distribution, losses.minimax, steps=100, width=8)
    reals = game.reals(key, 2000)
    np.testing.assert_allclose(
        reals, distribution.sample(key, 2000) * 4 / distribution.extent, rtol=1e-6
    )
    assert 0.8 * VIEW < float(jnp.max(jnp.abs(reals))) <= 1.1 * VIEW


def test_twice_ten_steps_are_twenty_steps(game, ten, begun):
    halves, _ = ten(ten(begun)[0])
    whole, metrics = jax.jit(functools.partial(advance, game, NUMBERS, steps=20))(begun)
    assert int(whole.state.step) == 20
    assert difference(halves, whole) == 0
    assert difference(whole.state.generator.params, begun.state.generator.params) > 0
    assert all(value.shape == () and np.isfinite(value) for value in metrics.values())


def test_metrics_are_means_over_the_steps(ten, game, begun):
    run, seen = begun, []
    one = jax.jit(functools.partial(advance, game, NUMBERS, steps=1))
    for _ in range(10):
        run, metrics = one(run)
        seen.append(float(metrics["discriminator_loss"]))
    mean = float(ten(begun)[1]["discriminator_loss"])
    assert len(set(seen)) == 10
    assert mean == pytest.approx(np.mean(seen), rel=1e-5)


def test_the_reals_of_a_step_are_a_function_of_key_and_step(game, begun):
    drawn = []

    def spying(numbers):
        def step(state, batch):
            jax.debug.callback(lambda step, real: drawn.append((int(step), real)), state.step,
                               batch["real"], ordered=True)  # fmt: skip
            return state.replace(step=state.step + 1), {"loss": jnp.zeros(())}

        return step

    spied = game._replace(train_step=spying)
    run, _ = advance(spied, NUMBERS, begun, steps=2)
    advance(spied, NUMBERS, run.replace(state=run.state.replace(step=jnp.int32(1))), steps=1)
    jax.effects_barrier()
    assert [step for step, _ in drawn] == [0, 1, 1]
    assert drawn[0][1].shape == (16, 2)
    assert not np.array_equal(drawn[0][1], drawn[1][1])
    assert np.array_equal(drawn[1][1], drawn[2][1])
    expected = game.reals(jax.random.fold_in(begun.data_key, 1), 16)
    np.testing.assert_allclose(drawn[1][1], expected, rtol=1e-6)


def test_every_look_is_at_the_same_latents(game, ten, begun):
    look = jax.jit(functools.partial(draw_fakes, game, count=20))
    before, again = look(begun), look(begun)
    assert before.shape == (20, 2)
    np.testing.assert_array_equal(before, again)
    after = ten(begun)[0]
    assert not np.array_equal(look(after), before)
    # With the old generator in it, the run looks as it did: latents hang on no step.
    back = after.replace(state=after.state.replace(generator=begun.state.generator))
    np.testing.assert_array_equal(look(back), before)


def test_fakes_are_in_the_unit_of_the_data(begun, game):
    far = game._replace(distribution=data.grid(spacing=2000.0, standard_deviation=50.0))
    near, away = (np.asarray(draw_fakes(each, begun, count=5)) for each in (game, far))
    np.testing.assert_allclose(away, 1000 * near, rtol=1e-5)


def test_members_of_a_population_are_separate_runs(game):
    rates = jnp.array([1e-3, 4e-3])
    keys = jax.random.split(jax.random.key(1), 2)

    def played(rate, key):
        numbers = {**NUMBERS, "learning_rate": rate}
        run, _ = advance(game, numbers, start(game, numbers, key), steps=10)
        return draw_fakes(game, run, count=8)

    together = jax.jit(jax.vmap(played))(rates, keys)
    alone = jax.jit(played)
    for index in range(2):
        np.testing.assert_allclose(
            together[index], alone(rates[index], keys[index]), rtol=1e-4, atol=1e-5
        )
    assert not np.allclose(together[0], together[1])


def test_no_two_keys_of_a_run_are_the_same(begun):
    key, run = jax.random.key(3), begun
    keys = [key, run.data_key, run.view_key, run.look_key, run.state.key]
    keys += [*jax.random.split(run.view_key, 2500), *(reference_key(seed) for seed in range(9))]
    keys += [jax.random.fold_in(run.look_key, step) for step in (0, 1, 1000)]
    keys += [jax.random.fold_in(run.data_key, step) for step in (0, 1, 1000)]
    seen = {tuple(np.asarray(jax.random.key_data(each)).tolist()) for each in keys}
    assert len(seen) == len(keys)
