"""Grouped convolution: the fast form on a CPU, the accelerators' own elsewhere."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from jax.sharding import AxisType, PartitionSpec
from jax.test_util import check_grads

from gan_jax import layers
from gan_jax.layers.geometry import Geometry
from gan_jax.layers.triad import convolve, correlate, spread
from tests import games
from tests.models.test_compiled import slow_patterns

# (kernel, strides, padding, image, channels, features, groups)
SHAPES = {
    "resnext": ((3, 3), (1, 1), "SAME", (5, 6), 8, 12, 4),
    "depth-wise": ((3, 3), (1, 1), "SAME", (4, 5), 6, 6, 6),
    "multiplied": ((4, 4), (2, 2), "VALID", (6, 6), 3, 6, 3),
    "pointwise": ((1, 1), (1, 1), "SAME", (3, 4), 6, 4, 2),
    "to one": ((3, 3), (1, 1), "SAME", (4, 4), 20, 2, 2),
    "from one": ((3, 3), (1, 1), "SAME", (4, 4), 2, 20, 2),
    "uneven": ((2, 3), (1, 2), ((1, 2), (0, 1)), (6, 7), 4, 6, 2),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def same(a, b, tolerance=1e-11):
    assert jax.tree.map(jnp.shape, a) == jax.tree.map(jnp.shape, b)
    assert games.difference(a, b) < tolerance


def three_orders(function):
    """Return what gives values, gradients, and gradients of the gradients' squares."""

    def value(*operands):
        return jnp.sum(jnp.sin(function(*operands)))

    first = jax.grad(value, argnums=(0, 1))

    def second(*operands):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(first(*operands)))

    both = jax.grad(second, argnums=(0, 1))
    return jax.jit(lambda *operands: (function(*operands), first(*operands), both(*operands)))


@pytest.mark.parametrize("shape", SHAPES)
def test_it_stands_in_for_flax_to_the_second_order(shape):
    kernel_size, strides, padding, size, channels, features, groups = SHAPES[shape]
    how = dict(strides=strides, padding=padding, feature_group_count=groups, param_dtype=jnp.float64)  # fmt: skip
    theirs, ours = (kind(features, kernel_size, **how) for kind in (nn.Conv, layers.Conv))
    x = draw((2, *size, channels))
    params = theirs.init(jax.random.key(0), x)
    same(params, ours.init(jax.random.key(0), x))
    same(three_orders(ours.apply)(params, x), three_orders(theirs.apply)(params, x), 1e-9)


def test_it_is_torchs_with_groups():
    torch = pytest.importorskip("torch")
    x, kernel = draw((2, 5, 6, 8), 1), draw((3, 3, 2, 12), 2)
    x_there = torch.tensor(np.asarray(x)).permute(0, 3, 1, 2).requires_grad_()
    kernel_there = torch.tensor(np.asarray(kernel)).permute(3, 2, 0, 1).requires_grad_()
    outputs = torch.nn.functional.conv2d(x_there, kernel_there, padding=1, groups=4)
    inputs = (x_there, kernel_there)
    first = torch.autograd.grad(torch.sin(outputs).sum(), inputs, create_graph=True)
    second = torch.autograd.grad(sum((g**2).sum() for g in first), inputs)

    def here(maps, weights):
        maps = (m.detach().permute(0, 2, 3, 1).numpy() for m in maps)
        return tuple(maps) + tuple(w.detach().permute(2, 3, 1, 0).numpy() for w in weights)

    run = partial(layers.Conv(12, (3, 3), use_bias=False, feature_group_count=4).apply)
    ours = three_orders(lambda x, kernel: run({"params": {"kernel": kernel}}, x))(x, kernel)
    same(ours[0], here([outputs], [])[0])
    same(ours[1], here(first[:1], first[1:]))
    same(ours[2], here(second[:1], second[1:]), 1e-9)


def module():
    return layers.Conv(6, (3, 3), strides=(2, 1), feature_group_count=3, param_dtype=jnp.float64)


def test_forward_and_backward_differentiation():
    x = draw((1, 4, 3, 6))
    params = module().init(jax.random.key(0), x)
    run = jax.jit(lambda params, x: jnp.sin(module().apply(params, x)))
    check_grads(run, (params, x), order=1, modes=("fwd", "rev"))


@pytest.mark.parametrize("mapped", [(0, 0), (0, None), (None, 0)])
def test_vmap_is_a_loop(mapped):
    xs = draw((3, 2, 4, 5, 6))
    many = jax.vmap(lambda key: module().init(key, xs[0]))(jax.random.split(jax.random.key(0), 3))
    value = lambda p, x: jnp.sum(jnp.sin(module().apply(p, x)))
    run = jax.jit(jax.value_and_grad(value, argnums=(0, 1)))
    member = lambda tree, i: jax.tree.map(lambda leaf: leaf[i], tree)
    given = [
        tree if axis == 0 else member(tree, 0)
        for tree, axis in zip((many, xs), mapped, strict=True)
    ]
    together = jax.jit(jax.vmap(run, mapped))(*given)
    for i in range(3):
        one = [member(t, i) if axis == 0 else t for t, axis in zip(given, mapped, strict=True)]
        same(member(together, i), run(*one))


