from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import layers
from gan_jax.models import maxout


def started(module, *inputs, dtype=jnp.float32):
    variables = jax.jit(partial(module.init, train=False))(jax.random.key(0), *inputs)
    return jax.tree.map(lambda leaf: leaf.astype(dtype), variables)


def counted(module, *inputs):
    shapes = jax.eval_shape(partial(module.init, train=False), jax.random.key(0), *inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def test_parameters_are_as_many_as_the_authors_code_has():
    """100 -> 1200 -> 1200 -> 784, and 784 -> 240 x 5 -> 240 x 5 -> 1, all with biases."""
    generator = 101 * 1200 + 1201 * 1200 + 1201 * 784
    discriminator = 785 * 1200 + 241 * 1200 + 241
    assert counted(maxout.Generator(), jnp.zeros((1, 100))) == generator == 2_503_984
    images = jnp.zeros((1, 28, 28, 1))
    assert counted(maxout.Discriminator(), images) == discriminator == 1_231_441


def test_weights_start_within_the_authors_bounds():
    for module, example, limit in (
        (maxout.Generator(), jnp.zeros((1, 100)), 0.05),
        (maxout.Discriminator(), jnp.zeros((1, 28, 28, 1)), 0.005),
    ):
        for path, leaf in jax.tree.leaves_with_path(started(module, example)):
            if path[-1].key == "bias":
                assert not leaf.any()
                continue
            assert np.abs(leaf).max() <= limit
            # A uniform distribution within the bounds has a standard deviation of limit / sqrt(3).
            np.testing.assert_allclose(leaf.std(), limit / 3**0.5, rtol=0.1)


def by_hand(params, inputs, hidden, last):
    """Apply a stack of dense layers in numpy."""
    for index in range(len(params) - 1):
        layer = params[f"Dense_{index}"]
        inputs = hidden(inputs @ np.asarray(layer["kernel"]) + np.asarray(layer["bias"]))
    return inputs @ np.asarray(last["kernel"]) + np.asarray(last["bias"])


def test_the_networks_are_their_formulas():
    with jax.enable_x64(True):
        random = np.random.default_rng(0)
        generator = maxout.Generator((3, 2, 1), features=(5, 4), bias_init=jax.nn.initializers.ones)
        latents = jnp.asarray(random.normal(size=(3, 7)))
        params = started(generator, latents, dtype=jnp.float64)["params"]
        assert params["Dense_2"]["bias"].tolist() == [1.0] * 6
        params = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), params)
        logits = by_hand(params, np.asarray(latents), lambda x: np.maximum(x, 0), params["Dense_2"])
        images = generator.apply({"params": params}, latents, train=True)
        # The paper's sigmoid, for pixels in [-1, 1].
        expected = 2 / (1 + np.exp(-logits)) - 1
        np.testing.assert_allclose(images, expected.reshape(3, 3, 2, 1), rtol=1e-9)

        discriminator = maxout.Discriminator((4, 3), pieces=2)
        params = started(discriminator, images, dtype=jnp.float64)["params"]
        params = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), params)
        pairs = lambda x: np.maximum(x[:, 0::2], x[:, 1::2])
        flat, head = np.asarray(images).reshape(3, 6), params["ProjectionHead_0"]["Dense_0"]
        expected = by_hand(params, flat, pairs, head)[:, 0]
        run = jax.jit(lambda p, x: discriminator.apply({"params": p}, x, train=True))
        np.testing.assert_allclose(run(params, images), expected, rtol=1e-9)
        check_grads(run, (params, images), order=2, modes=("rev",))


def test_maxout_of_a_linear_map_is_convex():
    random = np.random.default_rng(1)
    weights = random.normal(size=(4, 15))
    a, b = random.normal(size=(2, 50, 4))
    at = lambda x: maxout.maxout(jnp.asarray(x @ weights, jnp.float32), 5)
    middle, ends = at((a + b) / 2), (at(a) + at(b)) / 2
    assert middle.shape == (50, 3)
    assert (middle <= ends + 1e-5).all()
    assert (middle < ends - 0.1).any()


