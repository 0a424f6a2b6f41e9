from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from gan_jax import layers
from gan_jax.typing import SPECTRAL_STATS

IMAGES = (2, 4, 4, 3)
# (spectral, plain, arguments, keywords, input, axis of the kernel that comes out)
LAYERS = {
    "dense": (layers.SpectralDense, nn.Dense, (5,), {}, (2, 3), -1),
    "embed": (layers.SpectralEmbed, nn.Embed, (6, 3), {}, None, -1),
    "conv": (layers.SpectralConv, layers.Conv, (5, (3, 3)), {}, IMAGES, -1),
    "transposed": (layers.SpectralConvTranspose, layers.ConvTranspose, (5, (4, 4)), {"strides": (2, 2)}, IMAGES, -1),
    "adjoint": (layers.SpectralConvTranspose, layers.ConvTranspose, (5, (4, 4)), {"strides": (2, 2), "transpose_kernel": True}, IMAGES, -2),
}  # fmt: skip


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def example(shape, dtype=jnp.float64):
    if shape is None:
        return jnp.array([4, 0, 2])
    return jax.random.normal(jax.random.key(7), shape, dtype)


def made(name, dtype=jnp.float64):
    """Return the spectral layer, the plain one, an input and the axis of the outputs."""
    spectral, plain, arguments, keywords, shape, axis = LAYERS[name]
    modules = [kind(*arguments, **keywords, param_dtype=dtype) for kind in (spectral, plain)]
    return *modules, example(shape, dtype), axis


def weights(variables):
    params = variables["params"]
    return np.asarray(params["embedding" if "embedding" in params else "kernel"])


def as_matrix(kernel, axis):
    return np.moveaxis(kernel, axis, -1).reshape(-1, kernel.shape[axis])


def iterated(matrix, u):
    """Return v, u and sigma after one iteration."""
    v = matrix @ u / np.linalg.norm(matrix @ u)
    u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
    return v, u, v @ matrix @ u


def test_one_iteration_by_hand():
    # v = (3, 4) / 5, then u = (9, 16) / sqrt(337), then sigma = (9 * 9 + 16 * 16) / 5 / sqrt(337).
    start = jnp.array([1.0, 1.0]) / np.sqrt(2)
    sigma, u = layers.spectral_norm(jnp.diag(jnp.array([3.0, 4.0])), start)
    np.testing.assert_allclose(sigma, np.sqrt(337) / 5, rtol=1e-12)
    np.testing.assert_allclose(u, np.array([9, 16]) / np.sqrt(337), rtol=1e-12)


@pytest.mark.parametrize("iterations", [1, 3])
def test_the_function_is_its_formula(iterations):
    matrix, u = np.random.default_rng(0).normal(size=(4, 3)), np.array([0.6, 0.0, 0.8])
    sigma, moved = layers.spectral_norm(jnp.asarray(matrix), jnp.asarray(u), iterations=iterations)
    for _ in range(iterations):
        v, u, expected = iterated(matrix, u)
    np.testing.assert_allclose(sigma, expected, rtol=1e-12)
    np.testing.assert_allclose(moved, u, rtol=1e-12)
    assert sigma < np.linalg.svd(matrix)[1][0]
    start = jnp.array([0.6, 0.0, 0.8])
    gradients = jax.grad(
        lambda *both: layers.spectral_norm(*both, iterations=iterations)[0], argnums=(0, 1)
    )(jnp.asarray(matrix), start)
    np.testing.assert_allclose(gradients[0], np.outer(v, u), rtol=1e-12)
    assert not gradients[1].any()


@pytest.mark.parametrize("name", LAYERS)
def test_layers_stand_in_for_the_plain_ones(name):
    spectral, plain, x, axis = made(name)
    variables = jax.jit(spectral.init)(jax.random.key(0), x)
    expected = jax.jit(plain.init)(jax.random.key(0), x)["params"]
    assert jax.tree.structure(variables["params"]) == jax.tree.structure(expected)
    np.testing.assert_array_equal(weights(variables), weights({"params": expected}))
    assert set(variables) == {"params", SPECTRAL_STATS}
    (u,) = jax.tree.leaves(variables[SPECTRAL_STATS])
    np.testing.assert_allclose(jnp.linalg.norm(u), 1, rtol=1e-12)

    _, moved, sigma = iterated(as_matrix(weights(variables), axis), np.asarray(u))
    kernel = "embedding" if "embedding" in expected else "kernel"
    divided = {**expected, kernel: expected[kernel] / sigma}
    outputs, changed = spectral.apply(variables, x, mutable=[SPECTRAL_STATS])
    np.testing.assert_allclose(outputs, plain.apply({"params": divided}, x), rtol=1e-11)
    np.testing.assert_allclose(changed[SPECTRAL_STATS]["u"], moved, rtol=1e-11)
    # Where u does not move, the weights are the same.
    np.testing.assert_array_equal(spectral.apply(variables, x), outputs)
    np.testing.assert_array_equal(spectral.apply(variables, x, mutable=["other"])[0], outputs)


