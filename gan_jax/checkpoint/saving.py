"""Saving the steps of a run in the background."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp

from gan_jax import parallel
from gan_jax.checkpoint.integrity import saved_steps, seal
from gan_jax.checkpoint.quiet import one_line, silence_orbax
from gan_jax.checkpoint.structure import abstract_state, describe
from gan_jax.errors import RunError, UsageError
from gan_jax.typing import PyTree

__all__ = ["Checkpoints", "best_step"]

_UNFINISHED = ".orbax-checkpoint-tmp"
# Steps no longer kept are renamed into it before they are deleted: a step is never there in half.
_RETIRED = "retired"


class Checkpoints:
    """Save the steps of one run in the background, keeping the latest ones and the best one.

    A context manager, for what is still being written when training ends. A run that goes on from
    an earlier one calls `restore_latest` first, which clears damaged steps out of the way.

        with Checkpoints("run/checkpoints", best="fid") as checkpoints:
            checkpoints.save(1000, state, {"fid": 33.0})
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        keep: int = 2,
        best: str | None = None,
        mode: Literal["min", "max"] = "min",
    ):
        """Open a folder of steps for writing; one run at a time may do so.

        Args:
          folder: where the steps are; made if missing.
          keep: how many of the latest steps are kept.
          best: name of the metric by which the best step is kept as well.
          mode: whether the smallest or the largest value of `best` is the best.

        Raises:
          UsageError: the folder can't be written.
          RunError: a step that is there can't be understood.
        """
        self._folder = Path(folder).absolute()
        self._step = -1
        self._leaves: dict[str, str] = {}
        _make_writable(self._folder)
        try:
            self._manager = _open_manager(self._folder, keep, best, mode, self._seal)
        except Exception as error:
            raise RunError(f"checkpoints in {self._folder}: {one_line(error)}") from error

    def save(self, step: int, state: PyTree, metrics: Mapping[str, Any] | None = None) -> None:
        """Save a state; return once it is copied from the devices, while writing goes on.

        Waits for the save before it to end, and raises what went wrong in that one.

        Args:
          step: how many steps the state has been trained for; more than in any save before.
          state: a pytree of arrays; it may hold None, and static fields are left out.
          metrics: scalars of this step, by which the best step is found.

        Raises:
          UsageError: `step` is not greater than the latest one, or a leaf isn't an array.
          RunError: this state, or the one before, can't be written.
        """
        import orbax.checkpoint as ocp

        self._wait()
        step, latest = int(step), self._manager.latest_step()
        if latest is not None and step <= latest:
            raise UsageError(f"step {step} can't be saved in {self._folder}: it has step {latest}")
        self._step, self._leaves = step, describe(abstract_state(state))
        arrays = ocp.args.StandardSave(jax.tree.map(jnp.asarray, state))
        scalars = metrics and {name: float(value) for name, value in metrics.items()}
        with self._clear_failure():
            # Where orbax decides not to save, it returns False and says nothing.
            if not self._manager.save(step, args=ocp.args.Composite(state=arrays), metrics=scalars):
                raise RuntimeError("orbax left it out")

    def close(self) -> None:
        """Wait until the last save is finished; nothing runs in the background afterwards.

        Raises:
          RunError: the last state can't be written.
        """
        try:
            self._wait()
        finally:
            self._manager.close()

    def __enter__(self) -> Checkpoints:
        """Return the object itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self.close()

    def _wait(self) -> None:
        with self._clear_failure():
            self._manager.wait_until_finished()
        shutil.rmtree(self._folder / _RETIRED, ignore_errors=True)

    @contextmanager
    def _clear_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            raise RunError(
                f"checkpoint {self._step} can't be saved in {self._folder}: {one_line(error)}"
            ) from error

    def _seal(self) -> None:
        if parallel.is_first():
            seal(self._folder / f"{self._step}{_UNFINISHED}", self._leaves)


def best_step(
    folder: str | os.PathLike[str], metric: str, *, mode: Literal["min", "max"] = "min"
) -> int | None:
    """Find the step that a metric calls the best, of those still there.

    Args:
      folder: where the steps are.
      metric: name of a metric the steps were saved with.
      mode: whether its smallest or its largest value is the best.

    Returns:
      The step, the latest of several equals; None if no step has the metric.
    """
    folder, scores = Path(folder).absolute(), {}
    for step in saved_steps(folder):
        try:
            metrics = json.loads((folder / str(step) / "metrics" / "metrics").read_text())
        except (OSError, ValueError):
            continue
        scores[step] = _score(metrics, metric=metric, mode=mode)
    best = max(scores, key=lambda step: scores[step], default=None)
    return None if best is None or scores[best] == -math.inf else best


def _score(metrics: Mapping[str, float], *, metric: str, mode: str) -> float:
    """Return how good a step is; one without the metric, or with a NaN, is the worst."""
    value = metrics.get(metric, math.nan)
    if not math.isfinite(value):
        return -math.inf
    return value if mode == "max" else -value


def _make_writable(folder: Path) -> None:
    """Make the folder, try to write in it, and remove what a killed save has left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(f"checkpoints can't be written in {folder}: {one_line(error)}") from error
    if parallel.is_first():
        for leftover in [*folder.glob(f"*{_UNFINISHED}"), folder / _RETIRED]:
            shutil.rmtree(leftover, ignore_errors=True)


def _open_manager(
    folder: Path, keep: int, best: str | None, mode: str, seal_step: Callable[[], None]
) -> Any:
    import orbax.checkpoint as ocp
    from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, BestN, LatestN

    silence_orbax()
    score = best and partial(_score, metric=best, mode=mode)
    kept: list[Any] = [LatestN(keep)]
    if score:
        kept.append(BestN(get_metric_fn=score, n=1, keep_checkpoints_without_metrics=False))
    options = ocp.CheckpointManagerOptions(
        best_fn=score,
        preservation_policy=AnyPreservationPolicy(kept),
        todelete_subdir=_RETIRED,
        async_options=ocp.AsyncOptions(
            # Called when all is written, before the folder gets its final name.
            post_finalization_callback=seal_step,
            # In the background, a folder that can't be made leaves threads waiting for it.
            create_directories_asynchronously=False,
            # Counted by the clock on the wall: one that is set forward would end a good save.
            timeout_secs=10**9,
        ),
    )
    return ocp.CheckpointManager(folder, options=options)