def test_one_piece_takes_the_whole_gradient():
    inputs = jnp.asarray([[1.0, 3.0, 2.0, 5.0, 5.0, 5.0]])
    by = jax.grad(lambda x: jnp.sum(maxout.maxout(x, 3) * jnp.asarray([[2.0, 7.0]])))(inputs)
    assert by.tolist() == [[0, 2, 0, 7, 0, 0]]
    assert np.isnan(maxout.maxout(jnp.asarray([1.0, jnp.nan, 2.0, 3.0]), 2)).tolist() == [
        True,
        False,
    ]


def test_gradients_are_there_however_a_compiler_rounds():
    """A layer of one input is a product and a sum, which may be rounded once or twice."""
    discriminator = maxout.Discriminator((1, 1))
    random = np.random.default_rng(0)
    images = jnp.asarray(random.normal(size=(64, 4, 4, 1)), jnp.float32)
    shapes = jax.eval_shape(partial(discriminator.init, train=True), jax.random.key(0), images)
    draw = lambda leaf: jnp.asarray(random.normal(size=leaf.shape), jnp.float32)
    variables = jax.tree.map(draw, shapes)
    value = lambda x: jnp.sum(discriminator.apply(variables, x, train=True))
    options = {"xla_backend_optimization_level": 0}
    slopes = jax.jit(jax.grad(value), compiler_options=options)(images)
    assert np.isfinite(slopes).all()
    assert slopes.any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("pieces", [0, 2])
def test_pieces_that_do_not_fit_are_named(pieces):
    with pytest.raises(ValueError, match=f"15 features can't be parted into {pieces} pieces"):
        maxout.maxout(jnp.zeros((2, 15)), pieces)


def small(**how):
    return (
        maxout.Generator((4, 4, 1), (8, 6), **how),
        maxout.Discriminator((6, 4), pieces=3, **how),
    )


def test_networks_with_classes_tell_labels_apart():
    labels = jnp.array([0, 2])
    latents = jax.random.normal(jax.random.key(1), (2, 5))
    for module, inputs in zip(small(num_classes=3), (latents, jnp.ones((2, 4, 4, 1))), strict=True):
        variables = started(module, inputs, labels)
        outputs, others = (
            module.apply(variables, inputs, given, train=True) for given in (labels, labels[::-1])
        )
        assert not np.isclose(outputs, others, rtol=1e-3, atol=0).all()
        with pytest.raises(ValueError, match="has 3 classes and was given no labels"):
            module.apply(variables, inputs, train=True)


def test_members_of_a_population_are_apart():
    latents = jax.random.normal(jax.random.key(1), (2, 5))
    for module, inputs in zip(small(), (latents, jnp.ones((2, 4, 4, 1))), strict=True):
        variables = started(module, inputs)
        many = jax.tree.map(lambda leaf: jnp.stack([leaf, -2 * leaf]), variables)
        run = jax.jit(partial(module.apply, train=True))
        together = jax.vmap(run, (0, None))(many, inputs)
        for i, factor in enumerate((1, -2)):
            alone = run(jax.tree.map(lambda leaf, k=factor: k * leaf, variables), inputs)
            np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-9)


def test_half_precision_within_and_float32_outside():
    latents = jax.random.normal(jax.random.key(1), (2, 5))
    for half, full, inputs in zip(
        small(dtype=jnp.bfloat16), small(), (latents, jnp.ones((2, 4, 4, 1))), strict=True
    ):
        variables = started(half, inputs)
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(variables))
        outputs = half.apply(variables, inputs, train=True)
        assert outputs.dtype == jnp.float32
        expected = full.apply(variables, inputs, train=True)
        scale = float(jnp.abs(expected).max())
        assert 0 < float(jnp.abs(outputs - expected).max()) < 0.05 * scale


def test_all_dense_layers_can_be_spectral():
    head = partial(layers.ProjectionHead, dense=layers.SpectralDense)
    module = maxout.Discriminator((6, 4), pieces=3, dense=layers.SpectralDense, head=head)
    init = partial(module.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), jnp.ones((2, 4, 4, 1)))
    assert len(jax.tree.leaves(variables["spectral_stats"])) == 3
