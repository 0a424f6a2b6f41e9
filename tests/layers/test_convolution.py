import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen as nn
from jax.sharding import AxisType, PartitionSpec
from jax.test_util import check_grads

from gan_jax import layers
from tests import games

# (kernel, strides, padding, image, channels, features): each way a CPU computes is met, and edges.
SHAPES = {
    "dcgan": ((4, 4), (2, 2), "SAME", (8, 8), 5, 3),
    "odd kernel": ((5, 5), (2, 2), "SAME", (7, 6), 3, 4),
    "torch padding": ((4, 4), (2, 2), ((1, 1), (1, 1)), (8, 6), 2, 33),
    "resnet": ((3, 3), (1, 1), "SAME", (5, 6), 4, 4),
    "to one": ((3, 3), (1, 1), "SAME", (6, 5), 12, 1),
    "from one": ((3, 3), (1, 1), "VALID", (6, 5), 1, 12),
    "pointwise": ((1, 1), (1, 1), "SAME", (4, 3), 3, 5),
    "strided pointwise": ((1, 1), (2, 2), "SAME", (5, 4), 3, 5),
    "kernel below stride": ((2, 2), (3, 3), "VALID", (8, 8), 2, 3),
    "uneven": ((2, 3), (1, 2), ((1, 2), (0, 1)), (6, 7), 3, 2),
    "remainder": ((3, 3), (2, 2), "VALID", (8, 7), 2, 2),
    "kernel above the image": ((9, 9), (1, 1), "SAME", (7, 6), 2, 3),
    "innermost of a U-Net": ((4, 4), (2, 2), ((1, 1), (1, 1)), (2, 2), 3, 5),
}
PAIRS = {
    "conv": (nn.Conv, layers.Conv, {}),
    "transposed": (nn.ConvTranspose, layers.ConvTranspose, {}),
    "adjoint": (nn.ConvTranspose, layers.ConvTranspose, {"transpose_kernel": True}),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def inputs(size, channels, batch=2):
    return jax.random.normal(jax.random.key(1), (batch, *size, channels), jnp.float64)


def same(a, b, tolerance=1e-11):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    assert [x.shape for x in jax.tree.leaves(a)] == [x.shape for x in jax.tree.leaves(b)]
    assert games.difference(a, b) < tolerance


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pair", PAIRS)
def test_modules_stand_in_for_flax(pair, shape):
    kernel_size, strides, padding, size, channels, features = SHAPES[shape]
    theirs, ours, more = PAIRS[pair]
    how = dict(strides=strides, padding=padding, param_dtype=jnp.float64, **more)
    modules = [module(features, kernel_size, **how) for module in (theirs, ours)]
    x = inputs(size, channels)
    params = modules[0].init(jax.random.key(0), x)
    same(params, modules[1].init(jax.random.key(0), x))

    def everything(module):
        @jax.jit
        def run(params, x):
            def value(params, x):
                return jnp.sum(jnp.sin(module.apply(params, x)))

            def second(params, x):
                by = jax.grad(value, argnums=(0, 1))(params, x)
                return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(by))

            first = jax.grad(value, argnums=(0, 1))(params, x)
            return module.apply(params, x), first, jax.grad(second, argnums=(0, 1))(params, x)

        return run

    same(*(everything(module)(params, x) for module in modules), tolerance=1e-9)


@pytest.mark.parametrize("pair", ["conv", "transposed"])
@pytest.mark.parametrize("shape", ["dcgan", "to one"])
def test_every_order_of_differentiation(pair, shape):
    kernel_size, strides, padding, size, channels, features = SHAPES[shape]
    module = PAIRS[pair][1](features, kernel_size, strides=strides, padding=padding)
    x = inputs(size, channels, batch=1)
    kernel = jax.tree.map(lambda a: a.astype(jnp.float64), module.init(jax.random.key(0), x))
    run = jax.jit(lambda params, x: jnp.sin(module.apply(params, x)))
    check_grads(run, (kernel, x), order=2, modes=("fwd", "rev"))


