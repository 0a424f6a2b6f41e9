"""Compose steps into a training step, the way optax composes transformations."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.train.checks import check_whole
from gan_jax.train.state import GANState
from gan_jax.typing import Array, Batch, Metrics, PRNGKey, PyTree, Step, TrainStep

__all__ = ["after", "chain", "every", "last_slice", "make_train_step", "repeat", "scan_steps"]


def chain(*steps: Step) -> Step:
    """Run steps one after the other on the same batch, each with a key of its own.

    Args:
      *steps: the elements; element `i` gets `fold_in(key, i)`.

    Returns:
      A `Step` that reports the metrics of all its elements.

    Raises:
      ValueError: two elements report a metric of the same name.
    """

    def step(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        metrics: Metrics = {}
        for index, element in enumerate(steps):
            state, new = element(state, batch, jax.random.fold_in(key, index), axis_name=axis_name)
            if twice := metrics.keys() & new.keys():
                raise ValueError(
                    f"chain: reported by two elements: {', '.join(sorted(twice))} "
                    "(give a penalty or term a __name__ of its own)"
                )
            metrics.update(new)
        return state, metrics

    return step


def repeat(times: int, step: Step) -> Step:
    """Run a step several times, each with its own slice of the batch and its own key.

    Run `i` sees examples `i`, `i + times`, `i + 2 * times`, ... of the batch, which thus holds
    `times` times the examples of one run. (Striding makes the slices the same on any number of
    devices.) The other elements of the recipe see the whole batch; wrap one in `last_slice` to show
    it what the last run saw, so that it works on as many examples:

        repeat(5, discriminator_step(...)), last_slice(5, generator_step(...))

    Args:
      times: number of runs, at least 1.
      step: what to run.

    Returns:
      A `Step` that reports the mean of each metric over the runs.

    Raises:
      ValueError: `times` is below 1, or does not divide the batch of a device.
    """
    check_whole("repeat: times", times)

    def repeated(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        def run(state: GANState, index_and_slice: tuple[Array, Batch]) -> tuple[GANState, Metrics]:
            index, part = index_and_slice
            return step(state, part, jax.random.fold_in(key, index), axis_name=axis_name)

        state, metrics = jax.lax.scan(run, state, (jnp.arange(times), _slices(batch, times)))
        return state, jax.tree.map(lambda values: jnp.mean(values, axis=0), metrics)

    return repeated


def last_slice(times: int, step: Step) -> Step:
    """Show a step the slice of the batch that the last run of `repeat(times, ...)` saw.

    Args:
      times: the number of slices, as given to `repeat`.
      step: what to run.

    Returns:
      A `Step`.

    Raises:
      ValueError: `times` is below 1, or does not divide the batch of a device.
    """
    check_whole("last_slice: times", times)

    def sliced(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        part = jax.tree.map(lambda slices: slices[-1], _slices(batch, times))
        return step(state, part, key, axis_name=axis_name)

    return sliced


def every(interval: int, step: Step) -> Step:
    """Run a step only when the training step is a multiple of `interval`.

    The work is skipped by `lax.cond`, which under `vmap` turns into doing it and discarding it.

    Args:
      interval: at least 1.
      step: what to run.

    Returns:
      A `Step` whose metrics read 0 where it did not run, so that their mean over many steps is
      `interval` times too small.

    Raises:
      ValueError: `interval` is below 1.
    """
    check_whole("every: interval", interval)
    return _where(lambda state: state.step % interval == 0, step)


def after(steps: int, step: Step) -> Step:
    """Leave a step out of the first training steps.

    The work is skipped by `lax.cond`, as by `every`.

    Args:
      steps: how many training steps go without it; with 0 it is left as it is.
      step: what to run from then on.

    Returns:
      A `Step` whose metrics read 0 where it did not run.

    Raises:
      ValueError: `steps` is below 0.
    """
    check_whole("after: steps", steps, least=0)
    return _where(lambda state: state.step >= steps, step) if steps else step


def make_train_step(*steps: Step) -> TrainStep:
    """Make the training step that `jit`, `scan`, `vmap`, `pmap` and `shard_map` all take as it is.

    Everything it draws comes from `fold_in(state.key, state.step)`, so a run that stops and goes
    on draws the same numbers as one that never stopped.

    Args:
      *steps: the elements of the recipe, in order; the discriminator usually comes first.

    Returns:
      A `TrainStep`.
    """
    update = chain(*steps)

    def train_step(
        state: GANState, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        key = jax.random.fold_in(state.key, state.step)
        state, metrics = update(state, batch, key, axis_name=axis_name)
        return state.replace(step=state.step + 1), metrics

    return train_step


def scan_steps(train_step: TrainStep) -> TrainStep:
    """Take many training steps in one dispatch.

    Args:
      train_step: the step to take.

    Returns:
      The same signature over batches stacked along a new first axis [K, B, ...], with metrics [K].
    """

    def steps(
        state: GANState, batch: Batch, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        return jax.lax.scan(
            lambda state, batch: train_step(state, batch, axis_name=axis_name), state, batch
        )

    return steps


def _slices(batch: Batch, number: int) -> PyTree:
    """Split a batch into strided slices: [B, ...] to [number, B / number, ...]."""

    def split(leaf: Array) -> Array:
        count = leaf.shape[0]
        if count % number:
            raise ValueError(f"a batch of {count} on a device can't be split into {number} slices")
        return jnp.swapaxes(leaf.reshape(count // number, number, *leaf.shape[1:]), 0, 1)

    return jax.tree.map(split, batch)


def _where(runs: Callable[[GANState], Array], step: Step) -> Step:
    """Run a step only where the state says so."""

    def sometimes(
        state: GANState, batch: Batch, key: PRNGKey, *, axis_name: str | None = None
    ) -> tuple[GANState, Metrics]:
        def run(state: GANState) -> tuple[GANState, Metrics]:
            return step(state, batch, key, axis_name=axis_name)

        def skip(state: GANState) -> tuple[GANState, Metrics]:
            shapes = jax.eval_shape(run, state)[1]
            return state, jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

        return jax.lax.cond(runs(state), run, skip, state)

    return sometimes
