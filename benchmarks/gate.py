"""Timings that count only where the machine was free for them.

Two programs are compared in rounds: a block of steps of the one, then of the other, in turns. A
round counts only if two threads had two cores to themselves before and after it, and nothing else
ran meanwhile; on a busy machine the comparison of two multi-threaded programs can be wrong by more
than a factor of two, in either direction.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

__all__ = [
    "Gate",
    "Round",
    "Side",
    "compete",
    "gated",
    "other_processes_seconds",
    "row",
    "two_thread_canary",
]

CANARY = 1.85
OTHERS = 0.10
PROC = Path("/proc")
_BLOCK_SECONDS = 0.4
_CANARY_SECONDS = 0.05

Result = TypeVar("Result")


class Side(NamedTuple):
    """One of two competitors.

    Attributes:
      run: does its work so many times, and returns when the results are there.
      steps: how many steps doing it once takes.
    """

    run: Callable[[int], None]
    steps: float = 1


class Round(NamedTuple):
    """What one round measured of ours, and of what it is compared with if there is anything."""

    ours: float
    reference: float | None = None


def two_thread_canary() -> float:
    """Return the CPU seconds per second that two threads get; 2 where two cores are free."""
    import numpy as np

    numbers = np.ones((384, 384), np.float32)
    end = time.perf_counter() + _CANARY_SECONDS

    def multiply() -> None:
        product = np.empty_like(numbers)
        while time.perf_counter() < end:
            np.matmul(numbers, numbers, out=product)

    threads = [threading.Thread(target=multiply) for _ in range(2)]
    began, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.process_time() - cpu) / (time.perf_counter() - began)


def other_processes_seconds() -> float:
    """Return the CPU seconds that others used since the machine started; 0 if they can't be told.

    Others are all but this process, the children it has waited for, and its live workers of
    `multiprocessing`.
    """
    try:
        counts = (PROC / "stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, stolen = map(int, counts)
    ticks = user + nice + system + irq + softirq + stolen
    ticks -= sum(_ticks(child.pid) for child in multiprocessing.active_children())
    waited_for = os.times().children_user + os.times().children_system
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time() - waited_for


def _ticks(process: int | None) -> int:
    """Read the CPU time of a live process."""
    fields = (PROC / f"{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


class Gate(NamedTuple):
    """How much is to be measured, and what tells whether a round counts.

    Attributes:
      rounds: how many are to count.
      patience: seconds after which no round is begun.
      canary: CPU seconds per second that two threads get.
      others: CPU seconds that other processes have used so far.
      clock: seconds that only go up.
    """

    rounds: int
    patience: float
    canary: Callable[[], float] = two_thread_canary
    others: Callable[[], float] = other_processes_seconds
    clock: Callable[[], float] = time.perf_counter


def gated(work: Callable[[int], Result], gate: Gate) -> list[Result]:
    """Do work until enough of it had the machine to itself.

    Args:
      work: does a round, given how many were done before, whether they counted or not.
      gate: how many rounds are wanted, and which count.

    Returns:
      The results of the rounds that count: fewer than wanted where patience ended first.
    """
    kept: list[Result] = []
    number, began = 0, gate.clock()
    while len(kept) < gate.rounds and gate.clock() - began < gate.patience:
        if gate.canary() < CANARY:
            continue
        start, others = gate.clock(), gate.others()
        result = work(number)
        share = (gate.others() - others) / (gate.clock() - start)
        number += 1
        if share < OTHERS and gate.canary() >= CANARY:
            kept.append(result)
    return kept


def compete(ours: Side, reference: Side, gate: Gate) -> list[Round]:
    """Time two sides against each other, in rounds in which now one goes first, now the other.

    Args:
      ours: one side.
      reference: the other.
      gate: how many rounds are wanted, and which count.

    Returns:
      Seconds per step of both, for each round that counts.
    """
    blocks = [_block(side, gate.clock) for side in (ours, reference)]

    def one_round(number: int) -> Round:
        order = (0, 1) if number % 2 == 0 else (1, 0)
        seconds = {index: blocks[index]() for index in order}
        return Round(seconds[0], seconds[1])

    return gated(one_round, gate)


def _block(side: Side, clock: Callable[[], float]) -> Callable[[], float]:
    """Warm a side up, and choose how long a block of it is; return what times one block."""

    def timed(calls: int) -> float:
        start = clock()
        side.run(calls)
        return clock() - start

    timed(1)
    timed(1)
    calls = max(1, round(_BLOCK_SECONDS / max(timed(1), 1e-6)))

    def block() -> float:
        # The first call after the other side's block finds cold caches; in a long one it is lost.
        if calls > 1:
            side.run(1)
        return timed(calls) / (calls * side.steps)

    return block


def row(name: str, unit: str, rounds: Sequence[Round], note: str = "") -> dict[str, Any]:
    """Sum up the rounds of a benchmark.

    Args:
      name: the benchmark's name.
      unit: what `ours` and `reference` are in.
      rounds: those that count.
      note: what a reader should know.

    Returns:
      The medians `ours` and `reference`; `ratio`, the median of reference / ours, above 1 where we
      are faster, and its `spread`, the inter-quartile range; None where there is nothing to say.
    """
    references = [one.reference for one in rounds if one.reference is not None]
    ratios = [one.reference / one.ours for one in rounds if one.reference is not None]
    return {
        "name": name,
        "unit": unit,
        "ours": _median([one.ours for one in rounds]),
        "reference": _median(references),
        "ratio": _median(ratios),
        "spread": _interquartile_range(ratios),
        "kept_rounds": len(rounds),
        "note": note,
    }


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _interquartile_range(values: Sequence[float]) -> float | None:
    if len(values) < 2:
        return None
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return third - first
