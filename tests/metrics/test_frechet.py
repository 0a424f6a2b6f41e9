"""The Fréchet distance against closed forms, a reference, and what must leave it unchanged."""

import jax
import numpy as np
import pytest
import scipy.linalg

from gan_jax.metrics import frechet_distance, frechet_feature_distance, moments


def _features(seed: int, count: int = 500, dimensions: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(dimensions, dimensions))
    return rng.normal(size=(count, dimensions)) @ mixing + rng.normal(size=dimensions)


def _rotation(dimensions: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(9).normal(size=(dimensions, dimensions)))[0]


def test_moments_are_the_mean_and_the_unbiased_covariance():
    features = _features(0)
    mean, covariance = moments(features.astype(np.float32))
    assert mean.dtype == covariance.dtype == np.float64
    np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(covariance, np.cov(features.T, ddof=1), rtol=1e-4, atol=1e-5)


def test_moments_of_features_far_from_0_keep_their_digits():
    features = _features(0)
    np.testing.assert_allclose(moments(features + 1e6)[1], moments(features)[1], rtol=1e-6)


def test_moments_take_jax_arrays(key):
    features = jax.random.normal(key, (10, 3))
    assert frechet_feature_distance(features, np.asarray(features)) < 1e-12


@pytest.mark.parametrize(
    ("mean_a", "deviation_a", "mean_b", "deviation_b"),
    [(0, 1, 0, 1), (0, 1, 3, 1), (1, 2, 1, 5), (-4, 0.1, 2, 7), (0, 0, 1, 2)],
)
def test_one_dimension(mean_a, deviation_a, mean_b, deviation_b):
    distance = frechet_distance([mean_a], [[deviation_a**2]], [mean_b], [[deviation_b**2]])
    expected = (mean_a - mean_b) ** 2 + (deviation_a - deviation_b) ** 2
    assert distance == pytest.approx(expected, abs=1e-12)


def test_diagonal_covariances():
    deviations_a, deviations_b = np.array([1.0, 2.0, 0.0, 3.0]), np.array([2.0, 2.0, 1.0, 0.5])
    means = np.zeros(4), np.array([0.0, 1.0, 0.0, -2.0])
    distance = frechet_distance(
        means[0], np.diag(deviations_a**2), means[1], np.diag(deviations_b**2)
    )
    assert distance == pytest.approx(5 + np.sum((deviations_a - deviations_b) ** 2))


def test_commuting_covariances():
    axes, spectrum_a, spectrum_b = _rotation(5), np.arange(1.0, 6.0), np.array([4, 0.25, 9, 1, 0.0])
    distance = frechet_distance(
        np.zeros(5), axes * spectrum_a @ axes.T, np.zeros(5), axes * spectrum_b @ axes.T
    )
    expected = np.sum((np.sqrt(spectrum_a) - np.sqrt(spectrum_b)) ** 2)
    assert distance == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_the_matrix_square_root(seed):
    (mean_a, covariance_a), (mean_b, covariance_b) = (
        moments(_features(2 * seed)),
        moments(_features(2 * seed + 1)),
    )
    root = scipy.linalg.sqrtm(covariance_a @ covariance_b)
    expected = np.sum((mean_a - mean_b) ** 2) + np.trace(
        covariance_a + covariance_b - 2 * root.real
    )
    assert frechet_distance(mean_a, covariance_a, mean_b, covariance_b) == pytest.approx(expected)


def test_is_symmetric():
    a, b = _features(0), _features(1)
    assert frechet_feature_distance(a, b) == pytest.approx(
        frechet_feature_distance(b, a), rel=1e-12
    )


@pytest.mark.parametrize("dead", [0, 3, 6])
@pytest.mark.parametrize("count", [2, 4, 500])
def test_is_exactly_0_for_the_same_set(dead, count):
    features = _features(0, count)
    features[:, :dead] = 0
    assert frechet_feature_distance(features, features.copy()) == 0


