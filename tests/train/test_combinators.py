import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses, train
from tests import games


def probe(name="seen"):
    """Return a step that changes nothing and reports what it was given."""

    def step(state, batch, key, *, axis_name=None):
        return state, {name: batch["real"], f"{name}_key": jax.random.key_data(key)}

    return step


def count(state, batch, key, *, axis_name=None):
    """Count its runs in `moving`."""
    runs = state.moving["runs"] + 1
    return state.replace(moving={"runs": runs}), {"runs": runs}


@pytest.fixture
def state(key):
    return games.dirac_state(key).replace(moving={"runs": jnp.zeros((), jnp.int32)})


def test_a_chain_gives_each_element_a_key_of_its_own(state, key):
    _, metrics = train.chain(probe("a"), probe("b"))(state, games.dirac_batch(), key)
    expected = [jax.random.key_data(jax.random.fold_in(key, i)) for i in range(2)]
    np.testing.assert_array_equal(metrics["a_key"], expected[0])
    np.testing.assert_array_equal(metrics["b_key"], expected[1])


def test_a_chain_refuses_a_metric_reported_twice(state, key):
    with pytest.raises(ValueError, match="seen"):
        train.chain(probe(), probe())(state, games.dirac_batch(), key)


def test_repeat_shows_each_run_its_own_slice_and_key(state, key):
    seen = []

    def look(state, batch, key, *, axis_name=None):
        jax.debug.callback(lambda *x: seen.append(x), batch["real"], jax.random.key_data(key))
        return count(state, batch, key)

    batch = {"real": jnp.arange(6.0)}
    after, metrics = train.repeat(3, look)(state, batch, key)
    jax.effects_barrier()
    np.testing.assert_array_equal([real for real, _ in seen], [[0, 3], [1, 4], [2, 5]])
    assert len({bits.tobytes() for _, bits in seen}) == 3
    assert int(after.moving["runs"]) == 3
    np.testing.assert_allclose(metrics["runs"], 2.0)  # the mean of 1, 2, 3


def test_last_slice_is_what_the_last_repeat_saw(state, key):
    _, metrics = train.last_slice(3, probe())(state, {"real": jnp.arange(6.0)}, key)
    np.testing.assert_array_equal(metrics["seen"], [2, 5])


@pytest.mark.parametrize("combinator", [train.repeat, train.last_slice])
def test_slices_that_do_not_divide_are_refused(combinator, state, key):
    with pytest.raises(ValueError, match="a batch of 4 on a device can't be split into 3 slices"):
        combinator(3, probe())(state, games.dirac_batch(4), key)
    with pytest.raises(ValueError, match="times is 0"):
        combinator(0, probe())


def test_every_runs_at_multiples_and_reports_zero_between(state, key):
    sometimes = jax.jit(train.every(3, count))
    reported = []
    for step in range(7):
        state, metrics = sometimes(state.replace(step=jnp.array(step)), games.dirac_batch(), key)
        reported.append(int(metrics["runs"]))
    assert reported == [1, 0, 0, 2, 0, 0, 3]
    with pytest.raises(ValueError, match="interval is 0"):
        train.every(0, count)


def test_the_key_of_a_step_is_a_function_of_the_step_alone(state):
    step = jax.jit(train.make_train_step(probe()))
    first, a = step(state, games.dirac_batch())
    _, b = step(first, games.dirac_batch())
    resumed, _ = state.replace(step=jnp.array(1, jnp.int32)), None
    _, again = step(resumed, games.dirac_batch())
    np.testing.assert_array_equal(b["seen_key"], again["seen_key"])
    assert not np.array_equal(a["seen_key"], b["seen_key"])


@pytest.fixture(scope="module")
def game():
    create, fake, shown = games.image_game(conditional=True)
    batches = [games.image_batch(jax.random.key(i)) for i in range(4)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
    return create, games.rich_step(fake, shown), batches, stacked


def test_a_scan_is_the_loop(game):
    create, step, batches, stacked = game
    looped, rows = create(jax.random.key(0)), []
    run = jax.jit(step)
    for batch in batches:
        looped, metrics = run(looped, batch)
        rows.append(metrics)
    scanned, metrics = jax.jit(train.scan_steps(step))(create(jax.random.key(0)), stacked)
    assert games.difference(scanned, looped) < 1e-5
    assert games.difference(metrics, jax.tree.map(lambda *x: jnp.stack(x), *rows)) < 1e-4


def test_a_vmapped_population_is_its_members(game):
    create, step, batches, _ = game
    seeds = jax.random.split(jax.random.key(1), 4)
    population = jax.vmap(create)(seeds)
    run = jax.jit(jax.vmap(step, in_axes=(0, None)))
    alone = jax.jit(step)
    members = [create(seed) for seed in seeds]
    for batch in batches[:2]:
        population, _ = run(population, batch)
        members = [alone(member, batch)[0] for member in members]
    for index, member in enumerate(members):
        lane = jax.tree.map(lambda leaf, i=index: leaf[i], population)
        assert games.difference(lane, member) < 1e-5


def test_a_step_is_traced_once(game):
    create, step, batches, _ = game
    chex.clear_trace_counter()
    run = jax.jit(chex.assert_max_traces(step, n=1), donate_argnums=0)
    state = create(jax.random.key(0))
    for batch in batches:
        state, _ = run(state, batch)
    assert int(state.step) == 4


def test_the_same_seed_gives_the_same_bits(game):
    create, step, batches, _ = game
    run = jax.jit(step)
    ends = [run(create(jax.random.key(3)), batches[0])[0] for _ in range(2)]
    assert games.difference(*ends) == 0


def test_wgan_gp_composes_as_the_readme_says(key):
    create, fake, _ = games.dense_game()
    from gan_jax.penalties import gradient_penalty, weighted

    step = train.make_train_step(
        train.repeat(
            5,
            train.discriminator_step(
                losses.wasserstein, fake, penalties=(weighted(10.0, gradient_penalty),)
            ),
        ),
        train.last_slice(5, train.generator_step(losses.wasserstein, fake)),
        train.ema_step(0.999),
    )
    state, metrics = jax.jit(step)(create(key), games.image_batch(key, 20, (4, 4, 1)))
    assert int(state.discriminator.step) == 5
    assert int(state.generator.step) == 1
    assert all(np.isfinite(value) for value in metrics.values())


def test_after_leaves_a_step_out_at_first(state, key):
    step = train.make_train_step(train.after(2, count))
    seen = []
    for _ in range(4):
        state, metrics = step(state, games.dirac_batch())
        seen.append((int(state.moving["runs"]), int(metrics["runs"])))
    assert seen == [(0, 0), (0, 0), (1, 1), (2, 2)]
    assert train.after(0, count) is count
    with pytest.raises(ValueError, match="after: steps is -1"):
        train.after(-1, count)
