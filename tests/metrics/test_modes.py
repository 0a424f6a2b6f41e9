"""Coverage of modes on points and histograms made by hand, and of the truth."""

import numpy as np
import pytest

from gan_jax.metrics import class_kl, class_kl_bias, mixture_coverage, stacked_modes

_GRID = np.stack(np.meshgrid(*[np.arange(-4.0, 5, 2)] * 2), axis=-1).reshape(-1, 2)
_NOWHERE = np.exp(-4.5)


def _truth(seed, count, deviation=0.05):
    rng = np.random.default_rng(seed)
    return _GRID[rng.integers(25, size=count)] + deviation * rng.normal(size=(count, 2))


def test_by_hand():
    # Two modes on a line, of deviation 1: 8 samples within 3 of the first, 1 of the second, and 1
    # at 4 from it.
    points = np.array([[0.0]] * 4 + [[3.0]] * 4 + [[99.0], [104.0]])
    coverage = mixture_coverage(points, [[0.0], [100.0]], 1.0)
    assert coverage.modes == 2
    assert coverage.full_modes == 2
    assert coverage.high_quality == 0.9
    uniform = (8 / 9) * np.log(16 / 9) + (1 / 9) * np.log(2 / 9)
    assert coverage.reverse_kl == pytest.approx(uniform)
    outside = 0.002699796063260207  # of a normal distribution beyond 3 deviations
    with_nowhere = (
        0.8 * np.log(0.8 / (0.5 - outside / 2))
        + 0.1 * np.log(0.1 / (0.5 - outside / 2))
        + 0.1 * np.log(0.1 / outside)
    )
    assert coverage.reverse_kl_with_nowhere == pytest.approx(with_nowhere)
    # The variance of a normal distribution cut off at 3 deviations is 0.97334.
    assert coverage.spread == pytest.approx(((4 * 9 + 1) / 9 / 0.9733369) ** 0.5, rel=1e-6)


def test_a_full_mode_has_a_fifth_of_its_share():
    # Of 100 samples and 2 modes, a fifth of the share is 10.
    for count, full in ((9, 1), (10, 2)):
        points = np.repeat([[0.0], [10.0]], [100 - count, count], axis=0)
        assert mixture_coverage(points, [[0.0], [10.0]], 1.0).full_modes == full


def test_modes_weigh_what_they_do_in_the_truth():
    points = np.repeat([[0.0], [10.0]], [90, 10], axis=0)
    exact = mixture_coverage(points, [[0.0], [10.0]], 1.0, weights=[9, 1])
    assert exact.reverse_kl == pytest.approx(0, abs=1e-12)
    outside = 0.002699796063260207
    assert exact.reverse_kl_with_nowhere == pytest.approx(-np.log(1 - outside))
    swapped = mixture_coverage(points, [[0.0], [10.0]], 1.0, weights=[1, 9])
    assert swapped.reverse_kl == pytest.approx(0.9 * np.log(9) + 0.1 * np.log(1 / 9))
    # A fifth of the share is 18 of the first mode and 2 of the second.
    points = np.repeat([[0.0], [10.0]], [98, 2], axis=0)
    assert mixture_coverage(points, [[0.0], [10.0]], 1.0, weights=[9, 1]).full_modes == 2
    with pytest.raises(ValueError, match="above 0, one for each of 2 centres"):
        mixture_coverage(points, [[0.0], [10.0]], 1.0, weights=[1, 0])


def test_the_truth_is_as_good_as_it_gets():
    judged = [mixture_coverage(_truth(seed, 2500), _GRID, 0.05) for seed in range(8)]
    assert all(one.modes == one.full_modes == 25 for one in judged)
    means = np.mean(judged, axis=0)
    assert means[2] == pytest.approx(1 - _NOWHERE, abs=0.003)
    assert means[3] == pytest.approx(class_kl_bias(25, 2500), rel=0.4)
    assert means[4] == pytest.approx(class_kl_bias(26, 2500), rel=0.4)
    assert means[5] == pytest.approx(1, abs=0.01)


