import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import parallel, train
from gan_jax.errors import UsageError
from tests import games

SPREADS = {"pmap": parallel.pmap, "shard_map": parallel.shard_map}


@pytest.fixture(scope="module")
def one_device():
    """Train three steps on one device; SGD, as Adam would hide a wrong scale of the gradient."""
    create, fake, shown = games.image_game(conditional=True)
    step = games.rich_step(fake, shown)
    batches = [games.image_batch(jax.random.key(i), 32) for i in range(3)]
    state, metrics = create(jax.random.key(0)), []
    run = jax.jit(step)
    for batch in batches:
        state, values = run(state, batch)
        metrics.append(values)
    return create, step, batches, state, metrics


@pytest.mark.parametrize("devices", [1, 2, 8])
@pytest.mark.parametrize("spread", SPREADS)
def test_many_devices_give_what_one_gives(one_device, spread, devices):
    create, step, batches, expected, expected_metrics = one_device
    run = SPREADS[spread](step, devices=jax.devices()[:devices])
    state = create(jax.random.key(0))
    for batch, values in zip(batches, expected_metrics, strict=True):
        state, metrics = run(state, batch)
        assert games.difference(metrics, values) < 1e-4
    assert int(state.step) == 3
    assert games.difference(state, expected) < 1e-5


@pytest.mark.parametrize("spread", SPREADS)
def test_the_gradient_penalty_draws_per_global_example(spread):
    create, fake, shown = games.image_game(batch_norm=False)
    step = games.rich_step(fake, shown, gradient_penalty=True)
    batch = games.image_batch(jax.random.key(5), 32)
    expected, _ = jax.jit(step)(create(jax.random.key(0)), batch)
    state, _ = SPREADS[spread](step, devices=jax.devices()[:4])(create(jax.random.key(0)), batch)
    assert games.difference(state, expected) < 1e-5


@pytest.mark.parametrize("spread", SPREADS)
def test_scanned_steps_split_along_the_second_axis(one_device, spread):
    create, step, batches, expected, _ = one_device
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *batches)
    run = SPREADS[spread](train.scan_steps(step), devices=jax.devices()[:2], batch_axis=1)
    state, metrics = run(create(jax.random.key(0)), stacked)
    assert metrics["generator_loss"].shape == (3,)
    assert games.difference(state, expected) < 1e-5


@pytest.mark.parametrize("spread", SPREADS)
def test_the_state_given_is_donated(one_device, spread):
    create, step, batches, _, _ = one_device
    state = create(jax.random.key(0))
    new, _ = SPREADS[spread](step, devices=jax.devices()[:2])(state, batches[0])
    again, _ = SPREADS[spread](step, devices=jax.devices()[:2])(new, batches[0])
    assert new.step.is_deleted()
    assert not again.step.is_deleted()


@pytest.mark.parametrize("spread", SPREADS)
def test_a_batch_that_does_not_divide_is_refused(one_device, spread):
    create, step, _, _, _ = one_device
    run = SPREADS[spread](step, devices=jax.devices()[:8])
    with pytest.raises(UsageError, match="batch size 12 can't be split over 8 devices"):
        run(create(jax.random.key(0)), games.image_batch(jax.random.key(1), 12))


def test_what_belongs_together_stays_on_one_device():
    assert parallel.batch_share(40, 2, group=5) == 20
    with pytest.raises(UsageError, match="batch size 8 can't be split over 5 devices"):
        parallel.batch_share(40, 5, group=5)  # 8 on each are not 5 batches


def test_vmap_with_an_axis_name_is_a_parallel_run_too(one_device):
    create, step, batches, expected, _ = one_device

    def run(state, batch):
        split = jax.tree.map(lambda x: x.reshape(4, -1, *x.shape[1:]), batch)
        lanes = jax.vmap(
            lambda state, batch: step(state, batch, axis_name="lanes"),
            in_axes=(None, 0),
            axis_name="lanes",
        )
        state, metrics = lanes(state, split)
        return jax.tree.map(lambda x: x[0], (state, metrics))

    state = create(jax.random.key(0))
    for batch in batches:
        state, _ = jax.jit(run)(state, batch)
    np.testing.assert_array_equal(state.step, expected.step)
    assert games.difference(state, expected) < 1e-5
