import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import batch_indices, epoch_permutation, gather, normalize, to_uint8
from gan_jax.errors import UsageError


@pytest.mark.parametrize("num_examples", [1, 2, 17, 1000])
@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_epoch_permutation_is_a_permutation(num_examples, impl):
    order = epoch_permutation(jax.random.key(3, impl=impl), 5, num_examples)
    assert order.dtype == np.int32
    np.testing.assert_array_equal(np.sort(order), np.arange(num_examples))


def test_epoch_permutation_depends_on_key_and_epoch_alone(key):
    def order(key, epoch):
        return tuple(epoch_permutation(key, epoch, 20))

    keys = [key, jax.random.key(1), jax.random.key(2), jax.random.fold_in(key, 1)]
    orders = {order(key, epoch) for key in keys for epoch in range(10)}
    assert len(orders) == 40
    assert order(jax.random.key(0), 3) == order(key, 3)


def test_epoch_permutation_stays_the_same_from_version_to_version(key):
    assert epoch_permutation(key, 2, 8).tolist() == [3, 4, 5, 1, 2, 6, 7, 0]


def test_an_epoch_is_shuffled_once_and_its_order_cannot_be_spoilt(monkeypatch):
    shuffled = []
    philox = np.random.Philox
    monkeypatch.setattr(np.random, "Philox", lambda seed: shuffled.append(seed) or philox(seed))
    key = jax.random.key(3)
    sizes = {"num_examples": 12, "batch_size": 3}
    batches = [batch_indices(key, step, 1, **sizes) for step in range(8)]
    assert len(shuffled) == 2
    order = epoch_permutation(key, 1, 12)
    assert len(shuffled) == 2
    with pytest.raises(ValueError, match="read-only"):
        order[0] = 5
    batches[4][:] = -1
    np.testing.assert_array_equal(epoch_permutation(key, 1, 12), order)
    assert sorted(order) == list(range(12))


def test_every_example_is_as_likely_in_every_place(key):
    num_examples, epochs = 6, 1800
    orders = np.stack([epoch_permutation(key, epoch, num_examples) for epoch in range(epochs)])
    expected = epochs / num_examples
    for place in range(num_examples):
        counts = np.bincount(orders[:, place], minlength=num_examples)
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert chi_square < 25.7  # 5 degrees of freedom, p = 1e-4


@pytest.mark.parametrize(("num_examples", "batch_size"), [(10, 10), (23, 4), (7, 1), (100, 33)])
def test_batches_are_the_same_however_they_are_asked_for(key, num_examples, batch_size):
    sizes = {"num_examples": num_examples, "batch_size": batch_size}
    whole = batch_indices(key, 0, 60, **sizes)
    assert whole.shape == (60, batch_size)
    assert whole.dtype == np.int32
    cuts = [0, 1, 2, 9, 30, 31, 59, 60]
    parts = [
        batch_indices(key, start, stop - start, **sizes) for start, stop in itertools.pairwise(cuts)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize(("num_examples", "batch_size"), [(12, 3), (23, 4), (5, 5)])
def test_an_epoch_shows_no_example_twice(key, num_examples, batch_size):
    per_epoch = num_examples // batch_size
    batches = batch_indices(key, 0, 3 * per_epoch, num_examples=num_examples, batch_size=batch_size)
    for epoch, seen in enumerate(batches.reshape(3, per_epoch * batch_size)):
        assert len(set(seen)) == per_epoch * batch_size
        np.testing.assert_array_equal(
            seen, epoch_permutation(key, epoch, num_examples)[: per_epoch * batch_size]
        )


def test_a_late_step_needs_no_earlier_ones(key):
    late = batch_indices(key, 10**9, 2, num_examples=11, batch_size=5)
    np.testing.assert_array_equal(late[0], epoch_permutation(key, 5 * 10**8, 11)[:5])
    assert batch_indices(key, 3, 0, num_examples=11, batch_size=5).shape == (0, 5)


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_a_batch_size_that_cannot_be_names_both_numbers(key, batch_size):
    with pytest.raises(UsageError, match=rf"{batch_size} must be from 1 .* 10 examples"):
        batch_indices(key, 0, 1, num_examples=10, batch_size=batch_size)


def test_gather_inside_a_scan_gives_the_batches(key):
    images = np.arange(10 * 2 * 2 * 1, dtype=np.uint8).reshape(10, 2, 2, 1)
    arrays = jax.device_put({"image": images, "label": np.arange(10, dtype=np.int32)})
    indices = batch_indices(key, 0, 4, num_examples=10, batch_size=3)

    @jax.jit
    def batches(arrays, indices):
        return jax.lax.scan(lambda _, row: (None, gather(arrays, row)), None, indices)[1]

    got = batches(arrays, indices)
    assert (got["image"].dtype, got["label"].dtype) == (jnp.uint8, jnp.int32)
    np.testing.assert_array_equal(got["image"], images[indices])
    np.testing.assert_array_equal(got["label"], indices)


@pytest.mark.parametrize("compiled", [False, True])
def test_bytes_survive_the_round_trip_exactly(compiled):
    there, back = (jax.jit(normalize), jax.jit(to_uint8)) if compiled else (normalize, to_uint8)
    levels = jnp.arange(256, dtype=jnp.uint8).reshape(1, 16, 16, 1)
    images = there(levels)
    assert images.dtype == jnp.float32
    assert (images.min(), images.max()) == (-1.0, 1.0)
    reference = np.arange(256) / 127.5 - 1
    np.testing.assert_allclose(images.ravel(), reference, atol=1e-7)
    np.testing.assert_array_equal(back(images), levels)


def test_to_uint8_rounds_to_the_nearest_level_and_clips():
    step = 1 / 127.5
    images = [-1e4, -1 - step, -1 + 0.49 * step, -1 + 0.51 * step, 1 - 0.51 * step, 1.2, np.inf]
    assert to_uint8(jnp.array(images)).tolist() == [0, 0, 0, 1, 254, 255, 255]
    assert to_uint8(jnp.array([0.5, 1.0], jnp.bfloat16)).tolist() == [191, 255]
