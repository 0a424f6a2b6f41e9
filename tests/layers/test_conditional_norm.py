from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.nn.initializers import normal

from gan_jax import layers

LABELS = jnp.array([0, 2, 1, 2, 0, 0, 1, 2])
NORMS = {
    "labels": layers.ConditionalBatchNorm(3, kernel_init=normal(0.5)),
    "vectors": layers.ConditionalBatchNorm(kernel_init=normal(0.5)),
}


def case(name, dtype=jnp.float32):
    """Return the layer, maps, the condition and variables."""
    maps = 2 + 3 * jax.random.normal(jax.random.key(1), (8, 2, 3, 4), dtype)
    vectors = jax.random.normal(jax.random.key(2), (8, 5), dtype)
    condition = LABELS if name == "labels" else vectors
    layer = NORMS[name]
    init = jax.jit(partial(layer.init, train=True))
    return layer, maps, condition, init(jax.random.key(0), maps, condition)


def reference(variables, maps, condition, mean, var):
    params = variables["params"]
    if "embedding" in params["gain"]:
        gain, bias = (params[name]["embedding"][condition] for name in ("gain", "bias"))
    else:
        gain, bias = (condition @ params[name]["kernel"] for name in ("gain", "bias"))
    normalized = (np.asarray(maps, np.float64) - mean) / np.sqrt(var + 1e-5)
    return (1 + gain)[:, None, None] * normalized + np.asarray(bias)[:, None, None]


@pytest.mark.parametrize("name", NORMS)
def test_it_is_its_formula_in_both_modes(name):
    layer, maps, condition, variables = case(name)
    run = jax.jit(partial(layer.apply, train=True, mutable=["batch_stats"]))
    outputs, changed = run(variables, maps, condition)
    pixels = np.asarray(maps).reshape(-1, 4)
    mean, var = pixels.mean(axis=0), pixels.var(axis=0)
    expected = reference(variables, maps, condition, mean, var)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)

    (kept,) = changed["batch_stats"].values()
    np.testing.assert_allclose(kept["mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(kept["var"], 0.9 + 0.1 * var, rtol=1e-5)
    outputs = layer.apply({**variables, **changed}, maps, condition, train=False)
    expected = reference(variables, maps, condition, 0.1 * mean, 0.9 + 0.1 * var)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_only_the_condition_tells_examples_apart():
    layer, maps, labels, variables = case("labels")
    same = jnp.broadcast_to(maps[:1], maps.shape) + jnp.arange(2.0)[None, :, None, None]
    outputs, _ = layer.apply(variables, same, labels, train=True, mutable=["batch_stats"])
    np.testing.assert_array_equal(outputs[1], outputs[3])
    assert not np.allclose(outputs[0], outputs[1])


@pytest.mark.parametrize("name", NORMS)
def test_it_starts_as_batch_norm(name):
    _, maps, condition, _ = case(name)
    classes = 3 if name == "labels" else 0
    layer = layers.ConditionalBatchNorm(classes)
    plain = layers.batch_norm(train=True)
    outputs, _ = layer.init_with_output(jax.random.key(0), maps, condition, train=True)
    expected, _ = plain.init_with_output(jax.random.key(0), maps)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(("name", "devices"), [("labels", 4), ("vectors", 2)])
def test_devices_give_what_the_whole_batch_gives(name, devices):
    layer, maps, condition, variables = case(name)

    def run(maps, condition, axis_name=None):
        return layer.apply(
            variables, maps, condition, train=True, axis_name=axis_name, mutable=["batch_stats"]
        )

    parts = [x.reshape(devices, -1, *x.shape[1:]) for x in (maps, condition)]
    split, changed = jax.vmap(partial(run, axis_name="batch"), axis_name="batch")(*parts)
    expected, expected_changed = run(maps, condition)
    np.testing.assert_allclose(split.reshape(maps.shape), expected, rtol=1e-4, atol=1e-5)
    for a, b in zip(jax.tree.leaves(changed), jax.tree.leaves(expected_changed), strict=True):
        np.testing.assert_allclose(a, np.broadcast_to(b, a.shape), rtol=1e-5)


def test_the_factory_is_called_as_the_other_norms_are():
    _, maps, labels, variables = case("labels")
    norm = partial(layers.conditional_batch_norm, num_classes=3)
    layer = norm(train=False, axis_name=None, dtype=jnp.bfloat16)
    assert layer.func.num_classes == 3
    outputs = layer.func.apply(variables, maps, labels, **layer.keywords)
    assert outputs.dtype == jnp.bfloat16
    exact = NORMS["labels"].apply(variables, maps, labels, train=False)
    np.testing.assert_array_equal(outputs, exact.astype(jnp.bfloat16))


def test_half_precision_and_features_without_pixels():
    layer, maps, labels, variables = case("labels", jnp.bfloat16)
    outputs, changed = layer.apply(variables, maps, labels, train=True, mutable=["batch_stats"])
    assert outputs.dtype == jnp.float32
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(changed))
    flat = layer.apply(variables, maps[:, 0, 0], labels, train=False)
    np.testing.assert_array_equal(flat, layer.apply(variables, maps, labels, train=False)[:, 0, 0])


def test_gain_and_bias_can_be_spectral():
    layer = layers.ConditionalBatchNorm(kernel_init=normal(), dense=layers.SpectralDense)
    tables = layers.ConditionalBatchNorm(3, kernel_init=normal(), embed=layers.SpectralEmbed)
    for module, condition in ((layer, jnp.ones((8, 5))), (tables, LABELS)):
        variables = module.init(jax.random.key(0), jnp.ones((8, 4)), condition, train=True)
        assert set(variables["spectral_stats"]) == {"gain", "bias"}


@pytest.mark.parametrize(
    ("classes", "condition", "message"),
    [
        (3, jnp.ones((8, 5)), r"num_classes=3 the condition is labels: got float32 \[8, 5\]"),
        (3, LABELS[:1], r"got int32 \[1\] for maps \[8, 4\]"),
        (3, LABELS[:, None], r"got int32 \[8, 1\]"),
        (0, LABELS, r"without num_classes the condition is floats \[B, D\]: got int32 \[8\]"),
        (0, jnp.ones((1, 5)), r"got float32 \[1, 5\]"),
        (0, jnp.ones(8), r"got float32 \[8\]"),
    ],
)
def test_conditions_of_another_kind_are_named(classes, condition, message):
    layer = layers.ConditionalBatchNorm(classes)
    with pytest.raises(ValueError, match=message):
        layer.init(jax.random.key(0), jnp.ones((8, 4)), condition, train=True)
