"""The inception score of predictions whose score is known."""

import numpy as np
import pytest

from gan_jax.metrics import inception_score


def test_uniform_predictions_score_1():
    assert inception_score(np.zeros((20, 7))) == pytest.approx((1, 0))


@pytest.mark.parametrize("big", [50.0, 1e4, np.inf])
def test_one_hot_predictions_score_the_number_of_classes(big):
    logits = np.where(np.tile(np.eye(4), (10, 1)) > 0, 0.0, -big)
    assert inception_score(logits, splits=2, seed=None) == pytest.approx((4, 0))


def test_one_class_only_scores_1():
    logits = np.where(np.arange(3) == 1, 0.0, np.full((10, 3), -np.inf))
    assert inception_score(logits, splits=2) == (1, 0)


def test_by_hand():
    # p(y|x) = (3/4, 1/4) and (1/4, 3/4): KL from (1/2, 1/2) is 3/4 ln 3/2 + 1/4 ln 1/2 for each.
    logits = np.log([[3.0, 1.0], [1.0, 3.0]])
    expected = np.exp(0.75 * np.log(1.5) + 0.25 * np.log(0.5))
    assert inception_score(logits, splits=1).mean == pytest.approx(expected, rel=1e-12)
    shifted = logits + np.array([[700.0], [-700.0]])
    assert inception_score(shifted, splits=1).mean == pytest.approx(expected)


def test_splits_differ_where_samples_come_in_order():
    logits = 100 * np.repeat(np.eye(2), 10, axis=0)
    assert inception_score(logits, splits=2, seed=None) == pytest.approx((1, 0))
    shuffled = inception_score(logits, splits=2)
    assert shuffled.mean > 1.5
    assert shuffled == inception_score(logits, splits=2, seed=0)


def test_splits_of_uneven_size_hold_all_samples():
    # 3 of 7: 2, 2 and 3 samples, each split of one class alone but the last.
    logits = 100 * np.eye(3)[[0, 0, 1, 1, 2, 2, 1]]
    scores = [1, 1, np.exp(-(2 / 3) * np.log(2 / 3) - (1 / 3) * np.log(1 / 3))]
    expected = np.mean(scores), np.std(scores)
    assert inception_score(logits, splits=3, seed=None) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (np.zeros((9, 3)), "10 splits take at least 1 split and as many samples, not 9"),
        (np.zeros(9), r"\[N, K\], not \[9\]"),
        (np.full((10, 2), np.nan), "NaN"),
        (np.full((10, 2), -np.inf), "nothing but minus infinity"),
        (np.full((10, 2), np.inf), "infinity"),
    ],
)
def test_bad_input(logits, message):
    with pytest.raises(ValueError, match=message):
        inception_score(logits)
