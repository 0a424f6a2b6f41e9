"""SAGAN: PyTorch's word on attention inside residual networks, and where things are."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.models import sagan
from tests import residual_networks

LABELS = jnp.array([2, 0, 2])


def normal(*shape):
    return np.random.default_rng(1).normal(size=shape)


def test_torch_says_the_same_of_the_generator():
    restated = pytest.importorskip("tests.torch_residual")
    generator = sagan.Generator(base=2, features=(6, 8), num_classes=3, attention_at=(4,))
    theirs = partial(restated.generator, attention_at=(4,))
    restated.check(generator, theirs, normal(3, 4), LABELS)


def test_torch_says_the_same_of_the_discriminator():
    restated = pytest.importorskip("tests.torch_residual")
    discriminator = sagan.Discriminator((8, 6), halvings=1, num_classes=3, attention_at=(4,))
    theirs = partial(restated.discriminator, halvings=1, attention_at=(4,))
    restated.check(discriminator, theirs, normal(3, 8, 8, 2), LABELS)


IMAGENET = (64, 128, 256, 512, 1024)
attention, discriminator = residual_networks.attention, residual_networks.discriminator
# The size of each, that of its attention added: at 16 pixels for images of 32, else at 32 pixels.
PRESETS = {
    32: (
        (sagan.Generator32, residual_networks.generator(4, (256,) * 4, conditions=10) + attention(256)),
        (sagan.Discriminator32, discriminator((3,) + (128,) * 4, spare=(2, 3), classes=10) + attention(128)),
    ),
    64: (
        (sagan.Generator64, residual_networks.generator(4, IMAGENET[::-1], conditions=10) + attention(256 // 2)),
        (sagan.Discriminator64, discriminator((3, *IMAGENET), classes=10) + attention(64)),
    ),
    128: (
        (sagan.Generator128, residual_networks.generator(4, (1024, *IMAGENET[::-1]), conditions=10) + attention(256)),
        (sagan.Discriminator128, discriminator((3, *IMAGENET, 1024), spare=(5,), classes=10) + attention(128)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("side", PRESETS)
def test_presets_have_the_shapes_and_the_parameters_of_the_paper(side):
    (make_generator, *sizes), (make_discriminator, size) = PRESETS[side]
    generator, discriminator = (
        make(num_classes=10) for make in (make_generator, make_discriminator)
    )
    labels = jnp.zeros(2, jnp.int32)

    def play(latents):
        key = jax.random.key(0)
        images, made = generator.init_with_output(key, latents, labels, train=False)
        logits, judged = discriminator.init_with_output(key, images, labels, train=False)
        return images, logits, made, judged

    images, logits, *variables = jax.eval_shape(play, jnp.zeros((2, 128)))
    assert images.shape == (2, side, side, 3)
    assert logits.shape == (2,)
    assert [residual_networks.counted(each["params"]) for each in variables] == [*sizes, size]
    for each in variables:
        weighted, spectral = (
            {jax.tree_util.keystr(path[:-1]) for path, _ in jax.tree.leaves_with_path(tree)}
            for tree in (kernels(each["params"]), each["spectral_stats"])
        )
        assert weighted == spectral


def kernels(params):
    """Leave out what has no spectral normalisation: biases, gamma, and tables of normalisations."""
    return {
        name: kept
        for name, branch in params.items()
        if isinstance(branch, dict) and "BatchNorm" not in name
        if (kept := {"kernel": 0} if {"kernel", "embedding"} & set(branch) else kernels(branch))
    }


def test_attention_starts_closed_and_looks_at_maps_of_the_side_asked_for():
    generator = sagan.Generator(base=2, features=(8, 8, 16, 8), attention_at=(8,))
    params = jax.eval_shape(
        partial(generator.init, train=False), jax.random.key(0), jnp.zeros((2, 4))
    )["params"]
    assert params["SelfAttention_0"]["query"]["kernel"].shape == (1, 1, 16, 2)
    assert "SelfAttention_1" not in params
