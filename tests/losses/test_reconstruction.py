"""Values and meaning of the distances between what was made and what it should be."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

OUTPUT, TARGET = np.random.default_rng(0).normal(size=(2, 3, 4, 4, 2))


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (losses.l1_loss, abs(OUTPUT - TARGET)),
        (losses.l2_loss, (OUTPUT - TARGET) ** 2),
        (losses.charbonnier_loss, np.sqrt((OUTPUT - TARGET) ** 2 + 1e-6)),
        (losses.cycle_consistency_loss, 10 * abs(OUTPUT - TARGET)),
        (losses.identity_loss, 5 * abs(OUTPUT - TARGET)),
    ],
    ids=["l1", "l2", "charbonnier", "cycle", "identity"],
)
def test_float64_agrees_with_numpy(function, reference):
    with jax.enable_x64(True):
        np.testing.assert_allclose(function(OUTPUT, TARGET), reference, rtol=1e-12)


def test_values_by_hand():
    output, target = jnp.array([3.0, -4.0]), jnp.array([1.0, -4.0])
    np.testing.assert_array_equal(losses.l1_loss(output, target), [2, 0])
    np.testing.assert_array_equal(losses.l2_loss(output, target), [4, 0])
    loss = losses.charbonnier_loss(output, target, epsilon=1.5)
    np.testing.assert_allclose(loss, [2.5, 1.5], rtol=1e-6)
    np.testing.assert_array_equal(losses.cycle_consistency_loss(target, output, weight=3.0), [6, 0])
    np.testing.assert_array_equal(losses.identity_loss(target, output, weight=0.5), [1, 0])


def test_bytes_do_not_wrap_round():
    dark, bright = jnp.array([3], jnp.uint8), jnp.array([250], jnp.uint8)
    np.testing.assert_array_equal(losses.l1_loss(dark, bright), [247.0])


def test_charbonnier_is_smooth_at_zero_and_l1_beyond():
    slope = jax.vmap(jax.grad(losses.charbonnier_loss))
    slopes = slope(jnp.array([0.0, 1e-4, 1.0]), jnp.zeros(3))
    np.testing.assert_allclose(slopes, [0, 1e-4 / np.sqrt(1.01e-6), 1], rtol=1e-5)


def test_losses_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    output, target = torch.tensor(OUTPUT), torch.tensor(TARGET)
    with jax.enable_x64(True):
        ours = losses.l1_loss(OUTPUT, TARGET), losses.l2_loss(OUTPUT, TARGET)
    theirs = (
        functional.l1_loss(output, target, reduction="none"),
        functional.mse_loss(output, target, reduction="none"),
    )
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-12)


def test_feature_matching_is_the_squared_distance_of_the_means():
    with jax.enable_x64(True):
        loss = losses.feature_matching_loss(OUTPUT, TARGET)
    expected = ((OUTPUT.mean(0) - TARGET.mean(0)) ** 2).sum()
    np.testing.assert_allclose(loss, [expected] * 3, rtol=1e-12)


def test_feature_matching_is_0_for_other_samples_of_the_same_mean():
    real, fake = jnp.array([[1.0, 2.0], [3.0, 0.0]]), jnp.array([[2.0, 1.0], [2.0, 1.0]])
    np.testing.assert_array_equal(losses.feature_matching_loss(real, fake), 0)
    assert (losses.feature_matching_loss(real, fake + 1.0) == 2).all()


@pytest.mark.parametrize(
    "function",
    [losses.l1_loss, losses.l2_loss, losses.cycle_consistency_loss, losses.feature_matching_loss],
)
def test_shapes_that_would_broadcast_are_refused(function):
    with pytest.raises(ValueError, match="must have the same shape, got") as error:
        function(OUTPUT, TARGET[:, :1])
    assert "(3, 4, 4, 2)" in str(error.value)
    assert "(3, 1, 4, 2)" in str(error.value)


@pytest.mark.parametrize("epsilon", [0, -1e-3, float("nan")])
def test_charbonnier_refuses_an_epsilon_that_is_none(epsilon):
    with pytest.raises(ValueError, match=f"epsilon must be positive and finite, got {epsilon}"):
        losses.charbonnier_loss(OUTPUT, TARGET, epsilon=epsilon)


def test_feature_matching_needs_a_batch():
    with pytest.raises(ValueError, match=r"features must be \[B, ...\], got \[\]"):
        losses.feature_matching_loss(jnp.zeros(()), jnp.zeros(()))
