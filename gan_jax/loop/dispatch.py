"""Windows of steps, run on the devices and fed with batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax import compilation, data, parallel
from gan_jax.experiment import Experiment
from gan_jax.train import GANState, scan_steps
from gan_jax.typing import Array, Batch, Metrics, TrainStep

__all__ = ["Advance", "Advanced", "Run", "advance", "make_run", "make_step"]

_IN_FLIGHT_BYTES = 2**27

Run = Callable[[GANState, Batch], tuple[GANState, Metrics]]
Advance = Callable[[GANState, int, Metrics | None], "Advanced"]


class Advanced(NamedTuple):
    """What a window of steps came to; state and metrics may still be on their way.

    Attributes:
      state: the state after it.
      metrics: arrays [K], one value per step.
      waited: seconds for which the devices had nothing to do because the loop prepared data.
    """

    state: GANState
    metrics: Metrics
    waited: float


def make_step(experiment: Experiment) -> TrainStep:
    """Make an experiment's step on batches as the feed gives them.

    Args:
      experiment: whose step is taken.

    Returns:
      The same step, on batches `{"image": uint8 [B, H, W, C], "label": int32 [B], ...}`.
    """

    def step(
        state: GANState, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        batch = experiment.prepare(data.for_step(batch))
        return experiment.train_step(state, batch, axis_name=axis_name)

    return step


def make_run(experiment: Experiment, devices: Sequence[jax.Device]) -> Run:
    """Compile what is dispatched: a step of an experiment, or many as one loop.

    Args:
      experiment: whose step is taken, and whether it may be scanned.
      devices: over which each batch is spread, of this process or of all.

    Returns:
      A function from a state, which it donates, and a batch of `make_feed` to the new state and
      the metrics, [K] or []; it does not wait for the result.
    """
    step = make_step(experiment)
    if experiment.scan:
        step = scan_steps(step)
    if len(devices) == 1:
        return compilation.jit(step)
    spread = parallel.pmap if jax.process_count() == 1 else parallel.shard_map
    return spread(step, devices=devices, batch_axis=int(experiment.scan))


def advance(
    run: Run,
    batches: Iterator[tuple[int, Batch]],
    state: GANState,
    end: int,
    previous: Metrics | None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Advanced:
    """Take a window of steps, and measure how long the devices waited for its data.

    The time that getting a batch takes counts as waiting if, at its end, the dispatch before has
    finished. It may have finished meanwhile, so this is an upper bound. Dispatches run ahead of
    the devices by as many as have batches of 128 MiB, and by two at least.

    Args:
      run: what `make_run` made.
      batches: what the feed of `make_feed` gives, up to where the run is.
      state: the state to go on from; donated.
      end: the number of steps taken after the window, where one of the feed's dispatches ends.
      previous: the metrics of the window before, None if the devices have nothing to do.
      clock: seconds that only go up.

    Returns:
      The window; it does not wait for the last results.
    """
    latest, collected, waited, reached = previous, [], 0.0, -1
    while reached != end:
        asked_at = clock()
        reached, batch = next(batches)
        if all(value.is_ready() for value in jax.tree.leaves(latest)):
            waited += clock() - asked_at
        state, latest = run(state, batch)
        collected.append(latest)
        if len(collected) > (ahead := _dispatches_ahead(batch)):
            jax.block_until_ready(collected[-1 - ahead])
    return Advanced(state, jax.tree.map(_join, *collected), waited)


def _dispatches_ahead(batch: Batch) -> int:
    """Return how many dispatches may be under way, each of which keeps its batch in memory."""
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(batch))
    return max(2, _IN_FLIGHT_BYTES // max(1, size))


def _join(*values: Array) -> Array:
    """Put the values of single steps, or of loops of them, one after the other."""
    return jnp.concatenate(values) if values[0].ndim else jnp.stack(values)
