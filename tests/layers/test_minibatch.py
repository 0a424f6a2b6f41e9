import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import layers

DEVIATION = layers.MinibatchStandardDeviation
DISCRIMINATION = layers.MinibatchDiscrimination


def maps(*shape, dtype=jnp.float32):
    return jax.random.normal(jax.random.key(1), shape, dtype)


def discrimination(x, **keywords):
    layer = DISCRIMINATION(3, 2, **keywords)
    return layer, jax.jit(layer.init)(jax.random.key(0), x)


def test_the_deviation_by_hand():
    # Two groups of two: {1, 3} and {5, 5} deviate by 1 and 0, {0, 6} and {2, 2} by 3 and 0.
    x = jnp.array([[1.0, 0.0], [3.0, 6.0], [5.0, 2.0], [5.0, 2.0]])
    both = DEVIATION(group_size=2, features=2).apply({}, x)
    np.testing.assert_allclose(both[:, :2], x)
    np.testing.assert_allclose(both[:, 2:], [[1, 3], [1, 3], [1e-4, 1e-4], [1e-4, 1e-4]], rtol=1e-6)
    one = DEVIATION(group_size=2).apply({}, x)
    np.testing.assert_allclose(one[:, 2], [2, 2, 1e-4, 1e-4], rtol=1e-6)


@pytest.mark.parametrize("features", [1, 2])
def test_the_deviation_is_its_formula(features):
    with jax.enable_x64(True):
        x = maps(6, 2, 3, 4, dtype=jnp.float64)
        layer = DEVIATION(group_size=3, features=features)
        outputs = jax.jit(lambda x: layer.apply({}, x))(x)
        expected = np.zeros((6, features))
        for group in (slice(0, 3), slice(3, 6)):
            for index, part in enumerate(np.split(np.asarray(x[group]), features, axis=-1)):
                expected[group, index] = np.sqrt(part.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(outputs[:, 1, 2, 4:], expected, rtol=1e-12)
        assert outputs.shape == (6, 2, 3, 4 + features)
        np.testing.assert_array_equal(outputs[..., :4], x)
        assert not jnp.ptp(outputs[..., 4:], axis=(1, 2)).any()
        check_grads(jax.jit(lambda x: layer.apply({}, x)), (x,), order=2, modes=("rev",))


def test_equal_examples_have_a_finite_gradient():
    x = jnp.ones((4, 2))
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(DEVIATION().apply({}, x))))(x)
    np.testing.assert_allclose(gradient, 1.0)
    layer, params = discrimination(x)
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(layer.apply(params, x))))(x)
    np.testing.assert_allclose(gradient, 1.0)


def test_devices_have_the_groups_of_the_whole_batch():
    x, layer = maps(8, 2, 2, 4), DEVIATION(group_size=2)
    parts = x.reshape(4, 2, 2, 2, 4)
    split = jax.vmap(lambda x: layer.apply({}, x, axis_name="batch"), axis_name="batch")(parts)
    np.testing.assert_array_equal(split.reshape(8, 2, 2, 5), layer.apply({}, x))


def test_the_discrimination_is_its_formula():
    with jax.enable_x64(True):
        x = maps(5, 4, dtype=jnp.float64)
        layer = DISCRIMINATION(3, 2)
        params = jax.jit(layer.init)(jax.random.key(0), x)
        params = jax.tree.map(lambda a: a.astype(jnp.float64), params)
        rows = np.asarray(x @ params["params"]["Dense_0"]["kernel"]).reshape(5, 3, 2)
        expected = np.zeros((5, 3))
        for i in range(5):
            for j in set(range(5)) - {i}:
                expected[i] += np.exp(-np.abs(rows[i] - rows[j]).sum(axis=-1))
        outputs = jax.jit(layer.apply)(params, x)
        np.testing.assert_array_equal(outputs[:, :4], x)
        np.testing.assert_allclose(outputs[:, 4:], expected, rtol=1e-12)
        check_grads(jax.jit(layer.apply), (params, x), order=1, modes=("rev",))


def test_equal_examples_are_as_close_as_can_be():
    layer, params = discrimination(jnp.ones((4, 2)))
    np.testing.assert_allclose(layer.apply(params, jnp.ones((4, 2)))[:, 2:], 3.0)


@pytest.mark.parametrize("devices", [2, 4])
def test_the_discrimination_on_devices_is_that_of_the_whole_batch(devices):
    x = maps(8, 5)
    layer, params = discrimination(x)

    def value(x, axis_name=None):
        outputs = layer.apply(params, x, axis_name=axis_name)
        return jnp.sum(jnp.sin(outputs)), outputs

    def split(x):
        parts = x.reshape(devices, -1, 5)
        values, outputs = jax.vmap(lambda x: value(x, "batch"), axis_name="batch")(parts)
        return jnp.sum(values), outputs.reshape(8, -1)

    (gradient, outputs), (expected_gradient, expected) = (
        jax.jit(jax.grad(function, has_aux=True))(x) for function in (split, value)
    )
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-5, atol=1e-7)


def test_the_discrimination_on_real_devices():
    x = maps(8, 5)
    layer, params = discrimination(x)
    run = jax.pmap(lambda x: layer.apply(params, x, axis_name="batch"), axis_name="batch")
    outputs = run(x.reshape(4, 2, 5)).reshape(8, -1)
    np.testing.assert_allclose(outputs, layer.apply(params, x), rtol=1e-6)


def test_its_matrix_can_be_spectral_and_maps_are_flattened():
    x = maps(4, 2, 2, 3)
    layer, variables = discrimination(x, dense=layers.SpectralDense)
    assert "u" in variables["spectral_stats"]["SpectralDense_0"]
    assert layer.apply(variables, x).shape == (4, 15)
    np.testing.assert_array_equal(
        layer.apply(variables, x), layer.apply(variables, x.reshape(4, 12))
    )


def test_dtypes_are_kept_and_numbers_taken_in_full():
    x = maps(4, 3, dtype=jnp.bfloat16)
    layer, params = discrimination(x)
    for outputs, exact in (
        (DEVIATION().apply({}, x), DEVIATION().apply({}, x.astype(jnp.float32))),
        (layer.apply(params, x), layer.apply(params, x.astype(jnp.float32))),
    ):
        assert outputs.dtype == jnp.bfloat16
        np.testing.assert_array_equal(outputs, exact.astype(jnp.bfloat16))
    far = layer.apply(params, 1e4 * maps(4, 3))
    assert not far[:, 3:].any()
    assert jnp.isfinite(jax.grad(lambda x: layer.apply(params, x).sum())(1e4 * maps(4, 3))).all()


def test_any_batch_may_initialise_and_wrong_ones_are_named():
    assert DEVIATION().init_with_output(jax.random.key(0), maps(1, 2, 2, 3))[0].shape == (1, 2, 2, 4)  # fmt: skip
    for layer, x, message in (
        (DEVIATION(), maps(6, 4), "a batch of 6 is not made of groups of 4"),
        (DEVIATION(), maps(2, 4), "a batch of 2 is not made of groups of 4"),
        (DEVIATION(group_size=0), maps(6, 4), "groups of 0"),
        (DEVIATION(features=3), maps(4, 2, 2, 4), "4 channels can't be parted into 3"),
    ):
        with pytest.raises(ValueError, match=message):
            layer.apply({}, x)
