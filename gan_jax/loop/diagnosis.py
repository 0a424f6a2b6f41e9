"""A look now and then at how a run goes, which changes nothing in it."""

from __future__ import annotations

from collections.abc import Callable

import jax
import numpy as np

from gan_jax import data
from gan_jax.diagnostics import make_probe
from gan_jax.experiment import Experiment
from gan_jax.train import GANState
from gan_jax.typing import Batch, Metrics, PRNGKey

__all__ = ["Look", "make_look"]

Look = Callable[[GANState, int], "Metrics | None"]


def make_look(
    experiment: Experiment,
    dataset: data.Dataset,
    held_out: data.Dataset | None,
    key: PRNGKey,
    *,
    count: int,
) -> Look:
    """Make the function that measures how a run goes, on examples drawn for the occasion.

    What is drawn is a function of the key and the step, so a run that stopped and went on has the
    measures of one that did not.

    Args:
      experiment: what is trained.
      dataset: its training data.
      held_out: data that is not trained on, None if there is none.
      key: key of what is drawn.
      count: examples in a batch; with several devices, what one of them gets.

    Returns:
      A function of a state and its step: the measures, which may still be on their way, or None
      where it is not the time to look.
    """
    probe = make_probe(
        experiment.train_step,
        experiment.wiring(experiment.prior),
        shown=experiment.shown,
        scan=experiment.scan,
    )
    seeds = np.asarray(jax.random.key_data(key)).tolist()

    @jax.jit
    def measure(state: GANState, train: Batch, test: Batch | None, key: PRNGKey) -> Metrics:
        held_out = None if test is None else experiment.prepare(data.for_step(test))
        return probe(state, experiment.prepare(data.for_step(train)), key, held_out)

    def look(state: GANState, step: int) -> Metrics | None:
        if not experiment.steps_per_look or step % experiment.steps_per_look:
            return None
        drawn = np.random.default_rng([*seeds, step])
        train = _draw(dataset, count, drawn)
        test = None if held_out is None else _draw(held_out, count, drawn)
        return measure(state, train, test, jax.random.fold_in(key, step))

    return look


def _draw(dataset: data.Dataset, count: int, drawn: np.random.Generator) -> Batch:
    """Draw examples, all different as far as there are enough."""
    rows: dict[int, np.ndarray] = {}  # by the length of what they are of
    for array in dataset.arrays.values():
        total = len(array)
        if total not in rows:
            rows[total] = drawn.choice(total, count, replace=count > total)
    return {name: np.asarray(array[rows[len(array)]]) for name, array in dataset.arrays.items()}
