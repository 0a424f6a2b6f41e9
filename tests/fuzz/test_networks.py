"""Layers, models and what is trained with them, on any arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from gan_jax import data, layers, train
from gan_jax.models import dcgan, mlp
from tests.fuzz.arrays import arrays, is_float, outcome, shapes

KEY = jax.random.key(0)
PLACES = st.sampled_from((-(2**31), -3, -1, 0, 1, 2, 3, 2**31 - 1))
MAPS = {
    "SelfAttention": layers.SelfAttention(),
    "MinibatchStandardDeviation": layers.MinibatchStandardDeviation(group_size=2),
    "MinibatchDiscrimination": layers.MinibatchDiscrimination(2, 2),
    "FourierFeatures": layers.FourierFeatures(2),
}
RESAMPLED = {
    "blur": (lambda x: layers.blur(x, (1, 2, 1), padding=(1, 1)), 1, 1),
    "upsample": (layers.upsample, 2, 1),
    "nearest_upsample": (layers.nearest_upsample, 2, 1),
    "downsample": (layers.downsample, 1, 2),
    "mean_pool": (layers.mean_pool, 1, 2),
}


@pytest.mark.parametrize("name", MAPS)
@given(maps=arrays() | arrays(st.tuples(*[st.sampled_from((1, 2, 4, 8))] * 4)))
def test_layers(name, maps):
    layer = MAPS[name]
    found = outcome(jax.eval_shape, lambda x: layer.init_with_output(KEY, x)[0], maps)
    if not isinstance(found, str):
        assert is_float(maps)
        assert found.shape[0] == maps.shape[0]
        assert jnp.issubdtype(found.dtype, jnp.floating)
        assert name != "SelfAttention" or found.shape == maps.shape


@pytest.mark.parametrize("name", RESAMPLED)
@given(images=arrays() | arrays(st.tuples(*[st.integers(0, 4)] * 4)))
def test_resampling(name, images):
    function, larger, smaller = RESAMPLED[name]
    found = outcome(jax.eval_shape, function, images)
    good = is_float(images) and images.ndim == 4 and 0 not in images.shape[1:]
    good = good and not any(side % smaller for side in images.shape[1:3])
    assert isinstance(found, str) == (not good), found
    if good:
        batch, height, width, channels = images.shape
        size = (height * larger // smaller, width * larger // smaller)
        assert (found.shape, found.dtype) == ((batch, *size, channels), images.dtype)


@given(
    shape=st.tuples(*[st.integers(1, 4)] * 4),
    kernel=st.tuples(*[st.integers(1, 3)] * 4),
    strides=st.tuples(*[st.integers(1, 3)] * 2),
    padding=st.sampled_from(("SAME", "VALID", ((0, 1), (2, 0)), "CIRCLE", ((0, 0),))),
)
def test_convolutions_have_the_shapes_of_lax(shape, kernel, strides, padding):
    images, weights, names = jnp.zeros(shape), jnp.zeros(kernel), ("NHWC", "HWIO", "NHWC")
    for ours, theirs, extra in (
        (layers.conv_general_dilated, jax.lax.conv_general_dilated, {"dimension_numbers": names}),
        (layers.conv_transpose, jax.lax.conv_transpose, {}),
    ):
        call = lambda f, extra=extra: outcome(
            jax.eval_shape, lambda x, w: f(x, w, strides, padding, **extra), images, weights
        )
        own = call(ours)
        if len(padding) == 1 or padding == "CIRCLE":
            assert isinstance(own, str)
            continue
        other = call(theirs)
        assert isinstance(own, str) == isinstance(other, str), (own, other)
        assert isinstance(own, str) or own.shape == other.shape


NETWORKS = {
    "mlp generator": mlp.Generator((2, 2, 1), features=(2,), num_classes=3),
    "dcgan generator": dcgan.Generator(1, features=(2,), num_classes=3, norm=layers.no_norm),
    "mlp discriminator": mlp.Discriminator(features=(2,), num_classes=3),
    "dcgan discriminator": dcgan.Discriminator(features=(2,), num_classes=3, norm=layers.no_norm),
}


@pytest.mark.parametrize("name", NETWORKS)
@given(inputs=arrays() | arrays((2, 3)) | arrays((2, 2, 2, 1)), labels=arrays() | st.none())
def test_networks(name, inputs, labels):
    network = NETWORKS[name]
    run = lambda x, y: network.init_with_output(KEY, x, y, train=False)[0]
    found = outcome(jax.eval_shape, run, inputs, labels)
    whole = labels is not None and jnp.issubdtype(labels.dtype, jnp.integer)
    if isinstance(found, str):
        axes = {"mlp generator": (2,), "dcgan generator": (2,), "dcgan discriminator": (4,)}.get(
            name, (2, 3, 4, 5)
        )
        fits = is_float(inputs) and inputs.ndim in axes and inputs.size and whole
        assert not fits or labels.shape != inputs.shape[:1]
    else:
        assert is_float(inputs)
        assert whole
        assert labels.shape == inputs.shape[:1] == found.shape[:1]


@pytest.fixture(scope="module")
def compiled():
    """Initialise each network once, and compile it for two examples."""
    made = {}
    for name, network in NETWORKS.items():
        inputs = jnp.ones((2, 3) if "generator" in name else (2, 2, 2, 1))
        variables = network.init(KEY, inputs, jnp.zeros(2, jnp.int32), train=False)
        apply = lambda labels, n=network, v=variables, x=inputs: n.apply(v, x, labels, train=False)
        made[name] = (apply, jax.jit(apply))
    norm = layers.ConditionalBatchNorm(num_classes=3, kernel_init=nn.initializers.ones)
    maps = jnp.ones((2, 2))
    variables = norm.init(KEY, maps, jnp.zeros(2, jnp.int32), train=False)
    apply = lambda labels: norm.apply(variables, maps, labels, train=False)
    made["conditional norm"] = (apply, jax.jit(apply))
    return made


@pytest.mark.parametrize("name", [*NETWORKS, "conditional norm"])
@given(labels=st.lists(PLACES, min_size=2, max_size=2))
def test_labels_of_no_class_are_refused_or_nan(name, compiled, labels):
    apply, fast = compiled[name]
    labels = jnp.asarray(labels, jnp.int32)
    inside = (labels >= 0) & (labels < 3)
    found = outcome(apply, labels)
    assert isinstance(found, str) == (not bool(inside.all()))
    traced = np.asarray(fast(labels)).reshape(2, -1)
    assert np.array_equal(np.isfinite(traced).all(axis=1), inside)
    assert np.array_equal(np.isnan(traced).all(axis=1), ~inside)


@given(images=arrays(), indices=arrays(), count=st.integers(0, 4))
def test_data(images, indices, count):
    found = outcome(data.normalize, images)
    assert isinstance(found, str) == (images.dtype != jnp.uint8)
    if not isinstance(found, str):
        assert np.array_equal(data.to_uint8(found), images)
    assert isinstance(outcome(data.to_uint8, images), str) == (not is_float(images))
    found = outcome(
        data.gather, {"image": jnp.zeros((count, 2)), "label": jnp.arange(count)}, indices
    )
    if not isinstance(found, str):
        assert found["label"].shape == indices.shape
        assert np.array_equal(found["label"], indices)


NUMBERS = st.sampled_from(
    (float("nan"), float("inf"), -1, 0, 0.5, 1, 2, 2.5, True, "2", jnp.float32(0.5), jnp.ones(2))
)
STEP = lambda state, batch, key, *, axis_name=None: (state, {})


@given(value=NUMBERS)
def test_numbers(value):
    """What counts is a whole number, what keeps is a share."""
    whole = type(value) is int and value >= 1
    number = not isinstance(value, str) and jnp.ndim(value) == 0
    for make in (
        lambda: train.repeat(value, STEP),
        lambda: train.last_slice(value, STEP),
        lambda: train.every(value, STEP),
        lambda: train.unroll(value, STEP),
        lambda: train.packed_step(value, STEP),
        lambda: train.start_pool(value, jnp.ones(2)),
        lambda: train.lazy_adam(0.1, interval=value),
    ):
        assert isinstance(outcome(make), str) == (not whole)
    for prior in (train.normal_prior, train.sign_prior, train.uniform_prior):
        assert isinstance(outcome(prior, value), str) == (not (type(value) is int and value >= 0))
    for make in (lambda: train.ema_step(value), lambda: train.running_average(value, "a")):
        assert isinstance(outcome(make), str) == (not (number and 0 <= value <= 1))


@given(seeds=st.lists(st.sampled_from((0, 1, -1, 2**32 - 1, 2**32, 1.5, True)), max_size=3))
def test_seeds(seeds):
    found = outcome(train.seed_keys, seeds)
    good = seeds and all(type(seed) is not float and 0 <= seed < 2**32 for seed in seeds)
    good = good and not all(type(seed) is bool for seed in seeds)
    assert isinstance(found, str) == (not good)


@given(sample=arrays(), packs=st.integers(-1, 3), key=st.sampled_from(("typed", "raw", "many")))
def test_packs_and_keys(sample, packs, key):
    found = outcome(train.pack, packs, sample)
    if not isinstance(found, str):
        assert found.shape == (
            sample.shape[0] // packs,
            *sample.shape[1:-1],
            packs * sample.shape[-1],
        )
    keys = {"typed": KEY, "raw": jax.random.key_data(KEY), "many": jax.random.split(KEY, 2)}
    assert isinstance(outcome(train.create_state, keys[key], None, None), str) == (key != "typed")
    orders = outcome(data.epoch_permutation, keys[key], 0, 3)
    assert isinstance(orders, str) == (key != "typed")


@given(
    first=st.integers(-2, 9),
    steps=st.integers(-2, 5),
    count=st.integers(-1, 5),
    size=st.integers(-1, 6),
)
def test_indices(first, steps, count, size):
    found = outcome(data.batch_indices, KEY, first, steps, num_examples=count, batch_size=size)
    good = first >= 0 and steps >= 0 and 1 <= size <= count
    assert isinstance(found, str) == (not good)
    if good:
        assert found.shape == (steps, size)
        assert not found.size or 0 <= found.min() <= found.max() < count


@given(styles=arrays(), mean=arrays(shapes(0, 2)))
def test_truncation(styles, mean):
    found = outcome(jax.eval_shape, lambda s, m: train.truncate(s, m, 0.5), styles, mean)
    assert isinstance(found, str) or found.shape == styles.shape
