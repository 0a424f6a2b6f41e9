from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax import layers
from gan_jax.models import dcgan, mlp

PAIRS = {
    "mlp 8": (partial(mlp.Generator, (8, 8, 1)), mlp.Discriminator, (8, 8, 1)),
    "mlp 28 colour": (partial(mlp.Generator, (28, 28, 3)), mlp.Discriminator, (28, 28, 3)),
    "dcgan 28": (dcgan.Generator28, dcgan.Discriminator28, (28, 28, 1)),
    "dcgan 32": (dcgan.Generator32, dcgan.Discriminator32, (32, 32, 1)),
    "dcgan 64": (dcgan.Generator64, dcgan.Discriminator64, (64, 64, 3)),
}


@pytest.mark.parametrize("classes", [0, 10])
@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_maps_latents_to_images_to_logits(name, classes):
    make_generator, make_discriminator, shape = PAIRS[name]
    labels = (jnp.array([3, 4]),) if classes else ()
    generator, discriminator = (
        make(num_classes=classes) for make in (make_generator, make_discriminator)
    )
    key, latents = jax.random.key(0), jnp.zeros((2, 100))

    def play(key):
        images, _ = generator.init_with_output(key, latents, *labels, train=False)
        logits, _ = discriminator.init_with_output(key, images, *labels, train=False)
        return images, logits

    images, logits = jax.eval_shape(play, key)
    assert images.shape == (2, *shape)
    assert logits.shape == (2,)
    assert images.dtype == logits.dtype == jnp.float32


def small(norm, classes=0):
    return (
        dcgan.Generator(base=2, features=(8, 4), num_classes=classes, norm=norm),
        dcgan.Discriminator(features=(4, 8), num_classes=classes, norm=norm),
    )


def test_dcgan_starts_as_the_paper_says():
    generator, discriminator = dcgan.Generator28(), dcgan.Discriminator28()
    key = jax.random.key(1)
    variables = [
        jax.jit(partial(generator.init, train=False))(key, jnp.zeros((1, 100))),
        jax.jit(partial(discriminator.init, train=False))(key, jnp.zeros((1, 28, 28, 1))),
    ]
    for path, leaf in jax.tree.leaves_with_path([v["params"] for v in variables]):
        kind = jax.tree_util.keystr(path[-1:])
        if "kernel" in kind and leaf.size > 1000:
            assert abs(float(leaf.mean())) < 0.002
            assert 0.0185 < float(leaf.std()) < 0.0215
        elif "scale" in kind:
            assert abs(float(leaf.mean()) - 1) < 0.02
            assert float(leaf.std()) > 0
        elif "bias" in kind:
            assert not leaf.any()


def test_no_layer_has_a_bias_that_a_normalisation_would_cancel():
    generator, discriminator = small(layers.batch_norm)
    key = jax.random.key(0)
    for module, example in (
        (generator, jnp.zeros((2, 5))),
        (discriminator, jnp.zeros((2, 8, 8, 1))),
    ):
        params = module.init(key, example, train=False)["params"]
        layers_with_bias = {name for name, layer in params.items() if "bias" in layer}
        norms = {name for name in params if "BatchNorm" in name}
        assert norms
        # Those that keep a bias: the norms, D's first convolution, G's last one.
        assert len(layers_with_bias - norms) == 1


def test_the_norm_and_the_convolution_are_arguments():
    calls = []

    def conv(*arguments, **keywords):
        calls.append(keywords["strides"])
        return nn.Conv(*arguments, **keywords)

    discriminator = dcgan.Discriminator(features=(4, 8), norm=layers.layer_norm, conv=conv)
    params = discriminator.init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)), train=False)["params"]
    assert calls == [(2, 2), (2, 2)]
    assert any("LayerNorm" in name for name in params)


def test_batch_norm_looks_across_the_batch_and_layer_norm_does_not():
    images = jax.random.normal(jax.random.key(2), (4, 8, 8, 1))
    others = images.at[1:].multiply(3.0)
    for norm, mixes in (
        (layers.batch_norm, True),
        (layers.layer_norm, False),
        (layers.no_norm, False),
    ):
        _, discriminator = small(norm)
        variables = discriminator.init(jax.random.key(0), images, train=False)
        run = lambda x, d=discriminator, v=variables: d.apply(
            v, x, train=True, mutable=["batch_stats"]
        )[0][0]
        assert (abs(float(run(images) - run(others))) > 1e-6) == mixes


