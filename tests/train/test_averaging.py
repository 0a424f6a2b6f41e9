"""The generator's averaged parameters, and how fast they forget."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import train
from tests import games


def test_the_average_follows_its_formula_and_its_schedule(key):
    state = games.dirac_state(key, ema=True)
    moved = state.generator.replace(params={"theta": jnp.array(3.0)})
    state = state.replace(generator=moved, step=jnp.array(10))
    constant, _ = train.ema_step(0.75)(state, {}, key)
    np.testing.assert_allclose(constant.generator.ema_params["theta"], 0.75 * 1 + 0.25 * 3)
    ramp = optax.linear_schedule(0.0, 1.0, 20)
    scheduled, _ = train.ema_step(ramp)(state, {}, key)
    np.testing.assert_allclose(scheduled.generator.ema_params["theta"], 0.5 * 1 + 0.5 * 3)


def test_the_average_says_what_it_lacks(key):
    with pytest.raises(ValueError, match=r"decay is 1\.5"):
        train.ema_step(1.5)
    with pytest.raises(ValueError, match="ema=True"):
        train.ema_step(0.9)(games.dirac_state(key), {}, key)


@pytest.mark.parametrize("decay", [0.9, optax.linear_schedule(0.0, 1.0, 10)])
def test_the_average_of_half_precision_parameters_keeps_small_moves(key, decay):
    state = games.dirac_state(key)
    half = {"theta": jnp.array(1.0, jnp.bfloat16)}
    average = train.state._start_average(half["theta"])
    assert average.dtype == jnp.float32
    player = state.generator.replace(params=half, ema_params={"theta": average})
    state = state.replace(generator=player, step=jnp.array(9))
    after, _ = train.ema_step(decay)(state, {}, key)
    assert after.generator.ema_params["theta"].dtype == jnp.float32


def test_a_half_life_is_how_many_images_halve_the_weight_of_what_was():
    decay = train.half_life_decay(1000, batch_size=50, ramp_up=None)
    np.testing.assert_allclose(float(decay(3)) ** (1000 / 50), 0.5, rtol=1e-5)


def test_a_ramp_shortens_the_half_life_early_on():
    decay = train.half_life_decay(1000, batch_size=50, ramp_up=0.1)
    # After 40 steps 2,000 images were seen, so that 200 halve; after 400 steps 1,000 do.
    np.testing.assert_allclose(float(decay(40)) ** (200 / 50), 0.5, rtol=1e-5)
    np.testing.assert_allclose(float(decay(400)) ** (1000 / 50), 0.5, rtol=1e-5)
    assert decay(0) == 0


def test_until_it_starts_the_average_is_the_parameters(key):
    decay = train.half_life_decay(1e9, batch_size=1, ramp_up=None, start=5)
    state = games.dirac_state(key, ema=True)
    moved = state.generator.replace(params={"theta": jnp.array(3.0)})
    for step, expected in ((4, 3.0), (5, 1.0)):
        at = state.replace(generator=moved, step=jnp.array(step))
        after, _ = train.ema_step(decay)(at, {}, key)
        np.testing.assert_allclose(after.generator.ema_params["theta"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "bad", [dict(half_life=0), dict(batch_size=0), dict(ramp_up=0.0), dict(start=-1)]
)
def test_half_lives_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match="half_life_decay: half_life and ramp_up must be above 0"):
        train.half_life_decay(**{"half_life": 100, "batch_size": 10, **bad})
