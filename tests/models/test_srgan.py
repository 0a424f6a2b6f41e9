"""SRGAN: PyTorch's word on both networks, the paper's sizes, and what they refuse."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers
from gan_jax.models import srgan
from tests.models.test_compiled import slow_patterns
from tests.residual_networks import conv, counted

INPUTS = np.random.default_rng(1).normal(size=(3, 4, 8, 2)) / 10


def torch_check(module, restated, inputs):
    """Compare a network in float64 with its restatement: outputs, and gradients of all."""
    pytest.importorskip("tests.torch_residual").check(module, restated, inputs)


def torch_conv(params, maps, stride=1):
    import torch

    kernel = params["kernel"].permute(3, 2, 0, 1)
    padding = kernel.shape[2] // 2
    return torch.nn.functional.conv2d(
        maps, kernel, params.get("bias"), stride=stride, padding=padding
    )


def torch_norm(params, index, maps):
    """Normalise by the batch, where there is such a layer."""
    import torch

    if f"BatchNorm_{index}" not in params:
        return maps
    norm = params[f"BatchNorm_{index}"]
    return torch.nn.functional.batch_norm(
        maps, None, None, norm["scale"], norm["bias"], training=True, eps=1e-5
    )


def torch_generator(params, statistics, source, *, blocks, doublings):
    """Follow the paper's figure 4, layer by layer."""
    import torch

    prelu = lambda params, maps: torch.nn.functional.prelu(maps, params["slopes"])
    maps = source.permute(0, 3, 1, 2)
    maps = first = prelu(params["PReLU_0"], torch_conv(params["Conv_0"], maps))
    for index in range(blocks):
        block = params[f"ResidualBlock_{index}"]
        hidden = torch_norm(block, 0, torch_conv(block["Conv_0"], maps))
        hidden = prelu(block["PReLU_0"], hidden)
        maps = maps + torch_norm(block, 1, torch_conv(block["Conv_1"], hidden))
    maps = first + torch_norm(params, 0, torch_conv(params["Conv_1"], maps))
    for index in range(doublings):
        maps = torch_conv(params[f"Conv_{2 + index}"], maps)
        # From places before channels to channels before places, as PyTorch has them.
        maps = maps.unflatten(1, (4, -1)).transpose(1, 2).flatten(1, 2)
        maps = torch.nn.functional.pixel_shuffle(maps, 2)
        maps = prelu(params[f"PReLU_{1 + index}"], maps)
    pixels = torch_conv(params[f"Conv_{2 + doublings}"], maps)
    return torch.tanh(pixels).permute(0, 2, 3, 1)


