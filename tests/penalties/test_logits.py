"""LeCam: logits against running averages."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax.penalties import lecam_penalty

AVERAGES = {"real_average": 0.3, "fake_average": -0.2}


def _logits(*shape, dtype=np.float64):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype(dtype)


def _lecam(real, fake, **averages):
    return lecam_penalty(real_logits=real, fake_logits=fake, **{**AVERAGES, **averages})


def test_by_hand():
    """relu(2 + .2)² + 0 and 0 + relu(.3 + 3)²."""
    value = _lecam(jnp.array([2.0, -1.0]), jnp.array([0.5, -3.0]))
    np.testing.assert_allclose(value, [4.84, 10.89], rtol=1e-6)
    np.testing.assert_allclose(value.mean(), 7.865, rtol=1e-6)


@pytest.mark.parametrize("shape", [(7,), (3, 2, 2, 1)])
def test_reference_and_the_mean_over_patches(shape):
    real, fake = _logits(*shape)
    expected = np.maximum(real + 0.2, 0) ** 2 + np.maximum(0.3 - fake, 0) ** 2
    expected = expected.reshape(shape[0], -1).mean(axis=1)
    with jax.enable_x64(True):
        value = jax.jit(_lecam)(real, fake)
        assert value.dtype == jnp.float64
        np.testing.assert_allclose(value, expected, rtol=1e-12)
    real, fake = _logits(*shape, dtype=np.float32)
    np.testing.assert_allclose(jax.jit(_lecam)(real, fake), expected, rtol=1e-5, atol=1e-6)


def test_gradients():
    with jax.enable_x64(True):
        total = jax.jit(lambda real, fake: _lecam(real, fake).sum())
        check_grads(total, tuple(_logits(7)), order=2, modes=["rev"], rtol=1e-6)


def test_averages_are_constants_and_may_be_traced():
    real, fake = _logits(4, dtype=np.float32)

    @jax.jit
    @partial(jax.grad, argnums=(0, 1))
    def gradients(real_average, fake_average):
        return _lecam(real, fake, real_average=real_average, fake_average=fake_average).sum()

    assert gradients(0.3, -0.2) == (0, 0)


@pytest.mark.parametrize(("dtype", "extreme"), [("float32", 1e4), ("bfloat16", 1e3)])
def test_extreme_logits(dtype, extreme):
    logits = jnp.array([extreme, -extreme], dtype)
    value, gradients = jax.jit(jax.value_and_grad(lambda r, f: _lecam(r, f).sum(), (0, 1)))(
        logits, -logits
    )
    assert value.dtype == jnp.float32
    np.testing.assert_allclose(value, 2 * extreme**2, rtol=2e-2)
    assert all(jnp.isfinite(gradient).all() for gradient in gradients)


def test_vmap_is_a_loop():
    real, fake = _logits(3, 4, dtype=np.float32)
    looped = np.stack([_lecam(r, f) for r, f in zip(real, fake, strict=True)])
    np.testing.assert_allclose(jax.vmap(_lecam)(real, fake), looped, rtol=1e-6)


def test_logits_of_different_shapes_are_refused():
    message = r"^lecam_penalty needs .* same shape, got real \(3,\) and fake \(3, 1\)$"
    with pytest.raises(ValueError, match=message):
        _lecam(jnp.zeros(3), jnp.zeros((3, 1)))
