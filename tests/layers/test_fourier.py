import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import layers


def inputs(dtype=jnp.float32):
    return jax.random.normal(jax.random.key(0), (3, 2), dtype)


def test_by_hand():
    # Of a quarter turn: the sine is 1, the cosine 0; of half a turn, 0 and -1.
    x = jnp.array([[0.5, 1.0]])
    features = layers.fourier_features(x, [np.pi])
    np.testing.assert_allclose(features, [[0.5, 1, 1, 0, 0, -1]], atol=1e-6)


@pytest.mark.parametrize("frequencies", [(), (0.5, 3.0, 7.0)])
def test_it_is_its_formula(frequencies):
    with jax.enable_x64(True):
        x = inputs(jnp.float64)
        run = jax.jit(lambda x: layers.fourier_features(x, frequencies))
        parts = [x, *(np.sin(f * x) for f in frequencies), *(np.cos(f * x) for f in frequencies)]
        expected = np.concatenate(parts, axis=-1)
        np.testing.assert_allclose(run(x), expected, rtol=1e-12)
        assert run(x).dtype == jnp.float64
        np.testing.assert_allclose(jax.vmap(lambda row: run(row[None])[0])(x), expected, rtol=1e-12)
        check_grads(run, (x,), order=2)


def test_the_module_takes_octaves():
    x = inputs()
    expected = layers.fourier_features(x, jnp.array([0.5, 1.0, 2.0]))
    layer = layers.FourierFeatures(3, base=0.5)
    assert layer.init(jax.random.key(0), x) == {}
    np.testing.assert_allclose(layer.apply({}, x), expected, rtol=1e-6)
    shifted = layers.FourierFeatures(4).apply({}, x + 2.0) - layers.FourierFeatures(4).apply({}, x)
    np.testing.assert_allclose(shifted[:, 2:], 0, atol=1e-4)
    assert layers.FourierFeatures(4).apply({}, x).shape == (3, 18)


def test_phases_of_half_precision_are_taken_in_full():
    x = inputs(jnp.bfloat16)
    features = layers.fourier_features(x, [100.0])
    assert features.dtype == jnp.float32
    np.testing.assert_array_equal(features, layers.fourier_features(x.astype(jnp.float32), [100.0]))


def test_bad_input_is_named():
    for x, frequencies, message in (
        (jnp.ones((2, 3, 4)), [1.0], r"inputs must be floats \[B, D\], got float32 \[2, 3, 4\]"),
        (jnp.ones((2, 3), jnp.int32), [1.0], r"got int32 \[2, 3\]"),
        (jnp.ones((2, 3)), jnp.ones((1, 1)), r"frequencies must be \[K\], got \[1, 1\]"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.fourier_features(x, frequencies)
