"""A run's step under the profiler, before the run begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import jax

from gan_jax import compilation, data, parallel, profiling
from gan_jax.experiment import Experiment
from gan_jax.files import atomic_write
from gan_jax.loop.dispatch import make_step
from gan_jax.train import GANState

__all__ = ["profile_run"]


def profile_run(
    experiment: Experiment,
    dataset: data.Dataset,
    state: GANState,
    directory: Path,
    devices: Sequence[jax.Device],
) -> list[str]:
    """Trace a few steps on one device's share of a batch, and say where their time goes.

    Args:
      experiment: whose step is taken.
      dataset: the training data.
      state: where the run is; it is copied.
      directory: where the trace goes, and what is said, as `profile.txt`.
      devices: those of the run; the first is profiled, without what they tell each other.

    Returns:
      Lines for people.

    Raises:
      RunError: nothing could be traced.
    """
    share = parallel.batch_share(experiment.batch_size, len(devices), group=experiment.group)
    batch = {name: array[:share] for name, array in dataset.arrays.items()}
    step = compilation.jit(make_step(experiment))
    profile = profiling.profile_step(step, state, jax.device_put(batch, devices[0]), directory)
    lines = [f"profile of {experiment.title}: {share} images per step on {devices[0]}"]
    lines += profile.lines
    with atomic_write(directory / "profile.txt", "w") as file:
        file.write("\n".join([*lines, ""]))
    return lines
