"""Gradient penalties of a convolutional critic agree with PyTorch's double backward."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.penalties.cases import GRADIENT, OF_NORM, each, keys, points, samples

torch = pytest.importorskip("torch")
IMAGES = (4, 6, 6, 2)


def _parameters():
    random = np.random.default_rng(2)
    shapes = {"first": (3, 3, 2, 4), "second": (3, 3, 4, 3), "bias": (4,), "output": (12,)}
    return {name: random.normal(size=shape) / 2 for name, shape in shapes.items()}


def _critic(parameters, images):
    convolution = partial(
        jax.lax.conv_general_dilated, dimension_numbers=("NHWC", "HWIO", "NHWC"), padding="SAME"
    )
    bias = jnp.broadcast_to(parameters["bias"], (*images.shape[:3], 4))
    hidden = convolution(images, parameters["first"], window_strides=(1, 1)) + bias
    hidden = convolution(jax.nn.softplus(hidden), parameters["second"], window_strides=(3, 3))
    hidden = jax.nn.leaky_relu(hidden, 0.2)
    return hidden.reshape(len(images), -1) @ parameters["output"]


def _torch_critic(parameters, images):
    first, second = (parameters[name].permute(3, 2, 0, 1) for name in ("first", "second"))
    functional = torch.nn.functional
    hidden = functional.conv2d(images.permute(0, 3, 1, 2), first, parameters["bias"], padding=1)
    # "SAME" with stride 3 on 6 pixels takes windows without padding.
    hidden = functional.conv2d(functional.softplus(hidden), second, stride=3)
    hidden = functional.leaky_relu(hidden, 0.2).permute(0, 2, 3, 1)
    return hidden.reshape(len(images), -1) @ parameters["output"]


def test_the_two_critics_are_one():
    images, _ = samples(*IMAGES, dtype=np.float64)
    with jax.enable_x64(True):
        ours = jax.jit(_critic)(_parameters(), images)
    theirs = _torch_critic(jax.tree.map(torch.tensor, _parameters()), torch.tensor(images))
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10)


@pytest.fixture(scope="module")
def ours():
    """Return our values and gradients, and the points they belong to, by name."""
    real, fake = samples(*IMAGES, dtype=np.float64)

    @jax.jit
    def values_and_gradients(parameters):
        def value_and_gradient(name):
            def value(parameters):
                critic = partial(_critic, parameters)
                values = GRADIENT[name](critic=critic, real=real, fake=fake, keys=keys(4))
                return values.mean(), values

            return jax.value_and_grad(value, has_aux=True)(parameters)

        return each(value_and_gradient, GRADIENT)

    with jax.enable_x64(True):
        return values_and_gradients(_parameters()), points(GRADIENT, real, fake)


@pytest.mark.parametrize("name", GRADIENT)
def test_values_and_gradients_of_all_parameters_agree(name, ours):
    results, where = ours
    (_, our_values), our_gradients = results[name]
    theirs = {k: torch.tensor(v, requires_grad=True) for k, v in _parameters().items()}
    images = torch.tensor(where[name], requires_grad=True)
    logits = _torch_critic(theirs, images)
    (slopes,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
    values = OF_NORM[name](slopes.flatten(1).norm(dim=1))
    gradients = torch.autograd.grad(values.mean(), list(theirs.values()))

    assert values.abs().max() > 1e-2
    np.testing.assert_allclose(our_values, values.detach().numpy(), rtol=1e-7)
    for parameter, gradient in zip(theirs, gradients, strict=True):
        np.testing.assert_allclose(our_gradients[parameter], gradient, rtol=1e-7, atol=1e-9)
