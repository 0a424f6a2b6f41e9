"""How a run starts: from what state, with which files open, on what machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import jax

from gan_jax import checkpoint, parallel
from gan_jax.diagnostics import watch_rows
from gan_jax.experiment import Experiment
from gan_jax.loop.log import Log
from gan_jax.train import GANState
from gan_jax.typing import PRNGKey
from gan_jax.writers import JsonlWriter, Progress, TensorBoardWriter, read_jsonl

__all__ = ["environment", "first_state", "open_log", "open_progress", "record"]


def open_progress(stack: ExitStack, experiment: Experiment, stream: TextIO | None) -> Progress:
    """Open the display, which only the first of several processes has.

    Args:
      stack: closes it.
      experiment: how long it is.
      stream: where progress goes, standard error if None.

    Returns:
      The display.
    """
    if not parallel.is_first():
        stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        stack.enter_context(stream)
    progress = Progress(experiment.steps, stream=stream)
    stack.callback(progress.close)
    return progress


def first_state(
    experiment: Experiment,
    workdir: Path,
    key: PRNGKey,
    devices: Sequence[jax.Device],
    progress: Progress,
) -> GANState:
    """Restore the newest good checkpoint, or create the initial state.

    Args:
      experiment: what is trained.
      workdir: the run's folder.
      key: key of the initial state.
      devices: on each of which the state is whole.
      progress: told what was found.

    Returns:
      The state to go on from.

    Raises:
      UsageError: what was saved is another experiment's.
      RunError: no checkpoint is good.
    """
    whole = parallel.replicated(devices)
    create = jax.jit(experiment.create, out_shardings=whole)
    restored = checkpoint.restore_latest(
        workdir / "checkpoints",
        jax.eval_shape(create, key),
        sharding=whole,
        report=progress.message,
    )
    if restored is None:
        return create(key)
    state, step = restored
    progress.message(f"going on from step {step} in {workdir}")
    return state


def open_log(
    stack: ExitStack, experiment: Experiment, workdir: Path, step: int, progress: Progress
) -> Log:
    """Open the run's files for what comes after a step, and look at what came before.

    Args:
      stack: closes them.
      experiment: what is trained.
      workdir: the run's folder.
      step: where the run is.
      progress: the display.

    Returns:
      The log; of several processes, only the first one's writes.

    Raises:
      OSError: a file can't be written.
    """
    if not parallel.is_first():
        return Log(experiment.batch_size, None, None, progress)
    rows = JsonlWriter(workdir / "metrics.jsonl", resume_step=step)
    stack.callback(rows.close)
    seen = watch_rows(read_jsonl(workdir / "metrics.jsonl"))
    events = TensorBoardWriter(workdir / "tensorboard", resume_step=step)
    stack.callback(events.close)
    return Log(experiment.batch_size, rows, events, progress, watch=replace(seen, started=()))


def record(experiment: Experiment) -> dict[str, Any]:
    """Return what `config.json` says of a run.

    Args:
      experiment: what is trained.

    Returns:
      JSON values.
    """
    return {
        "experiment": experiment.name,
        "config": dict(experiment.config),
        "command": experiment.command,
        "notes": list(experiment.notes),
        "environment": environment(),
    }


def environment() -> dict[str, str]:
    """Return the versions and the devices that a run's numbers may depend on.

    Returns:
      Names and what they are.
    """
    import flax
    import numpy
    import optax

    return {
        "python": platform.python_version(),
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
        "numpy": numpy.__version__,
        "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "processes": str(jax.process_count()),
        "platform": platform.platform(),
    }
