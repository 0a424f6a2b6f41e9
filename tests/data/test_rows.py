"""Which examples make a batch, of data sets of one side and of two."""

import jax
import numpy as np
import pytest

from gan_jax import data
from gan_jax.data import styles
from gan_jax.data import translation as tasks
from gan_jax.errors import UsageError


def test_one_side_has_the_rows_of_its_batches(key):
    digits = data.load("digits")
    rows = digits.rows(key, 8)(3, 2)
    expected = data.batch_indices(key, 3, 2, num_examples=len(digits.labels), batch_size=8)
    np.testing.assert_array_equal(rows, expected)
    batch = digits.gather(digits.arrays, rows[0])
    np.testing.assert_array_equal(batch["image"], digits.images[rows[0]])


def test_pairs_stay_pairs(key):
    pairs = tasks.aligned(data.load("digits"), styles.thin, styles.bold)
    batch = pairs.gather(pairs.arrays, pairs.rows(key, 8)(0, 1)[0])
    assert set(batch) == {"image", "label", "source"}
    row = int(
        np.flatnonzero((pairs.images == np.asarray(batch["image"][:1])).all(axis=(1, 2, 3)))[0]
    )
    np.testing.assert_array_equal(batch["source"][0], pairs.sources[row])


def test_two_sides_have_rows_of_their_own(key):
    both = tasks.unaligned(data.load("digits"), styles.thin, styles.bold)
    rows = jax.tree.map(lambda each: each[0], both.rows(key, 8)(5, 2))
    batch = both.gather(both.arrays, rows)
    np.testing.assert_array_equal(batch["image"], both.images[rows["image"]])
    np.testing.assert_array_equal(batch["source"], both.source.images[rows["source"]])
    np.testing.assert_array_equal(batch["source_label"], both.source.labels[rows["source"]])


def test_a_batch_that_a_side_cannot_fill_is_refused(key):
    digits = data.load("digits")
    with pytest.raises(UsageError, match="1438"):
        digits.rows(key, 1438)
    both = tasks.unaligned(digits, styles.thin, styles.bold)
    with pytest.raises(UsageError, match="719"):
        both.rows(key, 719)


def test_a_step_takes_all_images_as_numbers():
    both = tasks.unaligned(data.load("digits"), styles.thin, styles.bold)
    batch = data.for_step({name: array[:3] for name, array in both.arrays.items()})
    assert set(batch) == {"real", "label", "source", "source_label"}
    np.testing.assert_array_equal(batch["real"], data.normalize(both.images[:3]))
    np.testing.assert_array_equal(batch["source"], data.normalize(both.source.images[:3]))
    np.testing.assert_array_equal(batch["source_label"], both.source.labels[:3])
