"""Where a run's time goes, by kind of operation, read back from a profiler's trace."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax

from gan_jax.errors import RunError
from gan_jax.profiling.hlo import KINDS, Instruction, read_instructions
from gan_jax.profiling.spans import Span, read_spans

if TYPE_CHECKING:
    from jax.profiler import ProfileData

__all__ = ["Breakdown", "Spent", "break_down", "trace"]


class Spent(NamedTuple):
    """The time that one thing took in all.

    Attributes:
      name: a kind of operation, or one operation by its name in the compiled program.
      seconds: of wall time, divided equally among the threads or streams that were busy.
      share: of the wall time.
      calls: how many times it ran.
      source: where in the JAX program an operation comes from; of a kind, "".
    """

    name: str
    seconds: float
    share: float
    calls: int
    source: str = ""


class Breakdown(NamedTuple):
    """Where the wall time of a traced run went: seconds of the kinds and `idle` add up to `wall`.

    Attributes:
      kinds: each kind of operation that ran, longest first.
      operations: each single operation, longest first.
      idle: seconds in which the device ran no operation.
      wall: seconds from start to end.
      file: the trace, for viewers.
    """

    kinds: tuple[Spent, ...]
    operations: tuple[Spent, ...]
    idle: float
    wall: float
    file: Path


def trace(run: Callable[[], object], directory: str | os.PathLike[str], hlo: str) -> Breakdown:
    """Run something under JAX's profiler, and tell where its time went.

    Args:
      run: runs a compiled program any number of times, and returns when all is done.
      directory: where the trace goes, below `plugins/profile`.
      hlo: the compiled program's text, from `compiled.as_text()`.

    Returns:
      The time spent by kind of operation and by operation.

    Raises:
      RunError: the trace has none of the program's operations.
    """
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0  # its events would slow down what is measured
    with jax.profiler.trace(directory, profiler_options=options):
        start = time.perf_counter()
        run()
        wall = time.perf_counter() - start
    files = Path(directory).glob("plugins/profile/*/*.xplane.pb")
    newest = max(files, key=lambda file: file.stat().st_mtime)
    profile = jax.profiler.ProfileData.from_file(str(newest))
    return break_down(profile, hlo, wall, newest)


def break_down(profile: ProfileData, hlo: str, wall: float, file: Path) -> Breakdown:
    """Add up the times of a trace's operations.

    An instant in which several threads of a CPU, or streams of a GPU, are busy is divided equally
    among what they run, so that the times add up to wall time. A loop or a call has only the
    instants in which nothing runs inside it.

    Args:
      profile: the trace.
      hlo: the compiled program's text.
      wall: seconds that the run took.
      file: the trace's file.

    Returns:
      The time spent by kind of operation and by operation.

    Raises:
      RunError: the trace has none of the program's operations.
    """
    program = read_instructions(hlo)
    spans, calls = read_spans(profile, program)
    if not spans:
        raise RunError(f"{file}: the trace holds none of the program's operations")
    seconds = _divide(spans, program)
    unknown = Instruction("", "other")
    operations = [
        Spent(name, taken, taken / wall, calls[name], program.get(name, unknown).source)
        for name, taken in seconds.items()
    ]
    kinds = []
    for kind in KINDS:
        of_kind = [row for row in operations if program.get(row.name, unknown).kind == kind]
        taken = sum(row.seconds for row in of_kind)
        kinds.append(Spent(kind, taken, taken / wall, sum(row.calls for row in of_kind)))
    return Breakdown(
        kinds=_longest_first(row for row in kinds if row.calls),
        operations=_longest_first(operations),
        idle=max(0.0, wall - sum(seconds.values())),
        wall=wall,
        file=file,
    )


def _longest_first(rows: Iterable[Spent]) -> tuple[Spent, ...]:
    return tuple(sorted(rows, key=lambda row: -row.seconds))


def _divide(spans: Iterable[Span], program: Mapping[str, Instruction]) -> dict[str, float]:
    """Return the seconds of each operation, instants divided among those that run."""
    lasting = [span for span in spans if span.start < span.end]
    changes = [(span.start, True, span.operation) for span in lasting]
    changes += [(span.end, False, span.operation) for span in lasting]
    seconds: dict[str, float] = defaultdict(float)
    running: list[str] = []
    before = 0.0
    for now, starts, name in sorted(changes):
        holders = [other for other in running if other in program and program[other].holds_others]
        busy = [other for other in running if other not in holders] or holders
        for other in busy:
            seconds[other] += (now - before) / len(busy) / 1e9
        before = now
        if starts:
            running.append(name)
        else:
            running.remove(name)
    return seconds