def test_vmap_of_vmap():
    xs, kernels = draw((2, 2, 1, 4, 4, 6)), draw((2, 3, 3, 2, 6))
    run = lambda kernel, x: module().apply({"params": {"kernel": kernel, "bias": jnp.zeros(6)}}, x)
    together = jax.jit(jax.vmap(jax.vmap(run, (None, 0))))(kernels, xs)
    for i, j in np.ndindex(2, 2):
        same(together[i, j], run(kernels[i], xs[i, j]))


@pytest.mark.parametrize("check", [False, True])
def test_shard_map_differentiates_as_with_flax(check):
    x = draw((4, 5, 4, 6))
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])

    def gradient(kind):
        layer = kind(6, (3, 3), feature_group_count=3, param_dtype=jnp.float64)
        params = layer.init(jax.random.key(0), x)

        def of_share(params, x):
            by = jax.grad(lambda params: jnp.sum(layer.apply(params, x) ** 2))(params)
            return jax.lax.pmean(by, "batch")

        specs = dict(in_specs=(PartitionSpec(), PartitionSpec("batch")), out_specs=PartitionSpec())
        return jax.jit(jax.shard_map(of_share, mesh=mesh, check_vma=check, **specs))(params, x)

    same(gradient(layers.Conv), gradient(nn.Conv))


def test_the_three_are_one_form():
    """<y, conv(x, w)> = <x, spread(y, w)> = <w, correlate(x, y)>, in groups too."""
    geometry = Geometry((8, 8), (4, 4), (2, 2), ((1, 1), (1, 1)), groups=3)
    x, w, y = draw((20, 8, 8, 6), 1), draw((4, 4, 2, 9), 2), draw((20, 4, 4, 9), 3)
    form = jnp.vdot(y, convolve(x, w, geometry))
    np.testing.assert_allclose(jnp.vdot(x, spread(y, w, geometry)), form, rtol=1e-12)
    np.testing.assert_allclose(jnp.vdot(w, correlate(x, y, geometry)), form, rtol=1e-12)


def test_groups_do_not_see_each_other():
    layer = layers.Conv(8, (3, 3), feature_group_count=4)
    x = draw((1, 3, 3, 8))
    params = layer.init(jax.random.key(0), x)
    sees = jax.jacobian(lambda x: layer.apply(params, x)[0, 1, 1])(x)
    sees = np.abs(sees).sum(axis=(1, 2, 3)) > 0
    np.testing.assert_array_equal(sees, np.kron(np.eye(4), np.ones((2, 2))))


def second_order(layer, x):
    params = layer.init(jax.random.key(0), x)
    slope = jax.grad(lambda params, x: jnp.sum(jnp.tanh(layer.apply(params, x))), argnums=1)
    penalty = lambda params, x: jnp.sum(slope(params, x) ** 2)
    return jax.jit(jax.value_and_grad(penalty, argnums=(0, 1))), params


def test_a_cpu_runs_no_slow_convolution():
    x = draw((8, 6, 6, 64)).astype(jnp.float32)
    found = []
    for kind in (layers.Conv, nn.Conv):
        run, params = second_order(kind(64, (3, 3), feature_group_count=4), x)
        text = run.lower(params, x).compile().as_text()
        assert " convolution(" in text
        found.append(bool(slow_patterns(text)))
    assert found == [False, True]


def test_an_accelerator_is_given_its_own_grouped_convolution():
    x = draw((8, 6, 6, 64)).astype(jnp.float32)
    texts = []
    for kind in (layers.Conv, nn.Conv):
        run, params = second_order(kind(64, (3, 3), feature_group_count=4), x)
        lowered = run.trace(params, x).lower(lowering_platforms=("cuda",))
        texts.append(lowered.as_text())
    for text in texts:
        assert "feature_group_count = 4" in text
        assert "batch_group_count = 4" in text  # the gradient by the kernel
    assert texts[0].count("stablehlo.convolution") == texts[1].count("stablehlo.convolution")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_dtypes_are_kept(dtype):
    x = draw((2, 5, 5, 8)).astype(jnp.float32)
    how = dict(features=8, kernel_size=(3, 3), feature_group_count=2, dtype=dtype)
    params = nn.Conv(**how).init(jax.random.key(0), x)
    ours, theirs = (kind(**how).apply(params, x) for kind in (layers.Conv, nn.Conv))
    assert ours.dtype == theirs.dtype == dtype
    assert games.difference(ours, theirs) < 20 * float(jnp.finfo(dtype).eps)


def test_channels_that_do_not_fit_are_named():
    run = partial(
        layers.conv_general_dilated,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=2,
    )
    x = draw((1, 4, 4, 6))
    with pytest.raises(ValueError, match=r"images of 6 channels can't meet a kernel for 2 in 2"):
        run(x, draw((3, 3, 2, 4)))
    with pytest.raises(ValueError, match=r"can't meet a kernel for 3 in 2 group"):
        run(x, draw((3, 3, 3, 5)))