@pytest.mark.parametrize("mapped", [(0, 0), (0, None), (None, 0)])
@pytest.mark.parametrize("pair", ["conv", "transposed"])
def test_vmap_is_a_loop(pair, mapped):
    module = PAIRS[pair][1](3, (4, 4), strides=(2, 2))
    xs = jax.random.normal(jax.random.key(1), (3, 2, 6, 4, 2), jnp.float64)
    many = jax.vmap(lambda key: module.init(key, xs[0]))(jax.random.split(jax.random.key(0), 3))
    run = jax.jit(
        jax.value_and_grad(lambda p, x: jnp.sum(jnp.sin(module.apply(p, x))), argnums=(0, 1))
    )

    def member(tree, axis, index):
        return tree if axis is None else jax.tree.map(lambda leaf: leaf[index], tree)

    given = (many if mapped[0] == 0 else member(many, 0, 0), xs if mapped[1] == 0 else xs[0])
    together = jax.jit(jax.vmap(run, mapped))(*given)
    one_by_one = [
        run(member(given[0], mapped[0], i), member(given[1], mapped[1], i)) for i in range(3)
    ]
    same(together, jax.tree.map(lambda *leaves: jnp.stack(leaves), *one_by_one))


def test_vmap_of_vmap():
    module = layers.Conv(2, (3, 3), strides=(2, 2), use_bias=False)
    xs = jax.random.normal(jax.random.key(1), (2, 3, 1, 5, 5, 2), jnp.float64)
    kernels = jax.random.normal(jax.random.key(2), (2, 3, 3, 3, 2, 2), jnp.float64)

    def run(kernel, x):
        return module.apply({"params": {"kernel": kernel}}, x)

    together = jax.jit(jax.vmap(jax.vmap(run)))(kernels, xs)
    for i, j in itertools.product(range(2), range(3)):
        same(together[i, j], run(kernels[i, j], xs[i, j]))


@pytest.mark.parametrize("check", [False, True])
def test_shard_map_differentiates_as_with_flax(check):
    x = inputs((6, 6), 2, batch=4)
    mesh = jax.make_mesh((2,), ("batch",), axis_types=(AxisType.Auto,), devices=jax.devices()[:2])

    def gradient(module):
        params = module.init(jax.random.key(0), x)

        def of_share(params, x):
            by = jax.grad(lambda params: jnp.sum(module.apply(params, x) ** 2))(params)
            return jax.lax.pmean(by, "batch")

        specs = dict(in_specs=(PartitionSpec(), PartitionSpec("batch")), out_specs=PartitionSpec())
        return jax.jit(jax.shard_map(of_share, mesh=mesh, check_vma=check, **specs))(params, x)

    how = dict(features=3, kernel_size=(4, 4), strides=(2, 2), param_dtype=jnp.float64)
    same(gradient(layers.Conv(**how)), gradient(nn.Conv(**how)))


