"""Moments of batches are the moments of all, in whatever order they come together."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import finish_moments, merge_moments, moments, no_moments, update_moments

_FEATURES = np.random.default_rng(0).normal(size=(57, 4)) * [1, 2, 3, 4] + [0, 0, 5, -9]


def _moments_of(parts):
    return functools.reduce(update_moments, parts, no_moments(4))


def _assert_all(running):
    assert running.num_samples == 57
    mean, covariance = finish_moments(running)
    np.testing.assert_allclose(mean, _FEATURES.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(_FEATURES.T), rtol=1e-12)


@pytest.mark.parametrize("ends", [[], [1], [0, 20, 20, 57], list(range(1, 57))])
def test_batches_of_any_sizes(ends):
    _assert_all(_moments_of(np.split(_FEATURES, ends)))


def test_merging_is_of_any_order():
    a, b, c = (_moments_of([part]) for part in np.split(_FEATURES, [9, 30]))
    _assert_all(merge_moments(merge_moments(a, b), c))
    _assert_all(merge_moments(c, merge_moments(b, a)))
    _assert_all(merge_moments(no_moments(4), merge_moments(a, merge_moments(b, c))))


def test_two_points():
    # Mean 2; each is 1 from it: a scatter of 2, over 2 - 1.
    running = merge_moments(*(update_moments(no_moments(1), [[x]]) for x in (1.0, 3.0)))
    assert finish_moments(running) == (2.0, 2.0)


def test_digits_are_kept_far_from_0():
    batches = np.split(_FEATURES + 1e8, 3)
    _, covariance = finish_moments(_moments_of(batches))
    np.testing.assert_allclose(covariance, np.cov(_FEATURES.T), rtol=1e-6)


def test_half_precision_is_summed_in_double():
    batch = jnp.full((3, 2), 1 / 3, jnp.bfloat16)
    running = update_moments(no_moments(2), batch)
    assert running.mean.dtype == running.scatter.dtype == np.float64
    assert (running.scatter == 0).all()
    assert running.mean[0] == float(batch[0, 0])


def test_nothing_carried_is_written_over():
    running = update_moments(no_moments(4), _FEATURES[:5])
    before = running.scatter.copy()
    update_moments(running, _FEATURES[5:])
    assert (running.scatter == before).all()
    whole = moments(_FEATURES)
    np.testing.assert_array_equal(whole[1], moments(_FEATURES)[1])


def test_too_many_dimensions_are_refused_before_a_covariance_is_made():
    features = np.zeros((2, 256 * 256 * 3), np.float32)
    with pytest.raises(ValueError, match=r"196,608 dimensions.*at most 20,000; kernel_distance"):
        moments(features)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_samples_are_refused(count):
    running = _moments_of([_FEATURES[:count]])
    with pytest.raises(ValueError, match=f"at least 2 samples, not {count}"):
        finish_moments(running)


def test_other_dimensions_are_refused():
    with pytest.raises(ValueError, match="features of 4 and of 3 dimensions"):
        update_moments(no_moments(4), np.zeros((0, 3)))


def test_batches_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="features hold NaN or infinity"):
        update_moments(no_moments(1), [[np.inf]])
