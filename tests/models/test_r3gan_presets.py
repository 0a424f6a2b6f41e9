"""R3GAN's presets against the paper's tables."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import pytest

from gan_jax.models import r3gan

# Table 9: millions of parameters of the generator and of the discriminator; side of the images.
TABLE = {
    "StackedMNIST": (20.73, 20.68, 32),
    "CIFAR10": (20.78, 21.28, 32),
    "FFHQ64": (22.43, 22.38, 64),
    "FFHQ256": (23.06, 23.01, 256),
    "ImageNet32": (82.91, 86.55, 32),
    "ImageNet64": (103.57, 107.21, 64),
}


def networks(name):
    return getattr(r3gan, f"Generator{name}")(), getattr(r3gan, f"Discriminator{name}")()


def shapes(module, *inputs):
    init = partial(module.init, train=False)
    return jax.eval_shape(init, jax.random.key(0), *inputs)["params"]


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def sizes_by_hand(generator, latents=64):
    """Count the weights of a generator and its mirror image, layer by layer."""
    widths, group, classes = generator.features, generator.group_width, generator.num_classes
    # Two 1x1 convolutions between C and 2C, 9 weights for each of 2C and its group, two biases.
    stages = sum(2 * (4 * c * c + 9 * 2 * c * group + 4 * c) for c in widths)
    transitions = sum(c * d for c, d in itertools.pairwise(widths) if c != d)
    common = stages + transitions + widths[-1] * 3 + 16 * widths[0]
    inputs = latents * (2 if classes else 1)
    embedding = classes * latents, classes * widths[0]
    outputs = widths[0] if classes else 1
    return (
        common + inputs * widths[0] + embedding[0],
        common + outputs * widths[0] + embedding[1],
    )


@pytest.mark.parametrize("name", TABLE)
def test_presets_have_as_many_parameters_as_the_papers(name):
    *published, side = TABLE[name]
    generator, discriminator = networks(name)
    labels = (jnp.array([1]),) if generator.num_classes else ()
    counted = (
        count(shapes(generator, jnp.zeros((1, 64)), *labels)),
        count(shapes(discriminator, jnp.zeros((1, side, side, 3)), *labels)),
    )
    assert counted == sizes_by_hand(generator)
    assert [round(number / 1e6, 2) for number in counted] == published
    if name == "FFHQ256":  # to one more digit in table 2
        assert [round(number / 1e6, 3) for number in counted] == [23.058, 23.010]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("28", (28, 28, 1)),
        ("32", (32, 32, 3)),
        ("CIFAR10", (32, 32, 3)),
        ("FFHQ256", (256, 256, 3)),
    ],
)
def test_presets_mirror_each_other(name, shape):
    generator, discriminator = networks(name)
    assert tuple(discriminator.features) == tuple(reversed(generator.features))
    labels = (jnp.array([1, 2]),) if generator.num_classes else ()

    def play(key):
        images, _ = generator.init_with_output(key, jnp.zeros((2, 64)), *labels, train=False)
        return images, discriminator.init_with_output(key, images, *labels, train=False)[0]

    images, logits = jax.eval_shape(play, jax.random.key(0))
    assert images.shape == (2, *shape)
    assert logits.shape == (2,)
    assert images.dtype == logits.dtype == jnp.float32


def test_groups_are_as_many_as_in_the_paper():
    """Table 9: 12-24-48-96-96-96-96 for FFHQ-256, from the image on; 96 everywhere in ImageNet."""
    _, discriminator = networks("FFHQ256")
    widths = [2 * c // discriminator.group_width for c in discriminator.features]
    assert widths == [12, 24, 48, 96, 96, 96, 96]
    _, discriminator = networks("ImageNet64")
    assert [2 * c // discriminator.group_width for c in discriminator.features] == [96] * 5
    block = shapes(discriminator, jnp.zeros((1, 64, 64, 3)), jnp.array([0]))["ResidualBlock_0"]
    assert block["Conv_1"]["kernel"].shape == (3, 3, 32, 3072)
