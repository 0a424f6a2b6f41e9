"""The networks of Pix2Pix: PyTorch's word, the published sizes, bad input."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers
from gan_jax.models import pix2pix
from tests import residual_networks


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(1).normal(size=shape).astype(dtype)


def shapes(module, *inputs):
    return jax.eval_shape(partial(module.init, train=False), jax.random.key(0), *inputs)


def torch_batch_norm(maps, params, index):
    from torch.nn import functional

    scale, bias = (params[f"BatchNorm_{index}"][name] for name in ("scale", "bias"))
    return functional.batch_norm(maps, None, None, scale, bias, training=True)


def torch_instance_norm(maps, params, index):
    from torch.nn import functional

    return functional.instance_norm(maps)


def torch_conv(maps, params, stride):
    from torch.nn import functional

    kernel = params["kernel"].permute(3, 2, 0, 1).contiguous()
    return functional.conv2d(maps, kernel, params.get("bias"), stride, padding=1)


def torch_u_net(params, _, images, *, norm):
    """Nest each level in the one above it, as the authors do."""
    import torch
    from torch.nn import functional

    last = sum("ConvTranspose" in name for name in params) - 1

    def level(maps, depth):
        if depth:
            maps = functional.leaky_relu(maps, 0.2)
        inner = torch_conv(maps, params[f"Conv_{depth}"], 2)
        if 0 < depth < last:
            inner = norm(inner, params, depth - 1)
        if depth < last:
            inner = torch.cat([inner, level(inner, depth + 1)], dim=1)
        up = params[f"ConvTranspose_{last - depth}"]
        # JAX keeps the kernel of the convolution that follows zeros between the pixels.
        kernel = up["kernel"].flip(0, 1).permute(2, 3, 0, 1).contiguous()
        outer = functional.conv_transpose2d(torch.relu(inner), kernel, up.get("bias"), 2, padding=1)
        return norm(outer, params, 2 * last - 1 - depth) if depth else torch.tanh(outer)

    return level(images.permute(0, 3, 1, 2), 0).permute(0, 2, 3, 1)


def torch_patches(params, _, images, *, halvings, norm):
    from torch.nn import functional

    count = sum("Conv" in name for name in params)
    maps = images.permute(0, 3, 1, 2)
    for index in range(count - 1):
        maps = torch_conv(maps, params[f"Conv_{index}"], 2 if index < halvings else 1)
        maps = norm(maps, params, index - 1) if index else maps
        maps = functional.leaky_relu(maps, 0.2)
    return torch_conv(maps, params[f"Conv_{count - 1}"], 1)[:, 0]


NORMS = {
    "batch": (torch_batch_norm, {}),
    "instance": (torch_instance_norm, {"norm": layers.instance_norm, "use_bias": True}),
}


@pytest.mark.parametrize("norm", NORMS)
def test_torch_says_the_same_of_the_u_net(norm):
    restated = pytest.importorskip("tests.torch_residual")
    theirs, how = NORMS[norm]
    generator = pix2pix.Generator((3, 4, 5), channels=2, **how)
    restated.check(generator, partial(torch_u_net, norm=theirs), normal(2, 8, 16, 3))


@pytest.mark.parametrize("norm", NORMS)
def test_torch_says_the_same_of_the_discriminator(norm):
    restated = pytest.importorskip("tests.torch_residual")
    theirs, how = NORMS[norm]
    discriminator = pix2pix.Discriminator((3, 4, 5), halvings=2, **how)
    theirs = partial(torch_patches, halvings=2, norm=theirs)
    restated.check(discriminator, theirs, normal(2, 17, 20, 3))


def u_net_size(widths, channels=3):
    """Count kernels of 4 x 4, two numbers a channel of normalisations, and biases where none is.

    The second half begins with the smallest map; all its other maps come with one of the first.
    """
    first = itertools.pairwise((channels, *widths))
    outer = widths[-2::-1]
    second = zip((widths[-1], *(2 * width for width in outer)), (*outer, channels), strict=True)
    kernels = 16 * sum(a * b for a, b in (*first, *second))
    norms = 2 * sum(widths[1:-1]) + 2 * sum(outer)
    return kernels + norms + widths[0] + widths[-1] + channels


def patches_size(widths, channels, *, side=4, norm=2):
    """Count kernels, biases at both ends, and what a channel has of a normalisation or a bias."""
    kernels = side**2 * sum(a * b for a, b in itertools.pairwise((channels, *widths, 1)))
    return kernels + widths[0] + norm * sum(widths[1:]) + 1


EIGHT = (64, 128, 256, 512, 512, 512, 512, 512)


@pytest.mark.parametrize(
    ("make", "side", "size"),
    [
        # The authors' PyTorch code has no biases at the first and the smallest map.
        (pix2pix.Generator256, 256, 54_413_955 + 64 + 512),
        (pix2pix.Generator128, 128, u_net_size(EIGHT[:-1])),
    ],
)
def test_u_nets_have_the_published_sizes(make, side, size):
    source = jnp.zeros((1, side, side, 3))
    run = lambda: make().init_with_output(jax.random.key(0), source, train=False)
    images, variables = jax.eval_shape(run)
    assert images.shape == source.shape
    assert images.dtype == jnp.float32
    assert residual_networks.counted(variables["params"]) == size
    assert u_net_size(EIGHT) == 54_414_531


CYCLEGAN = {"norm": layers.instance_norm, "use_bias": True}


@pytest.mark.parametrize(
    ("make", "how", "channels", "side", "size"),
    [
        (pix2pix.Discriminator70, {}, 6, 30, 2_768_705),
        (pix2pix.Discriminator70, CYCLEGAN, 3, 30, 2_764_737),
        (pix2pix.Discriminator1, {}, 6, 256, patches_size((64, 128), 6, side=1)),
        (pix2pix.Discriminator16, {}, 6, 126, patches_size((64, 128), 6)),
        (pix2pix.Discriminator286, {}, 6, 6, patches_size(EIGHT[:6], 6)),
    ],
)
def test_discriminators_have_the_published_sizes(make, how, channels, side, size):
    images = jnp.zeros((2, 256, 256, channels))
    run = lambda: make(**how).init_with_output(jax.random.key(0), images, train=False)
    logits, variables = jax.eval_shape(run)
    assert logits.shape == (2, side, side)
    assert logits.dtype == jnp.float32
    assert residual_networks.counted(variables["params"]) == size
    assert patches_size(EIGHT[:4], 6) == 2_768_705
    assert patches_size(EIGHT[:4], 3, norm=1) == 2_764_737


@pytest.mark.parametrize(
    ("make", "layer_count", "field", "side"),
    [
        (pix2pix.Discriminator1, 2, 1, 4),
        (pix2pix.Discriminator16, 2, 16, 24),
        (pix2pix.Discriminator70, 4, 70, 96),
        (pix2pix.Discriminator286, 6, 286, 352),
    ],
)
def test_a_logit_sees_a_square_of_the_side_in_the_name(make, layer_count, field, side):
    discriminator = make(features=(2,) * layer_count, norm=layers.no_norm)
    images = normal(1, side, side, 1, dtype=np.float32)
    variables = residual_networks.variables(discriminator, images)

    def middle(images):
        logits = discriminator.apply(variables, images, train=False)
        return logits[0, logits.shape[1] // 2, logits.shape[2] // 2]

    seen = np.asarray(jax.jit(jax.grad(middle))(images))[0, :, :, 0] != 0
    assert seen.any(axis=0).sum() == seen.any(axis=1).sum() == field
    assert seen.sum() == field**2


@pytest.mark.parametrize(
    ("module", "side"),
    [(pix2pix.Generator((16, 32, 64)), 8), (pix2pix.Discriminator((16, 32, 64), 1), 8)],
)
def test_weights_start_as_published(module, side):
    # A generator of random bits that compiles faster.
    key, init = jax.random.key(1, impl="rbg"), jax.jit(partial(module.init, train=False))
    params = init(key, jnp.zeros((1, side, side, 3)))["params"]
    for path, leaf in jax.tree.leaves_with_path(params):
        if path[-1].key == "kernel" and leaf.size > 4000:
            assert abs(float(leaf.mean())) < 0.002
            assert 0.0185 < float(leaf.std()) < 0.0215
        elif path[-1].key == "scale":
            assert abs(float(leaf.mean()) - 1) < 0.02
            assert 0.01 < float(leaf.std()) < 0.03
        elif path[-1].key == "bias":
            assert not leaf.any()


SMALL = {
    "generator": (partial(pix2pix.Generator, (6, 6)), (2, 8, 8, 3)),
    "discriminator": (partial(pix2pix.Discriminator, (6, 6), 1), (2, 16, 16, 3)),
}


@pytest.mark.parametrize("name", SMALL)
def test_half_precision_within_and_float32_outside(name):
    make, shape = SMALL[name]
    inputs = normal(*shape, dtype=np.float32)
    half, full = make(dtype=jnp.bfloat16), make()
    variables = residual_networks.variables(half, inputs)
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes(half, inputs))} == {jnp.dtype("f4")}
    run = partial(half.apply, train=True, capture_intermediates=True, mutable=["batch_stats"])
    outputs, state = jax.jit(run)(variables, inputs)
    run = partial(full.apply, train=True, mutable=["batch_stats"])
    expected = jax.jit(run)(variables, inputs)[0]
    assert outputs.dtype == expected.dtype == jnp.float32
    assert 0 < jnp.abs(outputs - expected).mean() < 0.1 * expected.std()
    within = {k: v for k, v in state["intermediates"].items() if k != "__call__"}
    assert len(within) > 3
    assert all(maps["__call__"][0].dtype == jnp.bfloat16 for maps in within.values())


@pytest.mark.parametrize(
    ("name", "how"),
    [("generator", {"conv_transpose": layers.SpectralConvTranspose}), ("discriminator", {})],
)
def test_layers_are_arguments(name, how):
    make, shape = SMALL[name]
    spectral = make(conv=layers.SpectralConv, norm=layers.no_norm, use_bias=True, **how)
    variables = shapes(spectral, jnp.zeros(shape))
    assert set(variables) == {"params", "spectral_stats"}
    assert all(set(layer) == {"kernel", "bias"} for layer in variables["params"].values())
    assert len(jax.tree.leaves(variables["spectral_stats"])) == len(variables["params"])


@pytest.mark.parametrize("features", [(4,), (4, 4)])
def test_a_u_net_may_be_shallow(features):
    images = jnp.zeros((1, 4, 8, 3))
    run = lambda: pix2pix.Generator(features).init_with_output(jax.random.key(0), images, train=True)  # fmt: skip
    assert jax.eval_shape(run)[0].shape == images.shape


@pytest.mark.parametrize(
    ("shape", "dtype", "noise", "message"),
    [
        ((2, 16, 20, 3), "f4", None, "16 x 20 can't be halved 3 times: .* multiples of 8"),
        ((2, 16, 16, 3), "u1", None, r"images must be floats \[B, H, W, C\]"),
        ((2, 16, 16), "f4", None, r"images must be floats \[B, H, W, C\]"),
        (
            (2, 16, 16, 3),
            "f4",
            jax.random.split(jax.random.key(0), 4),
            r"one key of jax.random.key per example, \[2\], got .* \[4\]",
        ),
        ((4, 16, 16, 3), "f4", jnp.zeros(4), r"one key .* per example, \[4\], got float32 \[4\]"),
    ],
)
def test_what_a_generator_cannot_take_is_named(shape, dtype, noise, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(
            lambda: pix2pix.Generator((2, 2, 2)).init_with_output(
                jax.random.key(0), jnp.zeros(shape, dtype), noise, train=True
            )
        )


@pytest.mark.parametrize(("make", "least"), [(pix2pix.Discriminator16, 6), (pix2pix.Discriminator70, 24)])  # fmt: skip
def test_an_image_too_small_for_a_logit_is_named(make, least):
    logits = lambda side: jax.eval_shape(lambda: make().init_with_output(jax.random.key(0), jnp.zeros((1, side, side + 4, 3)), train=False))[0]  # fmt: skip
    assert logits(least).shape[:2] == (1, 1)
    with pytest.raises(ValueError, match=f"{least - 1} x {least + 3} are too small .* takes {least} x {least}"):  # fmt: skip
        logits(least - 1)


def test_more_halvings_than_features_are_named():
    with pytest.raises(ValueError, match="2 features can't be made by 3 halvings"):
        shapes(pix2pix.Discriminator((2, 2), 3), jnp.zeros((1, 32, 32, 3)))
    with pytest.raises(ValueError, match="images must be floats"):
        shapes(pix2pix.Discriminator16(), jnp.zeros((1, 32, 32, 3), jnp.uint8))
