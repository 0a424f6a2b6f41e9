from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers

TAPS = (1.0, 3.0, 3.0, 1.0)
modulated_conv = jax.jit(layers.modulated_conv, static_argnames=("demodulate", "upsample_taps"))
# (size of the kernel, demodulate, taps)
CASES = {
    "same": (3, True, None),
    "undemodulated": (1, False, None),
    "up": (3, True, TAPS),
    "up lopsided": (3, False, (4.0, -1.0, 2.0, 7.0, 1.0)),
    "up by a large kernel": (5, True, TAPS),
    "up by a small filter": (3, True, (1.0, 2.0)),
}


def operands(size=3, batch=3, side=4, inputs=3, outputs=2, seed=0):
    random = np.random.default_rng(seed)
    shapes = ((batch, side, side + 1, inputs), (size, size, inputs, outputs), (batch, inputs))
    return [random.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("name", CASES)
def test_it_is_a_convolution_with_weights_of_each_example(name):
    pytest.importorskip("torch")
    from tests import torch_style

    size, demodulate, taps = CASES[name]
    arrays = operands(size)
    run = partial(layers.modulated_conv, demodulate=demodulate, upsample_taps=taps)
    with jax.enable_x64(True):
        ours = jax.jit(
            lambda *o: (run(*o), jax.grad(lambda *o: jnp.sum(run(*o) ** 3), argnums=(0, 1, 2))(*o))
        )
        value, gradients = ours(*arrays)
    theirs = [torch_style.tensors(array) for array in arrays]
    maps, kernel, scales = theirs
    expected = torch_style.modulated(
        maps.permute(0, 3, 1, 2), kernel, scales, demodulate=demodulate, taps=taps
    )
    (expected**3).sum().backward()
    assert value.shape == (3, *((8, 10) if taps else (4, 5)), 2)
    np.testing.assert_allclose(value, expected.detach().permute(0, 2, 3, 1), rtol=1e-10, atol=1e-13)
    for mine, other in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(mine, other.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("taps", [TAPS, (1.0, 2.0, 4.0, 8.0), (1.0, 1.0)])
def test_enlarging_with_a_kernel_that_does_nothing_is_upsampling(taps):
    maps = operands()[0].astype(np.float32)
    kernel = jnp.zeros((3, 3, 3, 3)).at[1, 1].set(jnp.eye(3))
    outputs = modulated_conv(maps, kernel, jnp.ones((3, 3)), demodulate=False, upsample_taps=taps)
    np.testing.assert_allclose(outputs, layers.upsample(maps, taps), rtol=1e-5, atol=1e-6)


def test_demodulated_maps_have_unit_variance_whatever_the_scales():
    random = np.random.default_rng(0)
    maps = random.normal(size=(4, 34, 34, 24))
    scales = np.exp(2 * random.normal(size=(4, 24)))
    kernel = 5 * random.normal(size=(3, 3, 24, 16))
    outputs = np.asarray(modulated_conv(*map(jnp.float32, (maps, kernel, scales))))
    inside = outputs[:, 1:-1, 1:-1]
    np.testing.assert_allclose(inside.var(axis=(1, 2)), 1, atol=0.25)
    np.testing.assert_allclose(inside.var(), 1, atol=0.03)
    # What the scales and the kernel are multiplied by goes out again.
    larger = modulated_conv(*map(jnp.float32, (maps, 3 * kernel, 7 * scales)))
    np.testing.assert_allclose(larger, outputs, rtol=1e-4, atol=1e-4)


def test_scales_start_at_one_and_follow_the_style():
    layer = layers.ModulatedConv(4)
    maps = jnp.asarray(operands()[0], jnp.float32)
    variables = jax.jit(layer.init)(jax.random.key(0), maps, jnp.zeros((3, 5)))
    params = variables["params"]
    assert params["kernel"].shape == (3, 3, 3, 4)
    kernel = params["kernel"] / np.sqrt(27)
    run = jax.jit(layer.apply)
    at_zero = run(variables, maps, jnp.zeros((3, 5)))
    expected = modulated_conv(maps, kernel, jnp.ones((3, 3)))
    np.testing.assert_allclose(at_zero, expected, rtol=1e-5, atol=1e-6)
    styles = jax.random.normal(jax.random.key(1), (3, 5))
    scales = styles @ params["affine"]["kernel"] / np.sqrt(5) + 1
    expected = modulated_conv(maps, kernel, scales)
    np.testing.assert_allclose(run(variables, maps, styles), expected, rtol=1e-5, atol=1e-6)


def test_an_example_sees_its_own_style_alone():
    layer = layers.ModulatedConv(2, upsample_taps=TAPS)
    maps, styles = jnp.asarray(operands()[0], jnp.float32), jnp.ones((3, 4))
    shapes = jax.eval_shape(layer.init, jax.random.key(0), maps, styles)
    random = np.random.default_rng(1)
    variables = jax.tree.map(lambda leaf: random.normal(size=leaf.shape), shapes)
    slopes = jax.jit(jax.grad(lambda s: layer.apply(variables, maps, s)[1].sum()))(styles)
    np.testing.assert_array_equal(slopes.any(axis=1), [False, True, False])


def test_a_penalty_on_its_gradient_has_the_gradient_torch_finds():
    torch = pytest.importorskip("torch")
    from tests import torch_style

    arrays = operands(side=2, inputs=2)
    run = partial(layers.modulated_conv, upsample_taps=TAPS)

    def penalty(maps, kernel, scales):
        slopes = jax.grad(lambda *o: jnp.sum(run(*o) ** 3), argnums=(0, 2))(maps, kernel, scales)
        return sum(jnp.sum(slope**2) for slope in slopes)

    with jax.enable_x64(True):
        gradients = jax.jit(jax.grad(penalty, argnums=(0, 1, 2)))(*arrays)
    theirs = [torch_style.tensors(array) for array in arrays]
    maps, kernel, scales = theirs
    outputs = torch_style.modulated(maps.permute(0, 3, 1, 2), kernel, scales, taps=TAPS)
    slopes = torch.autograd.grad((outputs**3).sum(), (maps, scales), create_graph=True)
    sum((slope**2).sum() for slope in slopes).backward()
    for mine, other in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(mine, other.grad, rtol=1e-8, atol=1e-10)


def test_members_of_a_population_are_apart():
    arrays = [jnp.float32(array) for array in operands(batch=2, side=2)]
    members = [jnp.stack([array, 2 + array]) for array in arrays]
    run = partial(layers.modulated_conv, upsample_taps=TAPS)
    together = jax.jit(jax.vmap(run))(*members)
    for i in range(2):
        alone = jax.jit(run)(*(member[i] for member in members))
        np.testing.assert_allclose(together[i], alone, rtol=1e-5, atol=1e-5)


def test_half_precision_demodulates_in_full():
    maps, kernel, scales = map(jnp.float32, operands(side=8, inputs=16))
    exact = modulated_conv(maps, kernel, scales)
    half = modulated_conv(maps.astype(jnp.bfloat16), kernel, scales)
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype(jnp.float32), exact, atol=0.06)
    text = str(jax.make_jaxpr(layers.modulated_conv)(maps.astype(jnp.bfloat16), kernel, scales))
    products = [line for line in text.splitlines() if "dot_general" in line]
    assert products
    assert all(":f32" in line and "HIGHEST" in text for line in products)
    layer = layers.ModulatedConv(2, dtype=jnp.bfloat16)
    start = partial(layer.init_with_output, jax.random.key(0))
    outputs, variables = jax.eval_shape(start, maps, jnp.ones((3, 4)))
    assert outputs.dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}


