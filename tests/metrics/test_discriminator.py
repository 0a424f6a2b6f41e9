"""The overfitting gap of logits made by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.metrics import overfitting_gap


def test_by_hand():
    # Means 2 and 0.5; above 0 are 3 of 3 and 1 of 2.
    gap = overfitting_gap([1.0, 2.0, 3.0], [2.0, -1.0])
    assert gap == pytest.approx((1.5, 0.5))


def test_patch_maps_and_half_precision():
    train = jnp.ones((3, 2, 2, 1), jnp.bfloat16)
    assert overfitting_gap(train, -train[:2]) == (2, 1)
    assert overfitting_gap(jnp.full(300, 1e4, jnp.float16), [0.0]).logits == 1e4


def test_logits_of_one_sign_have_no_accuracy():
    assert overfitting_gap([3.0, 1.0], [1.0]) == (1, None)
    assert overfitting_gap([-3.0, -1.0], [-1.0]) == (-1, None)


def test_the_same_logits_have_no_gap():
    logits = np.random.default_rng(0).normal(size=50)
    assert overfitting_gap(logits, logits) == (0, 0)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        ([], [1.0], "there are no train logits"),
        ([1.0], [], "there are no test logits"),
        ([np.nan], [1.0], "the train logits hold NaN"),
    ],
)
def test_bad_input(train, test, message):
    with pytest.raises(ValueError, match=message):
        overfitting_gap(train, test)