@pytest.mark.parametrize("pair", [small(layers.no_norm, 10), (mlp.Generator((8, 8, 1), num_classes=10), mlp.Discriminator(num_classes=10))])  # fmt: skip
def test_labels_change_what_conditional_networks_say(pair):
    generator, discriminator = pair
    latents, key = jax.random.normal(jax.random.key(3), (1, 5)), jax.random.key(0)
    zero, one = jnp.array([0]), jnp.array([1])
    g = generator.init(key, latents, zero, train=False)
    images = generator.apply(g, latents, zero, train=False)
    assert not np.allclose(images, generator.apply(g, latents, one, train=False))
    d = discriminator.init(key, images, zero, train=False)
    a, b = (discriminator.apply(d, images, label, train=False) for label in (zero, one))
    assert not np.allclose(a, b)


@pytest.mark.parametrize("classes", [0, 10])
def test_labels_missing_or_unasked_for_are_named(classes):
    labels = () if classes else (jnp.array([1]),)
    message = "was given no labels" if classes else "has no classes"
    for module, example in (
        (mlp.Generator((8, 8, 1), num_classes=classes), jnp.zeros((1, 5))),
        (mlp.Discriminator(num_classes=classes), jnp.zeros((1, 8, 8, 1))),
    ):
        with pytest.raises(ValueError, match=message):
            module.init(jax.random.key(0), example, *labels, train=False)


def test_the_projection_head_is_its_formula():
    head = layers.ProjectionHead(num_classes=3)
    features, labels = jax.random.normal(jax.random.key(0), (4, 6)), jnp.array([0, 2, 1, 2])
    variables = head.init(jax.random.key(1), features, labels)
    dense, embedding = variables["params"]["Dense_0"], variables["params"]["projection"]
    expected = features @ dense["kernel"][:, 0] + dense["bias"][0]
    expected += jnp.einsum("bf,bf->b", features, embedding["embedding"][labels])
    np.testing.assert_allclose(head.apply(variables, features, labels), expected, rtol=1e-5)


@pytest.mark.parametrize("shape", [(), (1,), (4, 2)])
def test_labels_of_another_shape_are_named(shape):
    labels = jnp.zeros(shape, jnp.int32)
    for layer in (layers.ProjectionHead(3), layers.LabelledLatents(3)):
        with pytest.raises(
            ValueError, match=r"given labels \[.*\] for a batch of 4: they must be \[4\]"
        ):
            layer.init(jax.random.key(0), jnp.zeros((4, 6)), labels)


def paths(tree):
    return {jax.tree_util.keystr(path[:-1]) for path, _ in jax.tree.leaves_with_path(tree)}


def test_parameters_are_called_as_in_recorded_runs():
    labels = jnp.array([1])
    for module, example, names in (
        (mlp.Generator((8, 8, 1), (4,), 3), jnp.zeros((1, 5)), "LabelledLatents_0 Dense_0 Dense_1"),
        (mlp.Discriminator((4,), 3), jnp.zeros((1, 8, 8, 1)), "Dense_0 ProjectionHead_0"),
        (dcgan.Generator(2, (8, 4), 1, 3, layers.no_norm), jnp.zeros((1, 5)), "LabelledLatents_0 Dense_0 ConvTranspose_0 ConvTranspose_1"),
        (dcgan.Discriminator((4, 8), 3, layers.no_norm), jnp.zeros((1, 8, 8, 1)), "Conv_0 Conv_1 ProjectionHead_0"),
    ):  # fmt: skip
        init = partial(module.init, train=False)
        variables = jax.eval_shape(init, jax.random.key(0), example, labels)
        assert set(variables["params"]) == set(names.split())
        head = variables["params"].get("ProjectionHead_0")
        assert head is None or set(head) == {"Dense_0", "projection"}