@pytest.mark.parametrize(("count", "dimensions"), [(500, 6), (20, 50), (300, 50)])
def test_is_0_for_the_same_set_in_another_order(count, dimensions):
    features = _features(0, count, dimensions)
    # The means differ by their rounding.
    assert 0 <= frechet_feature_distance(features, features[::-1]) < 1e-25


def test_spectra_of_many_orders_of_magnitude_keep_their_digits():
    rng, axes, deviations = np.random.default_rng(0), _rotation(60), np.geomspace(1, 1e-9, 60)
    sets = [rng.normal(size=(count, 60)) * deviations @ axes for count in (40, 50)]
    centred = [x - x.mean(axis=0) for x in sets]
    product = centred[0] @ centred[1].T / np.sqrt(39 * 49)
    expected = (
        np.sum((sets[0].mean(axis=0) - sets[1].mean(axis=0)) ** 2)
        + sum(np.sum(x**2) / (len(x) - 1) for x in centred)
        - 2 * np.linalg.svd(product, compute_uv=False).sum()
    )
    assert frechet_feature_distance(*sets) == pytest.approx(expected, rel=1e-9)


def test_any_factors_of_the_covariances_do():
    covariances = [np.zeros((3, 3)), np.diag([0.0, 4.0, 0.0]), np.ones((3, 3))]
    # A constant set, one along an axis, and one along the diagonal: 4 + 3 - 2 sqrt(1 * 4).
    mean = np.zeros(3)
    assert frechet_distance(mean, covariances[0], mean, covariances[1]) == pytest.approx(4)
    assert frechet_distance(mean, covariances[1], mean, covariances[2]) == pytest.approx(3)
    assert frechet_distance(mean, covariances[0], mean, covariances[0]) == 0


def test_fewer_samples_than_dimensions_are_no_obstacle():
    features = _features(0, count=4, dimensions=20)
    assert frechet_feature_distance(features, features + 1) == pytest.approx(20, rel=1e-9)


def test_rotating_both_sets_changes_nothing():
    a, b, axes = _features(0), _features(1), _rotation(6)
    rotated = frechet_feature_distance(a @ axes, b @ axes)
    assert rotated == pytest.approx(frechet_feature_distance(a, b))


def test_a_translation_costs_its_squared_length():
    features, shift = _features(0), np.arange(6.0)
    assert frechet_feature_distance(features, features + shift) == pytest.approx(55, rel=1e-9)


def test_scaling_both_sets_scales_it_by_the_square():
    a, b = _features(0), _features(1)
    assert frechet_feature_distance(3 * a, 3 * b) == pytest.approx(
        9 * frechet_feature_distance(a, b)
    )


def test_two_samples_of_one_distribution_come_nearer_as_they_grow():
    rng = np.random.default_rng(0)
    distances = [
        frechet_feature_distance(*rng.normal(size=(2, count, 8))) for count in (50, 500, 5000)
    ]
    assert distances[0] > 5 * distances[1] > 25 * distances[2] > 0


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (np.zeros((1, 3)), "at least 2 samples, not 1"),
        (np.zeros((0, 3)), "at least 2 samples, not 0"),
        (np.zeros(5), r"\[N, D\], not \[5\]"),
        (np.zeros((5, 0)), r"\[N, D\], not \[5, 0\]"),
        ([[0.0], [np.nan]], "NaN"),
    ],
)
def test_features_without_moments_are_refused(features, message):
    with pytest.raises(ValueError, match=message):
        moments(features)


def test_features_of_different_dimensions_are_refused():
    with pytest.raises(ValueError, match="features of 3 and of 4 dimensions"):
        frechet_feature_distance(np.zeros((5, 3)), np.zeros((5, 4)))


def test_a_covariance_that_does_not_fit_its_mean_is_refused():
    with pytest.raises(ValueError, match=r"mean_b and covariance_b .* not \[2\] and \[3, 3\]"):
        frechet_distance(np.zeros(2), np.eye(2), np.zeros(2), np.eye(3))


def test_moments_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="mean_b or covariance_b holds NaN"):
        frechet_distance(np.zeros(1), np.eye(1), np.zeros(1), [[np.nan]])
