"""The residual networks of SNGAN and WGAN-GP: PyTorch's word, the papers' sizes, bad input."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers
from gan_jax.models import residual, resnet
from tests import residual_networks

LABELS = jnp.array([2, 0, 2])
SPECTRAL = {
    "conv": layers.SpectralConv,
    "head": partial(layers.ProjectionHead, dense=layers.SpectralDense, embed=layers.SpectralEmbed),
}
MEAN = partial(jnp.mean, axis=(1, 2))


def normal(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def count(module, *inputs):
    """Count parameters without making them."""
    init = partial(module.init, train=False)
    return residual_networks.counted(jax.eval_shape(init, jax.random.key(0), *inputs)["params"])


@pytest.mark.parametrize(
    ("features", "labels"), [((6, 5), None), ((6, 5, 4), LABELS)], ids=["alone", "labelled"]
)
def test_torch_says_the_same_of_the_generator(features, labels):
    restated = pytest.importorskip("tests.torch_residual")
    classes = 0 if labels is None else 3
    generator = resnet.Generator(base=2, features=features, num_classes=classes, channels=2)
    restated.check(generator, restated.generator, normal(3, 4), labels)


def test_torch_says_the_same_of_the_spectral_projection_discriminator():
    restated = pytest.importorskip("tests.torch_residual")
    discriminator = resnet.Discriminator((4, 6, 6, 5), halvings=2, num_classes=3, **SPECTRAL)
    theirs = partial(restated.discriminator, halvings=2)
    restated.check(discriminator, theirs, normal(3, 8, 4, 2), LABELS)


def test_torch_says_the_same_of_the_critic_of_wasserstein_gan():
    restated = pytest.importorskip("tests.torch_residual")
    critic = resnet.Discriminator((4, 6, 6), halvings=2, pool=MEAN, norm=layers.layer_norm)
    theirs = partial(
        restated.discriminator,
        halvings=2,
        pool=restated.torch.mean,
        norm=restated.layer_norm,
    )
    restated.check(critic, theirs, normal(3, 4, 8, 3))


def convolve(images, kernel):
    return layers.conv_general_dilated(
        images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def test_convolutions_next_to_resampling_are_merged_with_it():
    images, kernel = normal(2, 4, 6, 3), normal(3, 3, 3, 5, seed=2)
    with jax.enable_x64(True):
        merged = residual._convolve_enlarged(images, kernel, (1, 1), "SAME")
        apart = convolve(layers.nearest_upsample(jnp.asarray(images)), kernel)
        np.testing.assert_allclose(merged, apart, atol=1e-13)
        merged = residual._convolve_and_pool(images, kernel, (1, 1), "SAME")
        apart = layers.mean_pool(convolve(jnp.asarray(images), kernel))
        np.testing.assert_allclose(merged, apart, atol=1e-13)


narrow = partial(residual_networks.discriminator, wide=False)
IMAGENET = (64, 128, 256, 512, 1024)
PRESETS = {
    "SNGAN 28": (
        (resnet.Generator28, residual_networks.generator(7, (256,) * 3, channels=1)),
        (resnet.Discriminator28, narrow((1,) + (128,) * 4, spare=(2, 3))),
        (28, 28, 1),
        0,
    ),
    "SNGAN 32": (
        (resnet.Generator32, residual_networks.generator(4, (256,) * 4)),
        (resnet.Discriminator32, narrow((3,) + (128,) * 4, spare=(2, 3))),
        (32, 32, 3),
        0,
    ),
    "SNGAN 64": (
        (resnet.Generator64, residual_networks.generator(4, IMAGENET[::-1], conditions=10)),
        (resnet.Discriminator64, narrow((3, *IMAGENET), classes=10)),
        (64, 64, 3),
        10,
    ),
    "SNGAN 128": (
        (
            resnet.Generator128,
            residual_networks.generator(4, (1024, *IMAGENET[::-1]), conditions=1000),
        ),
        (
            resnet.Discriminator128,
            narrow((3, *IMAGENET, 1024), spare=(5,), classes=1000),
        ),
        (128, 128, 3),
        1000,
    ),
    "WGAN-GP 32": (
        (resnet.WassersteinGenerator32, residual_networks.generator(4, (128,) * 4)),
        (resnet.WassersteinDiscriminator32, narrow((3,) + (128,) * 4, spare=(2, 3))),
        (32, 32, 3),
        0,
    ),
}


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_the_shapes_and_the_parameters_of_the_papers(name):
    (make_generator, generator_size), (make_discriminator, discriminator_size), shape, classes = (
        PRESETS[name]
    )
    generator, discriminator = (
        make(num_classes=classes) for make in (make_generator, make_discriminator)
    )
    labels = (jnp.zeros(2, jnp.int32),) if classes else ()
    latents = jax.ShapeDtypeStruct((2, 128), jnp.float32)

    def play(latents):
        images, made = generator.init_with_output(jax.random.key(0), latents, *labels, train=False)
        logits, judged = discriminator.init_with_output(
            jax.random.key(0), images, *labels, train=False
        )
        return images, logits, made["params"], judged["params"]

    images, logits, *params = jax.eval_shape(play, latents)
    assert images.shape == (2, *shape)
    assert logits.shape == (2,)
    assert images.dtype == logits.dtype == jnp.float32
    assert [residual_networks.counted(tree) for tree in params] == [
        generator_size,
        discriminator_size,
    ]


def test_initial_weights_are_larger_where_a_rectifier_halves_what_comes():
    generator = resnet.Generator(base=2, features=(64, 32))
    init = jax.jit(partial(generator.init, train=False))
    params = init(jax.random.key(0), jnp.zeros((2, 16)))["params"]
    block = params["GeneratorBlock_0"]
    for layer, fans, gain in (
        (block["conv1"], 9 * (64 + 32), 2),
        (block["conv2"], 9 * (32 + 32), 2),
        (block["shortcut"], 64 + 32, 1),
        (params["dense"], 16 + 4 * 64, 1),
        (params["conv"], 9 * (32 + 3), 1),
    ):
        np.testing.assert_allclose(layer["kernel"].var(), gain * 2 / fans, rtol=0.1)
        assert not layer["bias"].any()


def test_pooling_by_sums_is_pooling_by_means_times_the_pixels():
    images = jnp.asarray(normal(2, 8, 8, 1), jnp.float32)
    by_sum = resnet.Discriminator((4, 4), halvings=2)
    variables = residual_networks.variables(by_sum, images)
    variables["params"]["ProjectionHead_0"]["Dense_0"]["bias"] *= 0
    by_mean = resnet.Discriminator((4, 4), halvings=2, pool=MEAN)
    sums, means = (each.apply(variables, images, train=True) for each in (by_sum, by_mean))
    np.testing.assert_allclose(sums, 4 * means, rtol=1e-5)


def test_devices_give_what_the_whole_batch_gives():
    generator = resnet.Generator(base=2, features=(8, 4), num_classes=3)
    latents, labels = jnp.asarray(normal(4, 5), jnp.float32), jnp.array([0, 1, 2, 1])
    variables = residual_networks.variables(generator, latents, labels)
    run = partial(generator.apply, variables, train=True, mutable=["batch_stats"])
    whole, _ = jax.jit(run)(latents, labels)
    split = jax.jit(jax.vmap(partial(run, axis_name="devices"), axis_name="devices"))
    parts, _ = split(latents.reshape(2, 2, 5), labels.reshape(2, 2))
    np.testing.assert_allclose(parts.reshape(whole.shape), whole, rtol=1e-4, atol=1e-6)


def test_half_precision_gives_full_images_and_logits():
    half = {"dtype": jnp.bfloat16}
    generator = resnet.Generator(base=2, features=(8, 8), num_classes=3, **half)
    discriminator = resnet.Discriminator((8, 8), halvings=1, num_classes=3, **half, **SPECTRAL)

    def play(key):
        images, variables = generator.init_with_output(key, jnp.ones((3, 4)), LABELS, train=False)
        logits, judged = discriminator.init_with_output(key, images, LABELS, train=False)
        return images, logits, variables, judged

    shapes = jax.eval_shape(play, jax.random.key(0))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        (resnet.Generator(2, (8, 8), attention_at=(8,)), (3, 4), r"attention_at has 8: maps have sides of \[4\]"),
        (resnet.Discriminator((8, 8), 1, attention_at=(8, 4)), (3, 8, 8, 1), r"attention_at has 8: maps have sides of \[4\]"),
        (resnet.Discriminator((8, 8), 2), (3, 8, 6, 1), "images are 8 x 6: this discriminator halves them 2 times, .* multiples of 4"),
        (resnet.Discriminator((8, 8), 2), (3, 8, 8), r"images must be floats \[B, H, W, C\]"),
        (resnet.Generator(2, (8, 8)), (3, 4, 1), r"latents must be floats \[B, D\]"),
        (resnet.Generator(2, (8, 8), num_classes=3), (3, 4), "this generator has 3 classes and was given no labels"),
        (resnet.Discriminator((8,), 1, 3), (3, 4, 4, 1), "this discriminator has 3 classes and was given no labels"),
    ],
)  # fmt: skip
def test_bad_input_is_named(module, inputs, message):
    with pytest.raises(ValueError, match=message):
        count(module, jnp.zeros(inputs))


def test_labels_unasked_for_are_named():
    with pytest.raises(ValueError, match="this generator was given labels and has no classes"):
        count(resnet.Generator(2, (8, 8)), jnp.zeros((3, 4)), LABELS)
