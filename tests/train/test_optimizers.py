"""Historical averaging and lazy Adam."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import train


def test_historical_averaging_pulls_towards_the_mean_so_far():
    optimizer = optax.chain(train.historical_averaging(0.25), optax.sgd(0.5))
    params = jnp.array([4.0, -2.0])
    state, seen = optimizer.init(params), []
    expected = np.array([4.0, -2.0])
    for gradient in ([1.0, 0.0], [0.0, 2.0], [-1.0, 1.0]):
        seen.append(expected)
        pull = 2 * 0.25 * (expected - np.mean(seen, axis=0))
        updates, state = optimizer.update(jnp.array(gradient), state, params)
        params = optax.apply_updates(params, updates)
        expected = expected - 0.5 * (np.array(gradient) + pull)
        np.testing.assert_allclose(params, expected, rtol=1e-6)


def test_historical_averaging_stops_the_circles_of_a_bilinear_game():
    def distance(optimizer):
        def step(carry, _):
            w, state = carry
            updates, state = optimizer.update(jnp.array([-w[1], w[0]]), state, w)
            return (optax.apply_updates(w, updates), state), None

        start = jnp.array([1.0, 0.5])
        (end, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), None, 300)
        return float(jnp.linalg.norm(end))

    assert distance(optax.sgd(0.1)) > 2
    assert distance(optax.chain(train.historical_averaging(0.5), optax.sgd(0.1))) < 0.5


def test_the_history_of_half_precision_parameters_is_kept_in_float32():
    optimizer = train.historical_averaging(0.1)
    params = jnp.ones(2, jnp.bfloat16)
    updates, state = optimizer.update(params, optimizer.init(params), params)
    assert state.mean.dtype == jnp.float32
    assert updates.dtype == jnp.bfloat16
    with pytest.raises(ValueError, match="needs the parameters"):
        optimizer.update(params, state)


def run(optimizer, gradients):
    params = jnp.zeros(())
    state, path = optimizer.init(params), []
    for gradient in gradients:
        updates, state = optimizer.update(jnp.float32(gradient), state, params)
        params = optax.apply_updates(params, updates)
        path.append(float(params))
    return np.array(path), state


@pytest.mark.parametrize("rate", [0.1, lambda count: 0.1 / (count + 1.0)])
def test_lazy_adam_goes_as_far_and_forgets_as_fast_as_adam(rate):
    """17 updates of lazy Adam (16 and the lazy one) are 16 of Adam's."""
    constant = np.ones(17)
    lazy, state = run(train.lazy_adam(rate, interval=16, b2=0.9), constant)
    plain, _ = run(optax.adam(rate, b1=0.0, b2=0.9), constant)
    np.testing.assert_allclose(lazy, plain * 16 / 17, rtol=1e-5)
    # A gradient's weight in the second moment after 17 lazy updates: that after 16 plain ones.
    _, state = run(train.lazy_adam(0.1, interval=16, b2=0.9), [1.0] + [0.0] * 17)
    _, expected = run(optax.adam(0.1, b1=0.0, b2=0.9), [1.0] + [0.0] * 16)
    share = lambda s, b2: float(s[0].nu) / (1 - b2)
    np.testing.assert_allclose(share(state, 0.9 ** (16 / 17)), share(expected, 0.9), rtol=1e-5)


def test_lazy_adam_keeps_a_first_moment_of_zero_memory():
    path, _ = run(train.lazy_adam(0.1, interval=4), [1.0, -1.0])
    np.testing.assert_allclose(path[0], -0.08, rtol=1e-4)
    np.testing.assert_allclose(path[1], 0.0, atol=1e-3)
    with pytest.raises(ValueError, match="interval is 0"):
        train.lazy_adam(0.1, interval=0)
