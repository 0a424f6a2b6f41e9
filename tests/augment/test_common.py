"""Chance: how often operations are executed, one by one and together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gan_jax.augment import COLOR, GEOMETRY, rotation
from gan_jax.augment.common import product

MANY = 4000


def _add(key, shift=1.0):
    """Draw a matrix whose products count how often it was executed."""
    return jnp.array([[1.0, shift], [0.0, 1.0]])


def _often(operations, probability, *arguments):
    """Return products of many keys."""
    keys = jax.random.split(jax.random.key(0), MANY)

    @jax.jit
    def products(probability):
        return jax.vmap(lambda key: product(operations, key, probability, *arguments))(keys)

    return np.asarray(products(probability))


def _fits(executed, rate):
    return stats.binomtest(int(executed.sum()), len(executed), rate).pvalue > 0.01


@pytest.mark.parametrize("probability", [0.1, 0.6])
def test_operations_are_executed_at_the_given_rate_and_independently(probability):
    # Powers of two, so that the sum says which were executed.
    operations = tuple(lambda key, shift=2.0**i: _add(key, shift) for i in range(3))
    sums = _often(operations, probability)[:, 0, 1].astype(int)
    executed = np.stack([(sums >> i) & 1 for i in range(3)])
    for first in range(3):
        assert _fits(executed[first], probability)
        for second in range(first):
            assert _fits(executed[first] & executed[second], probability**2)


def test_one_that_stands_twice_is_executed_at_least_once_at_the_given_rate():
    for probability in (0.3, 0.8):
        counts = _often((_add, _add), probability)[:, 0, 1]
        assert _fits(counts > 0, probability)
        assert _fits(counts == 2, (1 - np.sqrt(1 - probability)) ** 2)


@pytest.mark.parametrize("operations", [(_add,), (_add, _add), (_add, _add, _add)], ids=len)
def test_nothing_is_executed_at_0_and_everything_at_1(operations):
    assert not _often(operations, 0.0)[:, 0, 1].any()
    assert (_often(operations, 1.0)[:, 0, 1] == len(operations)).all()


def test_the_paper_lists_rotate_at_the_rate_of_one_transformation():
    rotations = _often([draw for draw in GEOMETRY if draw is rotation], 0.6, (8, 8))
    assert _fits((rotations != np.eye(3)).any(axis=(1, 2)), 0.6)
    unchanged = (_often(COLOR, 0.2) == np.eye(4)).all(axis=(1, 2))
    assert _fits(unchanged, 0.8**4 * 0.9)  # half of the luma flips do not flip


def test_execution_does_not_depend_on_what_is_drawn():
    def draw(key):
        return jnp.diag(jax.random.uniform(key, (2,), minval=2.0, maxval=3.0))

    always, sometimes = _often((draw,), 1.0)[:, 0, 0], _often((draw,), 0.5)[:, 0, 0]
    executed = sometimes > 1
    np.testing.assert_array_equal(sometimes[executed], always[executed])  # of the same keys
    assert stats.ks_2samp(always[executed], always[~executed]).pvalue > 0.01


def test_the_first_operation_is_the_leftmost(key):
    def double(key):
        return jnp.diag(jnp.array([2.0, 1.0]))

    np.testing.assert_array_equal(product((double, _add), key, 1.0), [[2.0, 2.0], [0.0, 1.0]])
    np.testing.assert_array_equal(product((_add, double), key, 1.0), [[2.0, 1.0], [0.0, 1.0]])
