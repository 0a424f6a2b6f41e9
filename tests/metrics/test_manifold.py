"""Precision, recall, density and coverage on sets made by hand, and against all distances."""

import numpy as np
import pytest

from gan_jax.metrics import (
    density_coverage,
    manifold,
    manifold_overlap,
    precision_recall,
    products,
)


def _sets(seed=0, counts=(40, 33), dimensions=3, scale=0.8):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(counts[0], dimensions)), scale * rng.normal(
        size=(counts[1], dimensions)
    )


def _by_definition(real, fake, k):
    def distances(x, y):
        return np.linalg.norm(x[:, None] - y[None], axis=2)

    def radii(x):
        return np.sort(distances(x, x), axis=1)[:, k]

    across = distances(fake, real)
    inside_real, inside_fake = across <= radii(real), across <= radii(fake)[:, None]
    return (
        (inside_real.any(axis=1).mean(), inside_fake.any(axis=0).mean()),
        (inside_real.sum() / (k * len(fake)), inside_real.any(axis=0).mean()),
    )


def test_by_hand():
    # Each real's nearest other is 1 away; of the fakes 10 is in no ball, and 1.5 in two.
    real, fake = [[0.0], [1.0], [2.0]], [[1.5], [10.0]]
    assert precision_recall(real, fake, neighbours=1) == (0.5, 1.0)
    assert density_coverage(real, fake, neighbours=1) == (1.0, 2 / 3)


def test_balls_are_closed():
    real = [[0.0], [1.0], [5.0]]
    assert precision_recall(real, [[-1.0], [-1.5]], neighbours=1).precision == 0.5
    # The fakes' balls have the radius 0.5.
    assert precision_recall(real, [[-1.0], [-0.5]], neighbours=1).recall == pytest.approx(1 / 3)


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("rows", [1, 16, 1000])
def test_agrees_with_all_distances_whatever_the_rows(k, rows, monkeypatch):
    monkeypatch.setattr(manifold, "_ROWS", rows)
    sets = _sets()
    pr, dc = _by_definition(*sets, k)
    np.testing.assert_allclose(precision_recall(*sets, neighbours=k), pr, rtol=1e-12)
    np.testing.assert_allclose(density_coverage(*sets, neighbours=k), dc, rtol=1e-12)


@pytest.mark.parametrize("in_jax", [False, True])
def test_what_single_precision_cannot_decide_is_decided(in_jax, monkeypatch):
    monkeypatch.setattr(products, "_LARGE", 0 if in_jax else 2**60)
    # Two clusters so far apart that within them a product's distances are mere rounding.
    rng = np.random.default_rng(0)
    offsets = np.where(np.arange(40)[:, None] % 2, 3e4, -3e4)
    real, fake = (offsets + rng.normal(size=(40, 4)) for _ in range(2))
    fake[::2] += 1.5
    pr, dc = _by_definition(real, fake, 3)
    assert 0.1 < pr[0] < 0.9
    assert precision_recall(real, fake) == pytest.approx(pr)
    assert density_coverage(real, fake, neighbours=3) == pytest.approx(dc)


def test_faults_show():
    rng = np.random.default_rng(0)
    real, again = rng.normal(size=(2, 300, 8))
    good = precision_recall(real, again)
    collapsed = precision_recall(real, again[:1] + 1e-3 * rng.normal(size=(300, 8)))
    noisy = precision_recall(real, again + 4 * rng.normal(size=(300, 8)))
    assert min(good) > 0.7
    assert collapsed.recall == 0
    assert noisy.precision < 0.2 < noisy.recall
    assert density_coverage(real, again).density == pytest.approx(1, abs=0.15)
    assert density_coverage(real, again[:1].repeat(300, axis=0)).coverage < 0.1


def test_copies_are_within_everything():
    real, _ = _sets()
    assert precision_recall(real, real) == (1, 1)
    assert density_coverage(real, real).coverage == 1
    assert precision_recall(np.ones((9, 2)), np.ones((9, 2))) == (1, 1)


@pytest.mark.parametrize(
    ("metric", "counts", "message"),
    [
        (precision_recall, (3, 9), r"3 neighbours .* at least 4 samples, not 3 \(real features\)"),
        (precision_recall, (9, 3), r"at least 4 samples, not 3 \(fake features\)"),
        (density_coverage, (5, 9), r"5 neighbours .* at least 6 samples, not 5 \(real features\)"),
        (density_coverage, (9, 0), "at least 1 samples, not 0"),
    ],
)
def test_too_few_samples_are_refused(metric, counts, message):
    sets = [np.ones((count, 2)) for count in counts]
    with pytest.raises(ValueError, match=message):
        metric(*sets)


@pytest.mark.parametrize("metric", [precision_recall, density_coverage])
def test_bad_input(metric):
    real, fake = _sets()
    with pytest.raises(ValueError, match="neighbours is 0"):
        metric(real, fake, neighbours=0)
    with pytest.raises(ValueError, match="3 dimensions and fake features have 2"):
        metric(real, fake[:, :2])
    with pytest.raises(ValueError, match="fake features hold NaN"):
        metric(real, fake * np.nan)


def test_density_takes_a_single_fake():
    assert density_coverage([[0.0], [1.0]], [[0.5]], neighbours=1) == (2, 1)


def test_the_overlap_names_the_samples_that_are_counted():
    """Reals at 0, 1, 3 reach 1, 1 and 2; fakes at 0.5, 0.9, 9 reach 0.4, 0.4 and 8.1."""
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[0.5], [0.9], [9.0]])
    overlap = manifold_overlap(real, fake, neighbours=1)
    assert overlap.fakes_inside.tolist() == [True, True, False]
    assert overlap.reals_inside.tolist() == [False, True, True]
    assert precision_recall(real, fake, neighbours=1) == (2 / 3, 2 / 3)
