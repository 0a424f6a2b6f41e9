"""Windows of steps: cut, fed with batches, and run on the devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp

from gan_jax import data, parallel
from gan_jax.experiment import Experiment
from gan_jax.train import GANState, scan_steps
from gan_jax.typing import Array, Batch, Metrics

__all__ = ["make_advance", "windows"]


def make_advance(
    experiment: Experiment,
    dataset: data.Dataset,
    key: Array,
    devices: Sequence[jax.Device],
) -> Callable[[GANState, int, int], tuple[GANState, Metrics]]:
    """Make the function that takes a window of steps.

    The data set stays on the first device as bytes; which examples make a batch is a function of
    the step, so nothing but the state is needed to go on.

    Args:
      experiment: whose step is taken.
      dataset: the training data.
      key: key of the data's order.
      devices: over which each batch is spread.

    Returns:
      A function `(state, first_step, count) -> (state, metrics)`, each metric [count]; it donates
      the state and does not wait for the result.
    """

    def prepared_step(
        state: GANState, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        batch = {"real": data.normalize(batch["image"]), "label": batch["label"]}
        return experiment.train_step(state, batch, axis_name=axis_name)

    step = scan_steps(prepared_step) if experiment.scan else prepared_step
    if len(devices) > 1:
        run = parallel.pmap(step, devices=devices, batch_axis=int(experiment.scan))
    else:
        run = jax.jit(step, donate_argnums=0)
    arrays = jax.device_put(dataset.arrays, devices[0])
    gather = jax.jit(data.gather)
    indices = functools.partial(
        data.batch_indices, num_examples=len(dataset.labels), batch_size=experiment.batch_size
    )

    indices(key, 0, 0)  # refuses a batch larger than the data before anything is written

    def advance(state: GANState, first: int, count: int) -> tuple[GANState, Metrics]:
        window = indices(key, first, count)
        if experiment.scan:
            return run(state, gather(arrays, window))
        collected = []
        for row in window:
            state, metrics = run(state, gather(arrays, row))
            collected.append(metrics)
        return state, jax.tree.map(lambda *values: jnp.stack(values), *collected)

    return advance


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
