"""The rectifier with slopes, against its formula and PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import layers

SLOPES = np.array([0.5, -1.0, 0.0])


def rectified(maps, slopes=SLOPES, **how):
    return layers.PReLU(**how).apply({"params": {"slopes": slopes}}, maps)


def test_values_by_hand():
    maps = jnp.array([[2.0, 2.0, 2.0], [-2.0, -2.0, -2.0], [0.0, 0.0, 0.0]])
    expected = [[2, 2, 2], [-1, 2, 0], [0, 0, 0]]
    np.testing.assert_array_equal(rectified(maps, SLOPES.astype(np.float32)), expected)


def test_slopes_start_at_a_quarter_one_for_each_channel():
    params = layers.PReLU().init(jax.random.key(0), jnp.zeros((2, 4, 5, 3)))["params"]
    assert params["slopes"].dtype == jnp.float32
    np.testing.assert_array_equal(params["slopes"], [0.25] * 3)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5, 3)])
def test_torch_says_the_same(shape):
    torch = pytest.importorskip("torch")
    maps = np.random.default_rng(0).normal(size=shape)
    with jax.enable_x64(True):
        value = lambda slopes, x: jnp.sum(jnp.sin(rectified(x, slopes)))
        run = jax.jit(
            lambda *given: (rectified(given[1], given[0]), jax.grad(value, (0, 1))(*given))
        )
        outputs, gradients = run(SLOPES, maps)
    assert outputs.dtype == np.float64
    slopes, inputs = (torch.tensor(x, requires_grad=True) for x in (SLOPES, maps))
    theirs = torch.nn.functional.prelu(inputs.reshape(-1, 3), slopes)
    torch.sin(theirs).sum().backward()
    np.testing.assert_allclose(outputs.reshape(-1, 3), theirs.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradients[0], slopes.grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(gradients[1], inputs.grad.numpy(), rtol=1e-12)


def test_the_dtype_is_that_asked_for_or_the_wider():
    half = jnp.ones((2, 3), jnp.bfloat16)
    slopes = SLOPES.astype(np.float32)
    assert rectified(half, slopes).dtype == jnp.float32
    assert rectified(half, slopes, dtype=jnp.bfloat16).dtype == jnp.bfloat16


@pytest.mark.parametrize("maps", [np.ones((2, 3), np.int32), np.float32(1)])
def test_maps_it_cannot_take_are_named(maps):
    with pytest.raises(ValueError, match=r"maps must be floats \[..., C\], got"):
        layers.PReLU().init(jax.random.key(0), jnp.asarray(maps))