@pytest.mark.parametrize(
    ("maps", "kernel", "scales", "taps", "message"),
    [
        ((2, 4, 4, 3), (3, 3, 4, 2), (2, 3), None, r"got \[2, 4, 4, 3\], \[3, 3, 4, 2\]"),
        ((2, 4, 4, 3), (3, 3, 3, 2), (2, 2), None, r"and \[2, 2\]"),
        ((4, 4, 3), (3, 3, 3, 2), (4, 3), None, r"maps \[B, H, W, I\]"),
        ((2, 4, 4, 3), (2, 2, 3, 2), (2, 3), None, "a kernel of 2 x 2: its height"),
        ((2, 4, 4, 3), (3, 1, 3, 2), (2, 3), None, "a kernel of 3 x 1: its height"),
        ((2, 4, 4, 3), (5, 5, 3, 2), (2, 3), (1, 1), "a kernel of 5 x 5 takes 4 taps or more"),
    ],
)
def test_bad_input_is_named(maps, kernel, scales, taps, message):
    with pytest.raises(ValueError, match=message):
        layers.modulated_conv(*map(jnp.ones, (maps, kernel, scales)), upsample_taps=taps)


def test_integers_are_named():
    with pytest.raises(ValueError, match="takes floats"):
        layers.modulated_conv(jnp.ones((1, 4, 4, 1), int), jnp.ones((3, 3, 1, 1)), jnp.ones((1, 1)))
