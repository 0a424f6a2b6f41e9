"""Restoring what was saved, from the newest step that is good."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
from jax.experimental import multihost_utils

from gan_jax import parallel
from gan_jax.checkpoint.integrity import examine, move_aside, nothing_good, read_leaves, saved_steps
from gan_jax.checkpoint.quiet import one_line, silence_orbax
from gan_jax.checkpoint.structure import abstract_state, check_fits, describe
from gan_jax.errors import RunError, UsageError
from gan_jax.typing import PyTree

__all__ = ["restore_latest", "restore_part"]

_NOTHING = -1


def restore_latest(
    folder: str | os.PathLike[str],
    target: PyTree,
    *,
    sharding: jax.sharding.Sharding | None = None,
    report: Callable[[str], None] = print,
) -> tuple[PyTree, int] | None:
    """Restore the newest good step, to train on from it.

    Every step is verified; of several processes, the first decides which is restored. Those that
    are damaged are renamed to `damaged-<step>-...`, so that their steps can be saved again; nothing
    is deleted.

    Args:
      folder: where the steps are.
      target: a state of the structure wanted, concrete or as `jax.eval_shape` gives it.
      sharding: where all the arrays go, the first local device if None.
      report: called with one line for each damaged step.

    Returns:
      The state, in new arrays, and its step; None if no step was ever saved.

    Raises:
      UsageError: what was saved is of another structure, shape, dtype or format.
      RunError: there are steps, but none is good.
    """
    folder = Path(folder).absolute()
    newest: int | None = None
    damaged: dict[int, str] = {}
    with parallel.together():
        if parallel.is_first():
            newest, damaged = _newest_good(folder)
    step = parallel.first_says(_NOTHING if newest is None else newest)
    if step == _NOTHING:
        return None
    state = _restore(folder / str(step), target, sharding, part=False)
    if parallel.is_first():
        for bad, problem in damaged.items():
            moved = move_aside(folder, bad)
            report(f"checkpoint {bad} is damaged ({problem}): moved to {moved}, {step} is good")
    multihost_utils.sync_global_devices("gan_jax: damaged checkpoints are out of the way")
    return state, step


def _newest_good(folder: Path) -> tuple[int | None, dict[int, str]]:
    """Verify all steps; return the newest good one, and what is wrong with each damaged one."""
    problems = dict(examine(folder, saved_steps(folder)))
    damaged = {step: problem for step, problem in problems.items() if problem is not None}
    good = [step for step in problems if step not in damaged]
    if damaged and not good:
        raise nothing_good(folder, damaged)
    return max(good, default=None), damaged


def restore_part(
    folder: str | os.PathLike[str],
    target: Mapping[str, Any],
    *,
    step: int | None = None,
    sharding: jax.sharding.Sharding | None = None,
    report: Callable[[str], None] = print,
) -> tuple[Any, int]:
    """Restore some parts of a state, such as a generator without its optimizer.

    Only reads, so it may be used on a run that is still saving.

    Args:
      folder: where the steps are.
      target: nested dicts with the parts wanted, concrete or abstract, under the names they have
        in the state: `{"generator": {"params": ..., "model_state": ...}}`.
      step: which step; the newest good one if None.
      sharding: where all the arrays go, the first local device if None.
      report: called with one line for each damaged step passed over.

    Returns:
      What `target` names, in new arrays, and its step.

    Raises:
      UsageError: there is no such step, or a part is of another structure, shape or dtype, or
        the format is another.
      RunError: the step wanted is damaged, or all are.
    """
    folder = Path(folder).absolute()
    steps = saved_steps(folder)
    wanted = steps if step is None else [step]
    if not steps or not set(wanted) <= set(steps):
        which = "checkpoint" if step is None else f"checkpoint {step}"
        raise UsageError(f"no {which} in {folder}: the steps there are {steps}")
    damaged: dict[int, str] = {}
    for candidate, problem in examine(folder, wanted):
        if problem is None:
            return _restore(folder / str(candidate), dict(target), sharding, part=True), candidate
        damaged[candidate] = problem
        report(f"checkpoint {candidate} is damaged ({problem}): passed over")
    raise nothing_good(folder, damaged)


def _restore(
    folder: Path, target: PyTree, sharding: jax.sharding.Sharding | None, *, part: bool
) -> PyTree:
    import orbax.checkpoint as ocp

    silence_orbax()
    abstract = abstract_state(target, sharding)
    try:
        check_fits(read_leaves(folder), describe(abstract), part=part)
    except UsageError as error:
        raise UsageError(f"checkpoint {folder} doesn't fit: {error}") from None
    arguments = ocp.args.PyTreeRestore(
        abstract,
        restore_args=ocp.checkpoint_utils.construct_restore_args(abstract),
        partial_restore=True,
    )
    try:
        with ocp.PyTreeCheckpointer() as checkpointer:
            return checkpointer.restore(folder / "state", args=arguments)
    except Exception as error:
        raise RunError(f"checkpoint {folder} can't be read: {one_line(error)}") from error
