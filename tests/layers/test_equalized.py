from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.nn.initializers import ones

from gan_jax import layers

# (layer, input, what is summed for one output)
LAYERS = {
    "dense": (layers.EqualizedDense(5, lr_multiplier=0.1, bias_init=ones), (4, 3), 3),
    "conv": (layers.EqualizedConv(5, (3, 3), strides=(2, 2), padding="VALID", lr_multiplier=0.1, bias_init=ones), (4, 7, 7, 2), 18),
}  # fmt: skip
each_layer = pytest.mark.parametrize("name", LAYERS)


def made(name, dtype=jnp.float32):
    layer, shape, inputs = LAYERS[name]
    x = jax.random.normal(jax.random.key(1), shape, dtype)
    return layer, x, jax.jit(layer.init)(jax.random.key(0), x), inputs


@each_layer
def test_parameters_are_stored_divided_and_used_multiplied(name):
    layer, x, variables, inputs = made(name)
    np.testing.assert_allclose(variables["params"]["bias"], 10.0, rtol=1e-6)
    kernel = variables["params"]["kernel"] * 0.1 / np.sqrt(inputs)
    if name == "dense":
        expected = x @ kernel + 1
    else:
        plain = layers.Conv(5, (3, 3), strides=(2, 2), padding="VALID")
        expected = plain.apply({"params": {"kernel": kernel, "bias": jnp.ones(5)}}, x)
    np.testing.assert_allclose(layer.apply(variables, x), expected, rtol=1e-5, atol=1e-6)


def test_weights_start_normal_and_keep_the_variance():
    layer = layers.EqualizedDense(400, lr_multiplier=0.01)
    x = jax.random.normal(jax.random.key(1), (200, 300))
    variables = layer.init(jax.random.key(0), x)
    kernel = variables["params"]["kernel"]
    np.testing.assert_allclose(kernel.std(), 100, rtol=0.02)
    assert abs(kernel.mean()) < 1
    assert not variables["params"]["bias"].any()
    np.testing.assert_allclose(layer.apply(variables, x).var(), 1, rtol=0.05)


def test_a_step_of_adam_moves_every_weight_by_the_same_share_of_its_spread():
    """The first step is the rate for each parameter: `rate * m` spreads of what is multiplied."""
    optimizer = optax.adam(1e-3)
    for inputs, multiplier in ((3, 1.0), (48, 0.1)):
        layer = layers.EqualizedDense(4, use_bias=False, lr_multiplier=multiplier)
        kernel = np.random.default_rng(0).normal(size=(inputs, 4)) / multiplier
        params = {"params": {"kernel": jnp.float32(kernel)}}
        used = partial(layer.apply, inputs=jnp.eye(inputs))
        gradient = jax.jit(jax.grad(lambda params, used=used: jnp.sum(used(params))))(params)
        updates, _ = optimizer.update(gradient, optimizer.init(params))
        moved = jnp.abs(used(optax.apply_updates(params, updates)) - used(params))
        np.testing.assert_allclose(moved, 1e-3 * multiplier / np.sqrt(inputs), rtol=2e-2)


@each_layer
def test_torch_says_the_same(name):
    torch = pytest.importorskip("torch")
    with jax.enable_x64(True):
        layer, x, variables, inputs = made(name, jnp.float64)
        variables = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), variables)
        run = jax.value_and_grad(lambda p, x: jnp.sum(jnp.sin(layer.apply(p, x))), argnums=(0, 1))
        value, (gradients, by_x) = jax.jit(run)(variables, x)
    theirs = [
        torch.tensor(np.asarray(leaf), requires_grad=True)
        for leaf in (x, variables["params"]["kernel"], variables["params"]["bias"])
    ]
    images, kernel, bias = theirs
    kernel = kernel * 0.1 / inputs**0.5
    if name == "dense":
        outputs = images @ kernel + bias * 0.1
    else:
        outputs = torch.nn.functional.conv2d(
            images.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias * 0.1, stride=2
        )
    expected = torch.sin(outputs).sum()
    expected.backward()
    np.testing.assert_allclose(value, expected.item(), rtol=1e-12)
    ours = (by_x, gradients["params"]["kernel"], gradients["params"]["bias"])
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other.grad.numpy(), rtol=1e-9, atol=1e-12)


@each_layer
def test_half_precision_and_members_of_a_population(name):
    layer, x, variables, _ = made(name)
    half = layer.clone(dtype=jnp.bfloat16)
    outputs, exact = half.apply(variables, x), layer.apply(variables, x)
    assert outputs.dtype == jnp.bfloat16
    np.testing.assert_allclose(outputs.astype(jnp.float32), exact, atol=0.05)
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), variables)
    together = jax.vmap(layer.apply, (0, None))(many, x)
    np.testing.assert_allclose(together, jnp.stack([exact, 2 * exact]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, float("nan")])
def test_a_multiplier_that_is_none_is_named(multiplier):
    with pytest.raises(ValueError, match="lr_multiplier must be above 0, got"):
        layers.EqualizedDense(2, lr_multiplier=multiplier).init(jax.random.key(0), jnp.ones((1, 2)))
