"""The laws and values of the loss that also judges whether an image fits its text."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from gan_jax import losses

PAIR = losses.matching_aware
REAL, FAKE = np.random.default_rng(0).normal(size=(2, 4, 2)) * 3


def test_float64_agrees_with_the_textbook_formula():
    def log_sigmoid(x):
        return np.log(1 / (1 + np.exp(-x)))

    (real_own, real_other), fake_own = REAL.T, FAKE[:, 0]
    wrong = log_sigmoid(-real_other) + log_sigmoid(-fake_own)
    with jax.enable_x64(True):
        discriminator, generator = PAIR.discriminator(REAL, FAKE), PAIR.generator(FAKE)
        check_grads(jax.jit(PAIR.discriminator), (REAL, FAKE), order=2, modes=["rev"])
        check_grads(jax.jit(PAIR.generator), (FAKE,), order=2, modes=["rev"])
    assert {discriminator.dtype, generator.dtype} == {jnp.dtype("float64")}
    np.testing.assert_allclose(discriminator, -log_sigmoid(real_own) - wrong / 2, rtol=1e-10)
    np.testing.assert_allclose(generator, -log_sigmoid(fake_own), rtol=1e-10)


def test_values_by_hand():
    undecided = jnp.zeros((3, 2))
    np.testing.assert_allclose(PAIR.discriminator(undecided, undecided), np.log(4), rtol=1e-6)
    np.testing.assert_allclose(PAIR.generator(undecided), np.log(2), rtol=1e-6)
    # softplus(-1) + 1/2 (softplus(-2) + softplus(3)) = 0.3132617 + 0.0634640 + 1.5242937
    loss = PAIR.discriminator(jnp.array([[1.0, -2.0]]), jnp.array([[3.0, 50.0]]))
    np.testing.assert_allclose(loss, 1.9010194, rtol=1e-6)


def test_gradients_pull_the_right_way_and_leave_the_mismatched_fake_alone():
    real, fake = jax.grad(lambda *x: PAIR.discriminator(*x).sum(), (0, 1))(REAL, FAKE)
    assert (real[:, 0] < 0).all()
    assert (real[:, 1] > 0).all()
    assert (fake[:, 0] > 0).all()
    np.testing.assert_array_equal(fake[:, 1], 0)
    assert (jax.grad(lambda x: PAIR.generator(x).sum())(FAKE)[:, 0] < 0).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_extreme_logits_are_finite_in_float32(dtype):
    extreme = jnp.array([[1e4, 1e4], [1e4, -1e4], [-1e4, 1e4], [-1e4, -1e4]], dtype)
    for function in (PAIR.discriminator, lambda real, fake: PAIR.generator(fake, real)):
        loss, pull_back = jax.vjp(function, extreme, extreme[::-1])
        assert (loss.shape, loss.dtype) == ((4,), jnp.float32)
        assert jnp.isfinite(loss).all()
        assert all(jnp.isfinite(gradient).all() for gradient in pull_back(jnp.ones(4)))


def test_jit_and_vmap_are_eager():
    jitted = jax.jit(PAIR.discriminator)(REAL, FAKE)
    np.testing.assert_allclose(jitted, PAIR.discriminator(REAL, FAKE), rtol=1e-6)
    mapped = jax.vmap(PAIR.generator)(np.stack([FAKE, REAL]))
    np.testing.assert_allclose(mapped[1], PAIR.generator(REAL), rtol=1e-6)


def test_a_mismatch_is_punished_however_real_the_image():
    """An unconditional discriminator, deaf to the text, can't reach the loss of one that reads."""
    deaf = PAIR.discriminator(jnp.array([[5.0, 5.0]]), jnp.array([[-5.0, -5.0]]))
    reading = PAIR.discriminator(jnp.array([[5.0, -5.0]]), jnp.array([[-5.0, -5.0]]))
    assert (deaf > reading + 2).all()


@pytest.mark.parametrize("shape", [(4,), (2,), (4, 1), (4, 3)])
def test_refuses_logits_that_are_not_couples(shape):
    with pytest.raises(ValueError, match=r"must be \[B, 2\]") as error:
        PAIR.discriminator(jnp.zeros(shape), jnp.zeros(shape))
    assert str(shape) in str(error.value)
    with pytest.raises(ValueError, match=r"must be \[B, 2\]"):
        PAIR.generator(jnp.zeros(shape))


def test_refuses_two_shapes():
    with pytest.raises(ValueError, match=r"real \(4, 2\) and fake \(1, 2\)"):
        PAIR.discriminator(REAL, FAKE[:1])