@pytest.mark.parametrize("name", LAYERS)
def test_many_steps_find_the_largest_singular_value(name):
    spectral, _, x, axis = made(name)
    variables = jax.jit(spectral.init)(jax.random.key(0), x)

    @jax.jit
    def run(stats):
        def move(stats, _):
            variables_now = {"params": variables["params"], SPECTRAL_STATS: stats}
            return spectral.apply(variables_now, x, mutable=[SPECTRAL_STATS])[1][
                SPECTRAL_STATS
            ], None

        return jax.lax.scan(move, stats, length=400)[0]

    u = np.asarray(run(variables[SPECTRAL_STATS])["u"])
    matrix = as_matrix(weights(variables), axis)
    largest = np.linalg.svd(matrix)[1][0]
    np.testing.assert_allclose(np.linalg.norm(matrix @ u), largest, rtol=1e-9)


def test_initialising_moves_nothing_and_more_iterations_are_more_steps():
    x = example((2, 3))
    variables = layers.SpectralDense(4).init(jax.random.key(0), x)
    # One move would lay u along the only row.
    row = layers.SpectralDense(4).init(jax.random.key(0), x[:, :1])
    along = row[SPECTRAL_STATS]["u"] @ row["params"]["kernel"][0]
    assert abs(along) < 0.99 * jnp.linalg.norm(row["params"]["kernel"])
    once = variables
    for _ in range(3):
        moved = layers.SpectralDense(4).apply(once, x, mutable=[SPECTRAL_STATS])[1]
        once = {**once, **moved}
    thrice = layers.SpectralDense(4, iterations=3).apply(variables, x, mutable=[SPECTRAL_STATS])[1]
    np.testing.assert_allclose(once[SPECTRAL_STATS]["u"], thrice[SPECTRAL_STATS]["u"], rtol=1e-6)
    assert not np.allclose(once[SPECTRAL_STATS]["u"], variables[SPECTRAL_STATS]["u"])


def test_the_gradient_flows_through_sigma_with_fixed_vectors():
    spectral, _, x, axis = made("conv")
    variables = spectral.init(jax.random.key(0), x)
    kernel, stats = weights(variables), variables[SPECTRAL_STATS]
    v, u, _ = iterated(as_matrix(kernel, axis), np.asarray(stats["u"]))
    plain = layers.Conv(5, (3, 3), param_dtype=jnp.float64)
    bias = variables["params"]["bias"]

    def value(layer, kernel, more):
        return jnp.sum(
            jnp.sin(layer.apply({"params": {"kernel": kernel, "bias": bias}, **more}, x))
        )

    @jax.jit
    def fixed(kernel):
        sigma = v @ kernel.reshape(-1, kernel.shape[-1]) @ u
        return value(plain, kernel / sigma, {})

    run = jax.jit(jax.grad(lambda k: value(spectral, k, {SPECTRAL_STATS: stats})))
    gradient = run(jnp.asarray(kernel))
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=kernel.shape)
        step = 1e-5 * direction
        slope = (fixed(kernel + step) - fixed(kernel - step)) / 2e-5
        np.testing.assert_allclose(np.sum(gradient * direction), slope, rtol=1e-6)


def test_torch_says_the_same():
    torch = pytest.importorskip("torch")
    x = example((4, 3))
    layer = layers.SpectralDense(5, param_dtype=jnp.float64)
    variables = layer.init(jax.random.key(0), x)
    kernel = weights(variables)
    v, u, _ = iterated(kernel, np.asarray(variables[SPECTRAL_STATS]["u"]))

    theirs = torch.nn.Linear(3, 5, dtype=torch.float64)
    theirs = torch.nn.utils.parametrizations.spectral_norm(theirs).eval()
    norm = theirs.parametrizations.weight[0]
    weight = theirs.parametrizations.weight.original
    with torch.no_grad():
        weight.copy_(torch.tensor(kernel.T))
        theirs.bias.zero_()
        norm._u.copy_(torch.tensor(u))
        norm._v.copy_(torch.tensor(v))
    outputs = theirs(torch.tensor(np.asarray(x)))
    torch.sin(outputs).sum().backward()

    def value(params):
        ours = layer.apply({**variables, "params": params}, x)
        return jnp.sum(jnp.sin(ours)), ours

    gradient, ours = jax.grad(value, has_aux=True)(variables["params"])
    np.testing.assert_allclose(ours, outputs.detach().numpy(), rtol=1e-10)
    np.testing.assert_allclose(gradient["kernel"], weight.grad.numpy().T, rtol=1e-9, atol=1e-12)


