"""A training step under the profiler, and the lines that people read of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.profiling.costs import Cost, cost, peak_bandwidth, peak_flops
from gan_jax.profiling.tracing import Breakdown, Spent, trace
from gan_jax.typing import Batch, PyTree

__all__ = ["Profile", "profile_step", "report"]

_WARM_UP = 2
_LONGEST = 8


@dataclass(frozen=True)
class Profile:
    """What was measured of a training step.

    Attributes:
      device: the device that it ran on.
      steps: how many steps were timed, and how many traced after that.
      seconds: per step, on average, without the profiler.
      breakdown: where the time of the traced steps went.
      cost: the work of one step.
      peak_flops: floating-point operations per second of a large matrix product.
      peak_bandwidth: bytes per second of a large triad.
    """

    device: jax.Device
    steps: int
    seconds: float
    breakdown: Breakdown
    cost: Cost
    peak_flops: float
    peak_bandwidth: float

    @property
    def lines(self) -> list[str]:
        """The report for people."""
        return report(self)


def profile_step(
    step: jax.stages.Wrapped,
    state: PyTree,
    batch: Batch,
    directory: str | os.PathLike[str],
    *,
    steps: int = 10,
) -> Profile:
    """Time a training step, trace it, and compare it with what the device can do.

    Args:
      step: from `jax.jit`, `(state, batch) -> (state, metrics)`; may donate its state.
      state: the state to start from; it is copied, and stays valid.
      batch: the batch that all steps get.
      directory: where the trace goes.
      steps: how many steps to time, and then to trace.

    Returns:
      The measurements; their `lines` are for people.

    Raises:
      RunError: the trace has none of the step's operations.
    """
    compiled = step.lower(state, batch).compile()
    batch = jax.device_put(batch)
    state = _take(compiled, jax.tree.map(jnp.copy, state), batch, _WARM_UP)
    start = time.perf_counter()
    state = _take(compiled, state, batch, steps)
    seconds = (time.perf_counter() - start) / steps
    device = min(jax.tree.leaves(state)[0].devices(), key=lambda device: device.id)
    hlo = compiled.as_text() or ""
    breakdown = trace(lambda: _take(compiled, state, batch, steps), directory, hlo)
    return Profile(
        device=device,
        steps=steps,
        seconds=seconds,
        breakdown=breakdown,
        cost=cost(compiled),
        peak_flops=peak_flops(device),
        peak_bandwidth=peak_bandwidth(device),
    )


def _take(step: Callable, state: PyTree, batch: Batch, count: int) -> PyTree:
    metrics: Any = None
    for _ in range(count):
        state, metrics = step(state, batch)
    jax.block_until_ready((state, metrics))
    return state


def report(profile: Profile) -> list[str]:
    """Lay out a profile as tables.

    Args:
      profile: what was measured.

    Returns:
      Lines of text.
    """
    breakdown, steps = profile.breakdown, profile.steps
    traced = breakdown.wall / steps
    idle = Spent("idle", breakdown.idle, breakdown.idle / breakdown.wall, 0)
    total = Spent("all", breakdown.wall, 1.0, sum(row.calls for row in breakdown.kinds))
    return [
        f"{profile.device.device_kind}: {1e3 * profile.seconds:,.2f} ms per step, "
        f"{1e3 * traced:,.2f} ms while traced; mean of {steps} steps",
        "",
        *_table("where the time goes", (*breakdown.kinds, idle, total), steps),
        "Time is divided equally among the threads or streams that are busy; idle: none is.",
        "",
        *_table("longest operations", breakdown.operations[:_LONGEST], steps),
        "",
        *_work(profile),
        "",
        f"trace: {breakdown.file.parent}",
        "  open its .trace.json.gz at https://ui.perfetto.dev, or: "
        f"pip install xprof && xprof {breakdown.file.parents[3]}",
    ]


def _table(title: str, rows: Iterable[Spent], steps: int) -> list[str]:
    lines = [f"{title:32} ms/step   share  calls/step"]
    for row in rows:
        calls = f"{row.calls / steps:10,.0f}" if row.calls else ""
        line = f"  {row.name:28}{1e3 * row.seconds / steps:10,.2f} {row.share:7.1%} {calls:>11}"
        lines.append(f"{line}  {_short(row.source)}".rstrip())
    return lines


def _short(source: str) -> str:
    """Leave out the name of the whole program: `jit(step)/Dense_0/add` -> `Dense_0/add`."""
    return source.partition("/")[2] or source


def _work(profile: Profile) -> list[str]:
    work = profile.cost
    flops, traffic = work.flops / profile.seconds, work.bytes_accessed / profile.seconds
    intensity = work.flops / max(1.0, work.bytes_accessed)
    balance = profile.peak_flops / profile.peak_bandwidth
    lines = [
        "work of a step                            reached             of the best measured",
        _rate("arithmetic", work.flops, "GFLOP", flops, profile.peak_flops)
        + ", a large float32 matrix product",
        _rate("memory traffic", work.bytes_accessed, "GB", traffic, profile.peak_bandwidth)
        + ", a + 2 b of large vectors",
        f"  memory held    {work.peak_memory / 1e9:10,.3f} GB",
        f"  intensity      {intensity:10,.3f} FLOP/byte; below {balance:,.1f} memory is the limit",
        "As XLA counts: traffic is all that operations read and write, in caches or not.",
    ]
    if work.loops:
        lines.append(f"Loops counted as if each ran once: {work.loops}; the true work is more.")
    return lines


def _rate(name: str, amount: float, unit: str, per_second: float, best: float) -> str:
    reached = f"{per_second / 1e9:10,.1f} {unit + '/s':8} {per_second / best:7.1%}"
    return f"  {name:14} {amount / 1e9:10,.3f} {unit:5} {reached} of {best / 1e9:,.1f}"
