"""Values and meaning of the losses that make latent codes readable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import losses

RANDOM = np.random.default_rng(0)
MEAN, LOG_DEVIATION, CODES = RANDOM.normal(size=(3, 5, 2))
LOGITS, VALUES = RANDOM.normal(size=(5, 3, 4)), RANDOM.integers(4, size=(5, 3)).astype(np.int32)


def test_float64_agrees_with_the_densities():
    deviation = np.exp(LOG_DEVIATION)
    density = np.exp(-(((CODES - MEAN) / deviation) ** 2) / 2) / deviation / np.sqrt(2 * np.pi)
    probability = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
    chosen = np.take_along_axis(probability, VALUES[..., None], -1)[..., 0]
    with jax.enable_x64(True):
        gaussian = losses.gaussian_information_loss(MEAN, LOG_DEVIATION, CODES)
        categorical = losses.categorical_information_loss(LOGITS, VALUES)
        one_code = losses.categorical_information_loss(LOGITS[:, 0], VALUES[:, 0])
    np.testing.assert_allclose(gaussian, -np.log(density).sum(1), rtol=1e-12)
    np.testing.assert_allclose(categorical, -np.log(chosen).sum(1), rtol=1e-12)
    np.testing.assert_allclose(one_code, -np.log(chosen[:, 0]), rtol=1e-12)


def test_gaussian_values_and_gradients_agree_with_pytorch():
    torch = pytest.importorskip("torch")
    mean, log_deviation = (torch.tensor(x, requires_grad=True) for x in (MEAN, LOG_DEVIATION))
    distribution = torch.distributions.Normal(mean, log_deviation.exp())
    theirs = -distribution.log_prob(torch.tensor(CODES)).sum(1)
    their_gradients = torch.autograd.grad(theirs.sum(), (mean, log_deviation))
    with jax.enable_x64(True):
        ours = losses.gaussian_information_loss(MEAN, LOG_DEVIATION, CODES)
        our_gradients = jax.grad(
            lambda *x: losses.gaussian_information_loss(*x, CODES).sum(), (0, 1)
        )(jnp.asarray(MEAN), jnp.asarray(LOG_DEVIATION))
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-12)
    for our, their in zip(our_gradients, their_gradients, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-10)


def test_values_by_hand():
    half_log_2_pi = 0.9189385
    # 1/2 (3 / e)² + 1 + 1/2 log 2π, and a standard normal at its mean.
    loss = losses.gaussian_information_loss(
        jnp.array([[0.0], [7.0]]), jnp.array([[1.0], [0.0]]), jnp.array([[3.0], [7.0]])
    )
    np.testing.assert_allclose(loss, [0.6090088 + 1 + half_log_2_pi, half_log_2_pi], rtol=1e-6)
    quarter = jnp.log(jnp.array([[1.0, 3.0]]))
    loss = losses.categorical_information_loss(quarter, jnp.array([0]))
    np.testing.assert_allclose(loss, np.log(4), rtol=1e-6)


def test_mean_loss_of_the_best_head_is_the_conditional_entropy():
    """So that entropy minus loss, the paper's bound, is the mutual information itself."""
    joint = np.array([[0.3, 0.1, 0.0625], [0.1, 0.4, 0.0375]])  # Code by sample.
    posterior = joint / joint.sum(0)
    code, sample = (x.ravel() for x in np.indices(joint.shape))
    loss = losses.categorical_information_loss(np.log(posterior.T)[sample], code.astype(np.int32))
    entropy = -(joint.sum(1) * np.log(joint.sum(1))).sum()
    mutual = (joint * np.log(joint / np.outer(joint.sum(1), joint.sum(0)))).sum()
    assert entropy - (joint.ravel() * loss).sum() == pytest.approx(mutual, abs=1e-6)


def test_gaussian_deviation_wants_to_be_the_error():
    error = jnp.array([0.5, 2.0])
    slope = jax.grad(
        lambda log_deviation: losses.gaussian_information_loss(
            jnp.zeros(2), log_deviation, error
        ).sum()
    )
    np.testing.assert_allclose(slope(jnp.log(error)), 0, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.categorical_information_loss(LOGITS, VALUES[:, 0]),
            r"codes must be integers of shape \(5, 3\), got int32 of shape \(5,\)",
        ),
        (
            lambda: losses.categorical_information_loss(LOGITS[:, 0], CODES[:, 0]),
            r"codes must be integers of shape \(5,\), got float",
        ),
        (
            lambda: losses.categorical_information_loss(LOGITS[:, 0, 0], VALUES[:, 0]),
            r"code logits must be \[B, K\] or \[B, N, K\], got \(5,\)",
        ),
        (
            lambda: losses.gaussian_information_loss(MEAN, LOG_DEVIATION, CODES[:, :1]),
            r"mean \(5, 2\) and codes \(5, 1\)",
        ),
        (
            lambda: losses.gaussian_information_loss(MEAN, LOG_DEVIATION[:1], CODES),
            r"mean \(5, 2\) and log_standard_deviation \(1, 2\)",
        ),
    ],
    ids=["codes", "float codes", "one axis", "gaussian codes", "deviation"],
)
def test_refuses_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()
