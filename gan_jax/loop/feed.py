"""The stream of batches that a run is fed with, from the device's memory or from the host's."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Sharding

from gan_jax import data, parallel
from gan_jax.experiment import Experiment
from gan_jax.typing import Array, Batch

__all__ = ["check_batch", "is_resident", "make_feed", "steps_per_dispatch", "windows"]

_DISPATCH_BYTES = 2**26  # Of batches in one dispatch; a prefetching feed holds a few of them.
_RESIDENT_SHARE = 4
_AHEAD = 2


def make_feed(
    experiment: Experiment, dataset: data.Dataset, key: Array, devices: Sequence[jax.Device]
) -> Callable[[int], Generator[tuple[int, Batch], None, None]]:
    """Make the function that opens the stream of a run's batches.

    Both feeds give the same bytes: the data set is put on every device and each gathers its share
    of the batches there, or a thread gathers it on the host and moves it over while earlier ones
    are in use. Of several processes, each gathers what its own devices need; which examples make a
    batch is the same on any number of devices.

    Args:
      experiment: whose data it is, and how it is taken.
      dataset: the training data.
      key: key of the data's order.
      devices: between which batches are split, of this process or of all.

    Returns:
      A function from the number of steps taken already to a generator of `(end, batch)`, one for
      each dispatch: the number of steps taken after it, and `{"image": uint8 [K, B, H, W, C],
      "label": int32 [K, B], ...}`, without the axis of K steps if the experiment does not scan; B
      is the global batch.
    """
    draw = dataset.rows(key, experiment.batch_size)
    size = steps_per_dispatch(experiment, dataset)
    resident = is_resident(experiment, dataset, parallel.local_devices(devices)[0])
    share = parallel.split(devices, int(experiment.scan))
    if resident:
        take = _from_device(dataset, parallel.replicated(devices), share)
    else:
        take = _from_host(dataset, share)

    def make(window: tuple[int, int]) -> tuple[int, Batch]:
        first, end = window
        rows = draw(first, end - first)
        return end, take(rows if experiment.scan else jax.tree.map(lambda each: each[0], rows))

    def feed(first: int) -> Generator[tuple[int, Batch], None, None]:
        dispatches = windows(first, experiment.steps, size)
        if resident:
            return (make(window) for window in dispatches)
        return data.prefetch(make, dispatches, ahead=_AHEAD)

    return feed


def check_batch(experiment: Experiment, dataset: data.Dataset) -> None:
    """Refuse a batch that the data can't fill.

    Args:
      experiment: how large a batch is.
      dataset: the training data.

    Raises:
      UsageError: a batch is larger than the data.
    """
    dataset.rows(jax.random.key(0), experiment.batch_size)


def is_resident(experiment: Experiment, dataset: data.Dataset, device: jax.Device) -> bool:
    """Decide whether a data set stays on the device.

    Args:
      experiment: its `resident` decides, unless it is None.
      dataset: the training data.
      device: where it would stay.

    Returns:
      Whether it does: if it takes at most a quarter of the device's memory, or the device keeps no
      count because its memory is the host's.
    """
    if experiment.resident is not None:
        return experiment.resident
    limit = (device.memory_stats() or {}).get("bytes_limit")
    size = sum(array.nbytes for array in dataset.arrays.values())
    return limit is None or size * _RESIDENT_SHARE <= limit


def steps_per_dispatch(experiment: Experiment, dataset: data.Dataset) -> int:
    """Return how many steps are taken in one dispatch, whose batches are in memory all at once.

    Args:
      experiment: how many steps make a row of metrics, and whether they may be scanned.
      dataset: the training data.

    Returns:
      The largest divisor of `log_every` whose batches fill at most 64 MiB, at least 1; a divisor,
      so that one compiled loop serves all of a window.
    """
    if not experiment.scan:
        return 1
    example = sum(array[:1].nbytes for array in dataset.arrays.values())
    most = max(1, _DISPATCH_BYTES // (example * experiment.batch_size))
    window = experiment.log_every
    return max(n for n in range(1, min(window, most) + 1) if window % n == 0)


def windows(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut the steps from `first` to `last` at the multiples of `size`.

    Args:
      first: the number of steps taken already.
      last: the number of steps to be taken in all.
      size: steps per window.

    Yields:
      The first step of a window, and the first one after it.

    Example:
      >>> list(windows(3, 10, 4))
      [(3, 4), (4, 8), (8, 10)]
    """
    while first < last:
        end = min(last, (first // size + 1) * size)
        yield first, end
        first = end


def _from_device(dataset: data.Dataset, whole: Sharding, share: Sharding) -> Callable[[Any], Batch]:
    arrays = parallel.place(dataset.arrays, whole)
    gather = jax.jit(dataset.gather, out_shardings=share)
    return lambda rows: gather(arrays, parallel.place(rows, share))


def _from_host(dataset: data.Dataset, share: Sharding) -> Callable[[Any], Batch]:
    # Plain views: an index into a memory map would otherwise stay one.
    arrays = {name: np.asarray(array) for name, array in dataset.arrays.items()}

    def take(of_all: Any) -> Batch:
        def gather(name: str, array: np.ndarray) -> jax.Array:
            rows = of_all[name] if isinstance(of_all, dict) else of_all
            shape = (*rows.shape, *array.shape[1:])

            def part(index: Any) -> np.ndarray:
                return array[rows[index[: rows.ndim]]]

            return jax.make_array_from_callback(shape, share, part)

        # Waits in the thread, so that a batch counts as ready when it has arrived.
        return jax.block_until_ready({name: gather(name, each) for name, each in arrays.items()})

    return take