SPECTRAL_HEAD = partial(
    layers.ProjectionHead, dense=layers.SpectralDense, embed=layers.SpectralEmbed
)


@pytest.mark.parametrize(
    ("module", "example", "count"),
    [
        (mlp.Discriminator((6, 4), 3, layers.SpectralDense, head=SPECTRAL_HEAD), (2, 8, 8, 1), 4),
        (dcgan.Discriminator((4, 8), 3, layers.no_norm, layers.SpectralConv, head=SPECTRAL_HEAD), (2, 8, 8, 1), 4),
        (mlp.Generator((8, 8, 1), (6,), dense=layers.SpectralDense), (2, 5), 2),
        (dcgan.Generator(2, (8, 4), norm=layers.no_norm, dense=layers.SpectralDense, conv_transpose=layers.SpectralConvTranspose), (2, 5), 3),
    ],
)  # fmt: skip
def test_all_layers_with_weights_can_be_spectral(module, example, count):
    labels = (jnp.array([0, 2]),) if module.num_classes else ()
    x = jax.random.normal(jax.random.key(0), example)
    variables = jax.jit(partial(module.init, train=False))(jax.random.key(1), x, *labels)
    assert len(paths(variables["spectral_stats"])) == count
    assert paths(variables["spectral_stats"]) == paths(variables["params"])

    run = jax.jit(partial(module.apply, train=True, mutable=["spectral_stats"]))
    outputs, moved = run(variables, x, *labels)
    for before, after in zip(
        *map(jax.tree.leaves, (variables["spectral_stats"], moved)), strict=True
    ):
        assert before.size == 1 or not np.allclose(before, after)
    # The weights are divided by their size: a larger network says the same.
    larger = jax.tree.map(lambda a: 3 * a, variables["params"])
    np.testing.assert_allclose(run({**variables, "params": larger}, x, *labels)[0], outputs, rtol=1e-4, atol=1e-6)  # fmt: skip


def test_inputs_of_the_dense_discriminator_can_be_fourier_features():
    samples = jax.random.normal(jax.random.key(0), (3, 2))
    discriminator = mlp.Discriminator((4,), inputs=layers.FourierFeatures(3))
    variables = discriminator.init(jax.random.key(1), samples, train=False)
    assert set(variables["params"]) == {"Dense_0", "ProjectionHead_0"}
    assert variables["params"]["Dense_0"]["kernel"].shape == (14, 4)
    plain = mlp.Discriminator((4,))
    np.testing.assert_array_equal(
        discriminator.apply(variables, samples, train=False),
        plain.apply(variables, layers.FourierFeatures(3).apply({}, samples), train=False),
    )


@pytest.mark.parametrize(
    ("module", "width"),
    [
        (mlp.Discriminator((6,), minibatch=layers.MinibatchDiscrimination(5, 2)), 6 + 5),
        (mlp.Discriminator((6,), minibatch=layers.MinibatchStandardDeviation(2)), 6 + 1),
        (dcgan.Discriminator((4,), minibatch=layers.MinibatchDiscrimination(5, 2)), 4 * 16 + 5),
        (dcgan.Discriminator((4,), minibatch=layers.MinibatchStandardDeviation(2)), 5 * 16),
    ],
)
def test_a_minibatch_layer_goes_before_the_head(module, width):
    images = jax.random.normal(jax.random.key(0), (8, 8, 8, 1))
    # One example is enough to initialise.
    init = jax.jit(partial(module.init, train=False))
    variables = init(jax.random.key(1), images[:1])
    assert variables["params"]["ProjectionHead_0"]["Dense_0"]["kernel"].shape == (width, 1)

    run = jax.jit(partial(module.apply, variables, train=True))
    logits = run(images)
    assert not np.allclose(logits[0], run(images.at[1].multiply(3.0))[0])
    split = jax.vmap(partial(module.apply, variables, train=True, axis_name="batch"), axis_name="batch")  # fmt: skip
    parts = jax.jit(split)(images.reshape(4, 2, 8, 8, 1))
    np.testing.assert_allclose(parts.reshape(8), logits, rtol=1e-4, atol=1e-6)
