import dataclasses
import threading
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from gan_jax.data import Dataset, batch_indices
from gan_jax.loop import feed as feeds
from gan_jax.loop.feed import is_resident, make_feed, steps_per_dispatch
from tests.test_loop import small_dataset, small_experiment


def dataset_of(shape, count=10):
    images = np.broadcast_to(np.uint8(0), (count, *shape))
    labels = np.zeros(count, np.int32)
    return Dataset("blank", "train", images, labels, 1, ("none",), "made up")


def mapped(dataset, folder):
    """Return a data set whose images are read from a file as they are needed."""
    images = np.memmap(folder / "images", np.uint8, "w+", shape=dataset.images.shape)
    images[:] = dataset.images
    return dataclasses.replace(dataset, images=images)


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("scan", [True, False])
@pytest.mark.parametrize("first", [0, 7])
def test_either_feed_gives_the_batches_of_the_steps_to_come(key, tmp_path, resident, scan, first):
    experiment = small_experiment(resident=resident, scan=scan, steps=18)
    dataset = mapped(small_dataset(), tmp_path)
    device = jax.devices()[2]
    got = list(make_feed(experiment, dataset, key, [device])(first))
    step = first
    for end, batch in got:
        rows = batch_indices(key, step, end - step, num_examples=50, batch_size=8)
        rows = rows if scan else rows[0]
        assert set(batch) == {"image", "label"}
        for name, array in dataset.arrays.items():
            assert (batch[name].devices(), batch[name].dtype) == ({device}, array.dtype)
            np.testing.assert_array_equal(batch[name], array[rows])
        step = end
    assert [end for end, _ in got] == [
        n for n in range(first + 1, 19) if not scan or n in (5, 10, 15, 18)
    ]


def test_the_host_is_read_in_a_thread_that_ends_with_the_feed(key):
    before = threading.active_count()
    feed = make_feed(small_experiment(resident=False), small_dataset(), key, jax.devices()[:1])
    batches = feed(0)
    next(batches)
    assert threading.active_count() == before + 1
    batches.close()
    assert threading.active_count() == before


def device_with(limit):
    return SimpleNamespace(memory_stats=lambda: limit and {"bytes_limit": limit})


SIZE = 50 * (4 * 4 + 4)


@pytest.mark.parametrize(
    ("resident", "limit", "expected"),
    [
        (None, None, True),
        (None, 4 * SIZE, True),
        (None, 4 * SIZE - 1, False),
        (True, 1, True),
        (False, None, False),
    ],
)
def test_what_fits_stays_on_the_device(resident, limit, expected):
    experiment = small_experiment(resident=resident)
    assert is_resident(experiment, small_dataset(), device_with(limit)) is expected


def test_a_device_that_counts_nothing_useful_keeps_the_data():
    device = SimpleNamespace(memory_stats=lambda: {"bytes_in_use": 3})
    assert is_resident(small_experiment(), small_dataset(), device)


@pytest.mark.parametrize(
    ("shape", "batch_size", "steps"),
    [
        ((28, 28, 1), 128, 100),  # 10 MB a window
        ((128, 128, 3), 64, 20),  # 3.1 MB a step, 21 of them fit
        ((1024, 1024, 3), 8, 2),  # 25 MB a step
        ((1024, 1024, 3), 64, 1),  # 201 MB a step
    ],
)
def test_a_dispatch_is_a_part_of_a_window_that_fits(shape, batch_size, steps):
    experiment = small_experiment(batch_size=batch_size, log_every=100, sample_every=100, save_every=100, evaluate_every=100)  # fmt: skip
    assert steps_per_dispatch(experiment, dataset_of(shape)) == steps
    without = dataclasses.replace(experiment, scan=False)
    assert steps_per_dispatch(without, dataset_of(shape)) == 1


@pytest.mark.parametrize("resident", [True, False])
def test_large_batches_come_in_several_dispatches_to_a_window(key, monkeypatch, resident):
    monkeypatch.setattr(feeds, "_DISPATCH_BYTES", 2 * 8 * 20)
    experiment = small_experiment(resident=resident, log_every=4, sample_every=4, save_every=4)
    experiment = dataclasses.replace(experiment, steps=11)
    feed = make_feed(experiment, small_dataset(), key, jax.devices()[:1])
    assert [end for end, _ in feed(0)] == [2, 4, 6, 8, 10, 11]
    assert [end for end, _ in feed(4)] == [6, 8, 10, 11]