class Stack(nn.Module):
    """Dense layers made in `setup`, and one made in between."""

    def setup(self):
        self.first = layers.SpectralDense(8)
        self.embed = layers.SpectralEmbed(3, 8)
        self.last = layers.SpectralDense(4)

    def __call__(self, x, labels):
        return self.last(nn.relu(self.first(x)) + self.embed(labels))


def test_a_network_stretches_nothing():
    stack, labels = Stack(), jnp.array([0, 2])
    x, y = example((2, 6)), 3 * example((2, 6))[::-1]
    variables = jax.jit(stack.init)(jax.random.key(0), x, labels)
    move = jax.jit(partial(stack.apply, mutable=[SPECTRAL_STATS]))
    variables["params"] = jax.tree.map(lambda a: 5 * a, variables["params"])
    for _ in range(60):
        outputs, moved = move(variables, x, labels)
        variables |= moved
    stretch = jnp.linalg.norm(outputs - stack.apply(variables, y, labels), axis=1)
    assert (stretch <= 1.0001 * jnp.linalg.norm(x - y, axis=1)).all()
    assert (stretch > 0).all()
    assert {path[0].key for path, _ in jax.tree.leaves_with_path(moved[SPECTRAL_STATS])} == {"first", "embed", "last"}  # fmt: skip


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_jit_vmap_and_second_derivatives(name):
    spectral, _, x, _ = made(name)
    keys = jax.random.split(jax.random.key(0), 2)
    many = jax.jit(jax.vmap(lambda key: spectral.init(key, x)))(keys)

    def squared_slope(variables):
        slope = jax.grad(lambda x: jnp.sum(jnp.sin(spectral.apply(variables, x))))(x)
        return jnp.sum(slope**2)

    def run(variables):
        moved = spectral.apply(variables, x, mutable=[SPECTRAL_STATS])[1]
        return jax.grad(squared_slope)(variables)["params"], moved

    together = jax.jit(jax.vmap(run))(many)
    for i in range(2):
        alone = jax.jit(run)(jax.tree.map(lambda leaf, i=i: leaf[i], many))
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-9, atol=1e-12)
    assert all(leaf.any() for leaf in jax.tree.leaves(together[0]["kernel"]))


@pytest.mark.parametrize("name", ["embed", "adjoint"])
def test_half_precision_keeps_its_vector_in_full(name):
    spectral, plain, x, _ = made(name, jnp.bfloat16)
    variables = spectral.init(jax.random.key(0), x)
    assert variables[SPECTRAL_STATS]["u"].dtype == jnp.float32
    assert weights(variables).dtype == jnp.bfloat16
    outputs, moved = spectral.apply(variables, x, mutable=[SPECTRAL_STATS])
    assert outputs.dtype == plain.apply({"params": variables["params"]}, x).dtype == jnp.bfloat16
    assert moved[SPECTRAL_STATS]["u"].dtype == jnp.float32


def test_computing_in_half_precision_divides_in_full():
    x, layer = example((2, 3), jnp.float32), layers.SpectralDense(5, dtype=jnp.bfloat16)
    variables = layer.init(jax.random.key(0), x)
    outputs, _ = layer.apply(variables, x, mutable=[SPECTRAL_STATS])
    exact = layers.SpectralDense(5).apply(variables, x)
    assert outputs.dtype == jnp.bfloat16
    np.testing.assert_allclose(outputs.astype(jnp.float32), exact, atol=0.03)


def test_products_are_taken_in_full_on_every_device():
    text = str(jax.make_jaxpr(layers.spectral_norm)(jnp.ones((3, 2)), jnp.ones(2)))
    assert text.count("precision=(Precision.HIGHEST, Precision.HIGHEST)") == text.count(
        "dot_general"
    )


def test_weights_of_zero_stay_so_and_the_vector_waits():
    layer = layers.SpectralDense(2, kernel_init=nn.initializers.zeros)
    x = example((3, 4))
    variables = layer.init(jax.random.key(0), x)
    outputs, moved = layer.apply(variables, x, mutable=[SPECTRAL_STATS])
    assert not outputs.any()
    np.testing.assert_array_equal(moved[SPECTRAL_STATS]["u"], variables[SPECTRAL_STATS]["u"])
    gradient = jax.grad(lambda v: jnp.sum(layer.apply(v, x)))(variables)["params"]["kernel"]
    np.testing.assert_allclose(gradient, np.repeat(x.sum(0)[:, None], 2, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "u", "iterations", "message"),
    [
        ((3, 2), (2,), 0, "iterations is 0: it must be at least 1"),
        ((3, 2), (3,), 1, r"got \[3, 2\] and \[3\]"),
        ((3, 2, 1), (1,), 1, r"got \[3, 2, 1\]"),
    ],
)
def test_bad_input_is_named(matrix, u, iterations, message):
    with pytest.raises(ValueError, match=message):
        layers.spectral_norm(jnp.ones(matrix), jnp.ones(u), iterations=iterations)
