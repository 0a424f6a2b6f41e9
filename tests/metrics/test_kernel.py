"""The kernel distance against hand values and all pairs, and without bias."""

import numpy as np
import pytest

from gan_jax.metrics import kernel, kernel_distance, products, squared_mmd


def _sets(seed=0, counts=(23, 31), dimensions=5, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(count, dimensions)).astype(dtype) + 0.5 for count in counts]


def _all_pairs(a, b, degree=3, gamma=None, coefficient=1.0):
    """Return the U-statistic of the definition."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    gamma = 1 / a.shape[1] if gamma is None else gamma

    def mean(x, y, pairs):
        return np.mean([(gamma * x[i] @ y[j] + coefficient) ** degree for i, j in pairs])

    within = [
        mean(x, x, [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]) for x in (a, b)
    ]
    return sum(within) - 2 * mean(a, b, list(np.ndindex(len(a), len(b))))


def test_by_hand():
    # k(x, y) = (xy + 1)³: 1 between the zeros, 8 between the ones, 1 across.
    assert squared_mmd([[0.0], [0.0]], [[1.0], [1.0]]) == 7
    assert kernel_distance([[0.0]] * 4, [[1.0]] * 3, subsets=3, subset_size=2) == (7, 0)


@pytest.mark.parametrize("block", [1, 7, 31, 100])
def test_agrees_with_all_pairs_whatever_the_block(block):
    sets = _sets()
    assert squared_mmd(*sets, block=block) == pytest.approx(_all_pairs(*sets), rel=1e-9)


@pytest.mark.parametrize("settings", [(1, None, 1.0), (2, 0.7, 0.0), (4, 0.1, -2.0)])
def test_agrees_with_all_pairs_for_any_polynomial(settings):
    sets, names = _sets(), ("degree", "gamma", "coefficient")
    ours = squared_mmd(*sets, **dict(zip(names, settings, strict=True)))
    assert ours == pytest.approx(_all_pairs(*sets, *settings), rel=1e-9)


@pytest.mark.parametrize("in_jax", [False, True])
def test_single_precision_is_right_to_the_fifth_digit_even_where_the_sets_are_alike(
    in_jax, monkeypatch
):
    monkeypatch.setattr(products, "_LARGE", 0 if in_jax else 2**60)
    a, b = _sets(counts=(40, 40), dimensions=64, dtype=np.float32)
    expected = _all_pairs(a + 3, b + 3)
    assert abs(expected) < 5  # of kernels of about 2000
    assert squared_mmd(a + 3, b + 3) == pytest.approx(expected, rel=1e-5)


def test_is_without_bias_and_its_deviation_is_that_of_its_subsets():
    a, b = _sets(counts=(1500, 1500))
    estimates = [squared_mmd(x, y) for x, y in zip(np.split(a, 50), np.split(b, 50), strict=True)]
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates)) < 3 * error
    assert min(estimates) < 0
    subsets = kernel_distance(a, b, subsets=50, subset_size=30)
    assert subsets.standard_deviation == pytest.approx(np.std(estimates), rel=0.5)
    assert abs(subsets.mean) < 3 * error


def test_tells_distributions_apart():
    a, b = _sets(counts=(200, 200))
    assert squared_mmd(a, b + 0.5) > 10 * abs(squared_mmd(a, b))


def test_subsets_depend_on_the_seed_alone():
    sets = _sets()
    first, again, other = (
        kernel_distance(*sets, subsets=4, subset_size=9, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_symmetric():
    a, b = _sets()
    assert squared_mmd(a, b) == pytest.approx(squared_mmd(b, a), rel=1e-10)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (_sets(), {}, "subsets of 1000 without replacement take at least 1000 samples, not 23"),
        (_sets(), {"subset_size": 30}, r"take at least 30 samples, not 23 \(features_a\)"),
        (_sets(), {"subset_size": 1}, "at least 1 subset of at least 2 samples, not 100 of 1"),
        (_sets(), {"subsets": 0, "subset_size": 5}, "not 0 of 5"),
        (_sets(), {"degree": 0, "subset_size": 5}, "degree is 0"),
        ((np.ones((5, 2)), np.ones((5, 3))), {"subset_size": 5}, "features_a have 2 dimensions"),
        ((np.ones((5, 2)), np.ones(5)), {"subset_size": 5}, r"features_b must .* not \[5\]"),
        ((np.full((5, 2), np.nan), np.ones((5, 2))), {"subset_size": 5}, "features_a hold NaN"),
    ],
)
def test_bad_input(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        kernel_distance(*arguments, **settings)


def test_one_sample_has_no_pairs():
    with pytest.raises(
        ValueError, match="pairs of different samples take at least 2 samples, not 1"
    ):
        squared_mmd([[1.0]], [[1.0], [2.0]])


def test_the_polynomial_is_taken_a_few_rows_at_a_time(monkeypatch):
    sets = _sets()
    monkeypatch.setattr(kernel, "_ROWS", 4)
    assert squared_mmd(*sets) == pytest.approx(_all_pairs(*sets), rel=1e-9)