def test_each_fault_shows():
    truth = _truth(0, 2500)
    narrow = mixture_coverage(_truth(0, 2500, 0.025), _GRID, 0.05)
    assert narrow.spread == pytest.approx(0.5, abs=0.02)
    assert narrow.high_quality == 1
    one = mixture_coverage(truth[np.abs(truth).max(axis=1) < 1], _GRID, 0.05)
    assert (one.modes, one.full_modes) == (1, 1)
    assert one.reverse_kl == pytest.approx(np.log(25))
    angles = np.random.default_rng(0).uniform(0, 2 * np.pi, 2500)
    radii = 0.15 * np.sqrt(np.random.default_rng(1).random(2500))
    disc = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii[:, None]
    blobs = mixture_coverage(_GRID[np.arange(2500) % 25] + disc, _GRID, 0.05)
    assert blobs.spread == pytest.approx(1.54, abs=0.02)


def test_samples_of_no_mode():
    nowhere = mixture_coverage([[1.0, 1.0]] * 3, _GRID, 0.05)
    assert nowhere[:3] == (0, 0, 0)
    assert np.isnan(nowhere.reverse_kl)
    assert np.isnan(nowhere.spread)
    assert nowhere.reverse_kl_with_nowhere == pytest.approx(4.5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((4, 3)), _GRID, 0.05), "points have 3 dimensions and centres have 2"),
        ((np.zeros((0, 2)), _GRID, 0.05), "at least 1 samples, not 0"),
        ((np.full((1, 2), np.inf), _GRID, 0.05), "points hold NaN or infinity"),
        ((np.zeros((4, 2)), _GRID, 0.0), "must be above 0, not 0.0, 3.0 and 0.2"),
    ],
)
def test_bad_points(arguments, message):
    with pytest.raises(ValueError, match=message):
        mixture_coverage(*arguments)


def test_stacked_modes_by_hand():
    predictions = [[0, 0, 0], [0, 0, 0], [9, 9, 9], [1, 2, 3]]
    found = stacked_modes(predictions)
    assert found.modes == 3
    # Shares 1/2, 1/4 and 1/4 of 1000 modes.
    assert found.kl == pytest.approx(np.log(1000) - 1.5 * np.log(2))


def test_every_mode_once_has_no_divergence():
    predictions = np.stack(np.unravel_index(np.arange(1000), (10, 10, 10)), axis=1)
    assert stacked_modes(predictions) == pytest.approx((1000, 0))
    assert stacked_modes(predictions[:, ::-1]) == pytest.approx((1000, 0))


def test_stacked_modes_of_a_perfect_generator():
    predictions = np.random.default_rng(0).integers(10, size=(26_000, 3))
    found = stacked_modes(predictions)
    assert found.modes == 1000
    assert found.kl == pytest.approx(class_kl_bias(1000, 26_000), rel=0.15)


def test_combinations_keep_the_order_of_their_channels():
    assert stacked_modes([[0, 1], [1, 0]]).modes == 2


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ([[0, 10, 0]], "prediction 10 is none of the classes 0 to 9"),
        ([[0, -1, 0]], "prediction -1"),
        ([0, 1, 2], r"integers \[N, S\], not int64 \[3\]"),
        (np.zeros((2, 3)), "not float64"),
        (np.zeros((0, 3), int), r"not int64 \[0, 3\]"),
    ],
)
def test_bad_predictions(predictions, message):
    with pytest.raises(ValueError, match=message):
        stacked_modes(predictions)


def test_the_bias_is_that_of_histograms():
    rng = np.random.default_rng(0)
    divergences = [
        class_kl(np.bincount(rng.integers(7, size=200), minlength=7), np.ones(7))
        for _ in range(400)
    ]
    assert np.mean(divergences) == pytest.approx(class_kl_bias(7, 200), rel=0.1)
