"""Where latents come from."""

import jax
import numpy as np
import pytest
from scipy import stats

from gan_jax import train


def draw(prior, number=20_000):
    return np.asarray(jax.vmap(prior)(jax.random.split(jax.random.key(0), number)))


def test_priors_have_their_distributions():
    for prior, distribution in (
        (train.normal_prior(2), stats.norm()),
        (train.uniform_prior(2), stats.uniform(-1, 2)),
        (train.truncated_normal_prior(2, 0.5), stats.truncnorm(-0.5, 0.5)),
    ):
        latents = draw(prior)
        assert latents.shape == (20_000, 2)
        assert stats.kstest(latents.ravel(), distribution.cdf).pvalue > 1e-3
        assert abs(np.corrcoef(latents.T)[0, 1]) < 0.03


def test_signs_are_fair_and_independent():
    latents = draw(train.sign_prior(2))
    assert set(np.unique(latents)) == {-1.0, 1.0}
    assert latents.dtype == np.float32
    quarters = [np.mean((latents == corner).all(axis=1)) for corner in np.array([[1, 1], [1, -1]])]
    assert np.allclose(quarters, 0.25, atol=0.015)


def test_joined_priors_are_independent_parts():
    prior = train.join_priors(train.normal_prior(1), train.sign_prior(2), train.normal_prior(1))
    latents = draw(prior)
    assert latents.shape == (20_000, 4)
    assert set(np.unique(latents[:, 1:3])) == {-1.0, 1.0}
    assert np.allclose(np.corrcoef(latents.T), np.eye(4), atol=0.03)


def test_truncation_is_what_redrawing_gives():
    normal = draw(train.normal_prior(1)).ravel()
    redrawn = normal[np.abs(normal) <= 0.7]
    truncated = draw(train.truncated_normal_prior(1, 0.7)).ravel()
    assert stats.ks_2samp(redrawn, truncated).pvalue > 1e-3
    assert np.abs(truncated).max() <= 0.7


def test_a_threshold_may_be_traced_and_must_be_above_zero():
    def extreme(threshold):
        return np.abs(draw(train.truncated_normal_prior(3, threshold), 100)).max()

    key = jax.random.key(1)
    largest = jax.vmap(lambda t: abs(train.truncated_normal_prior(50, t)(key)).max())
    assert (np.asarray(largest(np.array([0.1, 1.0], np.float32))) <= [0.1, 1.0]).all()
    assert extreme(2.0) > 1
    with pytest.raises(ValueError, match="threshold is 0"):
        train.truncated_normal_prior(3, 0)


def test_styles_are_pulled_towards_their_mean():
    styles, mean = np.array([[2.0, 0.0], [4.0, 2.0]]), np.array([3.0, 1.0])
    np.testing.assert_array_equal(train.truncate(styles, mean, 1.0), styles)
    np.testing.assert_array_equal(train.truncate(styles, mean, 0.0), np.stack([mean, mean]))
    np.testing.assert_array_equal(train.truncate(styles, mean, 0.5), [[2.5, 0.5], [3.5, 1.5]])


def test_keys_of_examples_are_those_of_the_global_batch(key):
    whole = train.example_keys(key, 6)
    parts = jax.vmap(lambda _: train.example_keys(key, 2, axis_name="batch"), axis_name="batch")(
        np.zeros(3)
    )
    data = jax.random.key_data
    np.testing.assert_array_equal(data(parts).reshape(6, -1), data(whole))
