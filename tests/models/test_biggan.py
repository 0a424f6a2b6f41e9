"""BigGAN: PyTorch's word, sizes that were published, latents that enter at every block."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax import layers
from gan_jax.models import biggan
from tests import residual_networks

LABELS = jnp.array([2, 0, 2])
TINY = partial(biggan.Generator, base=2, features=(6, 8, 4), attention_at=(4,), shared_features=5)


def normal(*shape):
    return np.random.default_rng(1).normal(size=shape)


@pytest.mark.parametrize(
    ("features", "labels"), [((6, 8, 4), LABELS), ((6, 8), None)], ids=["labelled", "alone"]
)
def test_torch_says_the_same_of_the_generator(features, labels):
    restated = pytest.importorskip("tests.torch_residual")
    classes, attention_at = (0, ()) if labels is None else (3, (4,))
    theirs = partial(restated.generator, attention_at=attention_at, chunks=len(features))
    generator = TINY(features=features, num_classes=classes, attention_at=attention_at)
    restated.check(generator, theirs, normal(3, 6), labels)


def test_torch_says_the_same_of_the_discriminator():
    restated = pytest.importorskip("tests.torch_residual")
    discriminator = biggan.Discriminator((5,), halvings=1, num_classes=3)
    theirs = partial(restated.discriminator, halvings=1)
    restated.check(discriminator, theirs, normal(3, 4, 4, 3), LABELS)


def sizes(side, classes):
    """Return the numbers of parameters of both players.

    With classes the condition of a block is a part of the latents and the embedding of 128, itself
    a table; without, the part alone.
    """
    width, up, down, spare, attention = {
        32: (64, (4, 4, 4, 4), (4, 4, 4, 4), (2, 3), ()),
        64: (96, (16, 16, 8, 4, 2), (1, 2, 4, 8, 16), (), (4, 1)),
        128: (96, (16, 16, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16), (5,), (2, 1)),
        256: (96, (16, 16, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16), (6,), (4, 2)),
    }[side]
    up, down, attention = ([width * each for each in widths] for widths in (up, down, attention))
    extra = [residual_networks.attention(channels) for channels in attention] or [0, 0]
    conditions = 20 + (128 if classes else 0)
    generator = residual_networks.generator(4, up, latents=20, conditions=conditions)
    discriminator = residual_networks.discriminator([3, *down], spare=spare, classes=classes)
    return [generator + 128 * classes + extra[0], discriminator + extra[1]]


@pytest.mark.parametrize("classes", [0, 1000])
@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_presets_have_the_shapes_and_the_parameters_of_the_paper(side, classes):
    generator, discriminator = (
        getattr(biggan, f"{player}{side}")(num_classes=classes)
        for player in ("Generator", "Discriminator")
    )
    labels = (jnp.zeros(2, jnp.int32),) if classes else ()

    def play(latents):
        key = jax.random.key(0)
        images, made = generator.init_with_output(key, latents, *labels, train=False)
        logits, judged = discriminator.init_with_output(key, images, *labels, train=False)
        return images, logits, made["params"], judged["params"]

    latents = jnp.zeros((2, 20 * len(generator.features)))
    images, logits, *params = jax.eval_shape(play, latents)
    assert images.shape == (2, side, side, 3)
    assert logits.shape == (2,)
    assert [residual_networks.counted(tree) for tree in params] == sizes(side, classes)


def test_the_largest_have_as_many_parameters_as_google_counts():
    # compare_gan (github.com/google/compare_gan, architectures/resnet_biggan.py) states these for
    # 1000 classes and latents of 120 and 140.
    assert sizes(128, 1000) == [70_433_988, 87_982_370]
    generator, discriminator = sizes(256, 1000)
    # At 256 pixels its generator attends one block later, to 192 channels instead of 384, and its
    # discriminator has no shortcut where 768 channels stay 768.
    later = residual_networks.attention(192) - residual_networks.attention(384)
    assert generator + later == 82_097_604
    assert discriminator - residual_networks.conv(1, 768, 768) == 98_635_298


def test_a_part_of_the_latents_enters_at_its_block_and_no_earlier():
    generator = TINY(conv=layers.Conv)
    latents = jnp.asarray(normal(4, 6), jnp.float32)
    variables = residual_networks.variables(generator, latents)

    def blocks(latents):
        keep = lambda module, name: type(module).__name__ == "GeneratorBlock"
        _, kept = generator.apply(
            variables, latents, train=False, capture_intermediates=keep, mutable=["intermediates"]
        )
        return [kept["intermediates"][f"GeneratorBlock_{i}"]["__call__"][0] for i in (0, 1)]

    blocks = jax.jit(blocks)
    for changed, stays in ((slice(4, 6), True), (slice(2, 4), False), (slice(0, 2), False)):
        before, after = blocks(latents), blocks(latents.at[:, changed].add(1.0))
        assert np.array_equal(before[0], after[0]) == stays
        assert not np.allclose(before[1], after[1])


def test_all_weights_start_orthogonal_and_only_the_shared_embedding_is_not_spectral():
    generator = biggan.Generator(base=2, features=(8, 4), num_classes=7, shared_features=5)
    init = jax.jit(partial(generator.init, train=False))
    variables = init(jax.random.key(0), jnp.ones((3, 4)), LABELS)
    spectral = {
        jax.tree_util.keystr(path[:-1])
        for path, _ in jax.tree.leaves_with_path(variables["spectral_stats"])
    }
    kernels = {
        jax.tree_util.keystr(path[:-1]): leaf.reshape(-1, leaf.shape[-1])
        for path, leaf in jax.tree.leaves_with_path(variables["params"])
        if path[-1].key in ("kernel", "embedding")
    }
    assert set(kernels) - spectral == {"['shared']"}
    for matrix in kernels.values():
        gram = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


def test_both_players_have_the_epsilon_of_the_authors_code():
    epsilons = []

    def look(call, arguments, keywords, context):
        if context.method_name == "__call__" and hasattr(context.module, "iterations"):
            epsilons.append(context.module.epsilon)
        return call(*arguments, **keywords)

    discriminator = biggan.Discriminator((8,), halvings=1, num_classes=3)
    with nn.intercept_methods(look):
        jax.eval_shape(partial(TINY(num_classes=3).init, train=False), jax.random.key(0), jnp.ones((3, 6)), LABELS)  # fmt: skip
        jax.eval_shape(partial(discriminator.init, train=False), jax.random.key(0), jnp.ones((3, 4, 4, 1)), LABELS)  # fmt: skip
    # G: dense, 2 x (3 convolutions, 4 linear maps), 4 of attention, the last; D: 3, dense, table.
    assert epsilons == [1e-6] * (1 + 2 * 7 + 4 + 1 + 3 + 2)


def test_half_precision_gives_full_images_and_keeps_full_parameters():
    generator = TINY(num_classes=3, dtype=jnp.bfloat16)
    init = partial(generator.init_with_output, train=True)
    shapes = jax.eval_shape(init, jax.random.key(0), jnp.zeros((3, 6)), LABELS)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(shapes))


@pytest.mark.parametrize(
    ("attributes", "shape", "message"),
    [
        ({}, (3, 7), "latents have 7 components: this generator cuts them into 3 equal parts, .* a multiple of 3"),
        ({}, (3, 6, 1), r"latents must be floats \[B, D\]"),
        ({"num_classes": 3}, (3, 6), "this generator has 3 classes and was given no labels"),
        ({"attention_at": (16,)}, (3, 6), r"attention_at has 16: maps have sides of \[4, 8\]"),
    ],
)  # fmt: skip
def test_bad_input_is_named(attributes, shape, message):
    init = partial(TINY(**attributes).init, train=False)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(init, jax.random.key(0), jnp.zeros(shape))