@pytest.mark.parametrize(
    ("blocks", "factor", "norm"), [(2, 4, layers.batch_norm), (1, 2, layers.no_norm)]
)
def test_torch_says_the_same_of_the_generator(blocks, factor, norm):
    generator = srgan.Generator(factor, features=4, blocks=blocks, norm=norm)
    theirs = partial(torch_generator, blocks=blocks, doublings=factor // 2)
    torch_check(generator, theirs, INPUTS[:2, :3, :2])


def torch_discriminator(params, statistics, images):
    """Two stages: without normalisation at first, halving at every second convolution."""
    import torch

    leaky_relu = partial(torch.nn.functional.leaky_relu, negative_slope=0.2)
    dense = lambda params, x: x @ params["kernel"] + params["bias"]
    maps = leaky_relu(torch_conv(params["Conv_0"], images.permute(0, 3, 1, 2)))
    for index, stride in ((1, 2), (2, 1), (3, 2)):
        maps = torch_conv(params[f"Conv_{index}"], maps, stride)
        maps = leaky_relu(torch_norm(params, index - 1, maps))
    flat = maps.permute(0, 2, 3, 1).flatten(1)
    hidden = leaky_relu(dense(params["Dense_0"], flat))
    return dense(params["ProjectionHead_0"]["Dense_0"], hidden)[:, 0]


def test_torch_says_the_same_of_the_discriminator():
    torch_check(srgan.Discriminator((4, 6), hidden=5), torch_discriminator, INPUTS)


def sizes(module, *inputs):
    """Return the shape and dtype of what comes out, and the parameters, without computing."""
    run = partial(module.init_with_output, train=False)
    outputs, variables = jax.eval_shape(run, jax.random.key(0), *inputs)
    return outputs.shape, outputs.dtype, variables["params"]


def normalized(side, channels, features):
    """Count a convolution without a bias, and the scale and the bias of a normalisation."""
    return side**2 * channels * features + 2 * features


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_srresnet_has_the_papers_size(factor):
    shape, dtype, params = sizes(srgan.SRResNet(factor=factor), jnp.zeros((1, 5, 24, 3)))
    assert (shape, dtype) == ((1, 5 * factor, 24 * factor, 3), jnp.float32)
    # By the figure: a 9x9 convolution and slopes; 16 blocks of two convolutions with
    # normalisations, and slopes; one more; then per doubling a convolution to 256 channels and
    # slopes of the 64 that are left; and a 9x9 convolution.
    doublings = {2: 1, 4: 2, 8: 3}[factor]
    expected = conv(9, 3, 64) + 64
    expected += 16 * (2 * normalized(3, 64, 64) + 64) + normalized(3, 64, 64)
    expected += doublings * (conv(3, 64, 256) + 64) + conv(9, 64, 3)
    assert counted(params) == expected
    # Lim et al., 2017, https://arxiv.org/abs/1707.02921, count 1.5 million.
    assert factor != 4 or expected == 1_548_547


def test_the_discriminator_has_the_papers_size():
    shape, dtype, params = sizes(srgan.Discriminator96(), jnp.zeros((2, 96, 96, 3)))
    assert (shape, dtype) == ((2,), jnp.float32)
    # 3 to 64 channels with a bias, seven convolutions with a normalisation, and dense layers from
    # 6 x 6 pixels of 512 channels to 1024 and to 1.
    widths = (64, 64, 128, 128, 256, 256, 512, 512)
    expected = conv(3, 3, 64) + sum(map(partial(normalized, 3), widths, widths[1:]))
    expected += (6 * 6 * 512 + 1) * 1024 + 1024 + 1
    assert counted(params) == expected == 23_563_649


@pytest.mark.parametrize(
    ("make", "side", "channels"),
    [(srgan.Discriminator28, 28, 1), (srgan.Discriminator32, 32, 3)],
)
def test_small_networks_fit_each_other(make, side, channels):
    source = jnp.zeros((2, side // 4, side // 4, channels), jnp.bfloat16)
    shape, dtype, params = sizes(srgan.SmallSRResNet(dtype=jnp.bfloat16), source)
    assert (shape, dtype) == ((2, side, side, channels), jnp.float32)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert sizes(make(dtype=jnp.bfloat16), jnp.zeros(shape))[:2] == ((2,), jnp.float32)
    labelled = sizes(make(num_classes=10), jnp.zeros(shape), jnp.zeros(2, jnp.int32))
    assert "projection" in labelled[2]["ProjectionHead_0"]


def test_convolutions_have_a_bias_where_nothing_would_cancel_it():
    source, images = jnp.zeros((1, 4, 4, 1)), jnp.zeros((1, 8, 8, 1))
    for make, inputs in (
        (partial(srgan.Generator, 2, 4, 1), source),
        (partial(srgan.Discriminator, (4, 6), 5), images),
    ):
        with_norm, without = (
            sizes(make(norm=norm), inputs)[2] for norm in (layers.batch_norm, layers.no_norm)
        )
        assert biased(with_norm) < biased(without)
        assert biased(without) == kernels(without) == kernels(with_norm)


def biased(params):
    """Return which layers with a kernel have a bias."""
    paths = {jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(params)}
    return {path for path in kernels(params) if path.replace("kernel", "bias") in paths}


def kernels(params):
    paths = {jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(params)}
    return {path for path in paths if path.endswith("['kernel']")}


@pytest.fixture(scope="module")
def started():
    """Return a generator and what it starts with."""
    generator = srgan.Generator(2, 16, 1)
    init = jax.jit(partial(generator.init, train=False))
    return generator, init(jax.random.key(0), jnp.zeros((1, 4, 8, 2)))


def test_networks_start_as_they_should(started):
    params = started[1]["params"]
    spread = float(params["ResidualBlock_0"]["Conv_0"]["kernel"].std())
    assert 0.0185 < spread < 0.0215
    assert not params["Conv_0"]["bias"].any()
    np.testing.assert_array_equal(params["PReLU_1"]["slopes"], [0.25] * 16)


def test_two_devices_normalise_as_one(started):
    generator, variables = started
    source = jnp.asarray(INPUTS[[0, 1, 2, 0]], jnp.float32)

    def run(source, axis_name=None):
        return generator.apply(
            variables, source, train=True, axis_name=axis_name, mutable=["batch_stats"]
        )

    images, moved = jax.jit(run)(source)
    halves = source.reshape(2, 2, *source.shape[1:])
    on_two = jax.jit(jax.vmap(partial(run, axis_name="devices"), axis_name="devices"))
    parts, moved_there = on_two(halves)
    np.testing.assert_allclose(parts.reshape(images.shape), images, rtol=1e-4, atol=1e-6)
    for one, two in zip(jax.tree.leaves(moved), jax.tree.leaves(moved_there), strict=True):
        np.testing.assert_allclose(two, np.stack([one, one]), rtol=1e-4, atol=1e-7)


def test_gradients_of_both_players_hold_no_slow_convolution():
    generator = srgan.Generator(2, features=16, blocks=1)
    discriminator = srgan.Discriminator((16, 32), hidden=8)
    # Of sources with fewer pixels than the 9x9 kernel has taps, XLA exchanges the two.
    source, real = jnp.zeros((8, 12, 12, 1)), jnp.zeros((8, 24, 24, 1))
    shapes = [
        jax.eval_shape(partial(network.init, train=False), jax.random.key(0), images)
        for network, images in ((generator, source), (discriminator, real))
    ]

    def play(params, statistics, source, real):
        variables = [{"params": p, **s} for p, s in zip(params, statistics, strict=True)]
        how = {"train": True, "mutable": ["batch_stats"]}
        fake, _ = generator.apply(variables[0], source, **how)
        logits, _ = discriminator.apply(variables[1], fake, **how)
        return jnp.mean(jax.nn.softplus(logits)) + jnp.mean((fake - real) ** 2)

    params = [each["params"] for each in shapes]
    statistics = [{"batch_stats": each["batch_stats"]} for each in shapes]
    text = jax.jit(jax.grad(play)).lower(params, statistics, source, real).compile().as_text()
    assert " convolution(" in text
    assert slow_patterns(text) == []


@pytest.mark.parametrize("factor", [0, 1, 3, 6, -2, 4.0, True])
def test_factors_that_are_no_power_of_two_are_named(factor):
    with pytest.raises(ValueError, match=f"factor is {factor}: it must be 2, 4, 8 or another"):
        sizes(srgan.Generator(factor, 4, 1), jnp.zeros((1, 4, 4, 1)))


def test_images_of_a_size_that_cannot_be_halved_are_named():
    with pytest.raises(ValueError, match=r"images of 28 x 32 can't be halved 4 times.* of 16\b"):
        sizes(srgan.Discriminator(), jnp.zeros((1, 28, 32, 1)))


@pytest.mark.parametrize("module", [srgan.Generator(2, 4, 1), srgan.Discriminator((4,), 4)])
@pytest.mark.parametrize("images", [jnp.zeros((2, 4, 4, 1), jnp.uint8), jnp.zeros((4, 4, 1))])
def test_what_is_no_images_is_named(module, images):
    with pytest.raises(ValueError, match=r"images must be floats \[B, H, W, C\]"):
        sizes(module, images)