def test_the_three_are_one_form():
    """<y, conv(x, w)> = <x, spread(y, w)> = <w, correlate(x, y)>, whatever the chunks are."""
    from gan_jax.layers.geometry import Geometry
    from gan_jax.layers.triad import convolve, correlate, spread

    keys = jax.random.split(jax.random.key(0), 3)
    geometry = Geometry((16, 16), (4, 4), (2, 2), ((1, 1), (1, 1)))
    x = jax.random.normal(keys[0], (48, 16, 16, 3), jnp.float64)
    w = jax.random.normal(keys[1], (4, 4, 3, 5), jnp.float64)
    y = jax.random.normal(keys[2], (48, 8, 8, 5), jnp.float64)
    form = jnp.vdot(y, convolve(x, w, geometry))
    np.testing.assert_allclose(jnp.vdot(x, spread(y, w, geometry)), form, rtol=1e-12)
    np.testing.assert_allclose(jnp.vdot(w, correlate(x, y, geometry)), form, rtol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
@pytest.mark.parametrize("pair", ["conv", "transposed"])
def test_dtypes_are_kept(pair, dtype):
    theirs, ours, _ = PAIRS[pair]
    x = inputs((6, 6), 2).astype(jnp.float32)
    how = dict(strides=(2, 2), dtype=dtype)
    params = theirs(4, (4, 4), **how).init(jax.random.key(0), x)

    def run(module):
        value = lambda p: jnp.sum(module(4, (4, 4), **how).apply(p, x).astype(jnp.float32) ** 2)
        return module(4, (4, 4), **how).apply(params, x), jax.jit(jax.grad(value))(params)

    (outputs, gradient), (expected, expected_gradient) = run(ours), run(theirs)
    assert outputs.dtype == expected.dtype == dtype
    tolerance = 20 * float(jnp.finfo(dtype).eps)
    assert games.difference(outputs, expected) < tolerance * float(jnp.max(jnp.abs(expected)))
    scale = max(float(jnp.max(jnp.abs(leaf))) for leaf in jax.tree.leaves(expected_gradient))
    assert games.difference(gradient, expected_gradient) < tolerance * scale


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (dict(features=3, kernel_size=(3,)), (2, 7, 2)),
        (dict(features=3, kernel_size=(2, 2, 2), strides=(2, 2, 2)), (1, 4, 4, 4, 2)),
        (dict(features=4, kernel_size=(3, 3), kernel_dilation=2), (1, 7, 7, 2)),
        (dict(features=4, kernel_size=(3, 3), feature_group_count=2), (1, 7, 7, 2)),
        (dict(features=4, kernel_size=(3, 3), padding="CIRCULAR"), (1, 7, 7, 2)),
        (dict(features=4, kernel_size=(3, 3), padding="REFLECT"), (3, 2, 7, 7, 2)),
        (dict(features=4, kernel_size=(3, 3), strides=2), (7, 7, 2)),
    ],
)
def test_all_else_that_flax_convolves_is_convolved(module, shape):
    x = jax.random.normal(jax.random.key(1), shape, jnp.float64)
    params = nn.Conv(**module).init(jax.random.key(0), x)
    same(layers.Conv(**module).apply(params, x), nn.Conv(**module).apply(params, x))


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (dict(features=3, kernel_size=(3,), strides=(2,)), (2, 7, 2)),
        (dict(features=4, kernel_size=(3, 3), kernel_dilation=(2, 2)), (1, 5, 5, 2)),
        (dict(features=4, kernel_size=(3, 3), strides=(2, 2), use_bias=False), (3, 2, 5, 5, 2)),
        (dict(features=4, kernel_size=(3, 3), strides=(2, 2)), (5, 5, 2)),
    ],
)
def test_all_else_that_flax_transposes_is_transposed(module, shape):
    x = jax.random.normal(jax.random.key(1), shape, jnp.float64)
    params = nn.ConvTranspose(**module).init(jax.random.key(0), x)
    ours = layers.ConvTranspose(**module)
    same(ours.apply(params, x), nn.ConvTranspose(**module).apply(params, x))


def test_mistakes_are_named():
    x = inputs((6, 6), 2)
    with pytest.raises(NotImplementedError, match="circular padding: use flax"):
        layers.ConvTranspose(3, (4, 4), padding="CIRCULAR").init(jax.random.key(0), x)
    with pytest.raises(ValueError, match="images of 2 channels can't meet a kernel for 3"):
        layers.conv_general_dilated(
            x, jnp.zeros((3, 3, 3, 4)), (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
    with pytest.raises(ValueError, match="padding 'LEFT': it must be 'SAME', 'VALID' or pairs"):
        layers.conv_transpose(x, jnp.zeros((3, 3, 2, 4)), (1, 1), "LEFT")


def test_a_game_is_played_as_with_the_layers_of_flax():
    """Twenty steps of a small DCGAN, in float64 so that rounding does not grow."""
    from gan_jax import losses, penalties, train
    from gan_jax.models import dcgan

    fake = train.unconditional(train.normal_prior(5))
    batch = games.image_batch(jax.random.key(1), 8)
    batch = {**batch, "real": batch["real"].astype(jnp.float64)}

    def play(conv, conv_transpose):
        generator = dcgan.Generator(
            base=2,
            features=(8, 4),
            norm=layers.no_norm,
            conv_transpose=conv_transpose,
            dtype=jnp.float64,
        )
        discriminator = dcgan.Discriminator(
            features=(4, 8), norm=layers.no_norm, conv=conv, dtype=jnp.float64
        )
        adam = optax.adam(1e-3)
        step = train.make_train_step(
            train.discriminator_step(
                losses.non_saturating, fake, penalties=(penalties.r1_penalty,)
            ),
            train.generator_step(losses.non_saturating, fake),
        )

        @jax.jit
        def run(key):
            first, second = jax.random.split(key)
            state = train.create_state(
                key,
                train.create_player(first, generator, adam, jnp.zeros((1, 5))),
                train.create_player(second, discriminator, adam, jnp.zeros((1, 8, 8, 1))),
            )
            return jax.lax.scan(lambda state, _: step(state, batch), state, length=20)[1]

        return run(jax.random.key(0))

    ours = play(layers.Conv, layers.ConvTranspose)
    assert games.difference(ours, play(nn.Conv, nn.ConvTranspose)) < 1e-4
