"""Which operation each thread of a CPU, or each stream of a GPU, ran from when to when."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jax.profiler import ProfileData, ProfileEvent, ProfilePlane

__all__ = ["Span", "read_spans"]


class Span(NamedTuple):
    """A stretch of time, in nanoseconds, in which one thread or stream ran one operation."""

    start: float
    end: float
    operation: str


def read_spans(
    profile: ProfileData, operations: Collection[str]
) -> tuple[list[Span], Counter[str]]:
    """Read off a trace what ran when: on the GPUs if it has any, else on the CPU.

    Args:
      profile: the trace.
      operations: the names of the traced program's instructions.

    Returns:
      The stretches of time, those of one thread or stream without overlap, and how many times each
      operation was called.
    """
    planes = list(profile.planes)
    gpus = [plane for plane in planes if plane.name.startswith("/device:GPU:")]
    with warnings.catch_warnings():
        # Where warnings are errors, one about the type of `stats` aborts the interpreter.
        warnings.filterwarnings("ignore", "builtin type", DeprecationWarning)
        if gpus:
            spans = list(_gpu_spans(gpus))
            return spans, Counter(span.operation for span in spans)
        cpu = [plane for plane in planes if plane.name == "/host:CPU"]
        moments = sorted(moment for plane in cpu for moment in _moments(plane, operations))
    calls = Counter(moment.operation for moment in moments if moment.what == _START)
    return list(_cpu_spans(moments)), calls


def _gpu_spans(planes: Iterable[ProfilePlane]) -> Iterator[Span]:
    """Yield the kernels and copies, by the names of the instructions that launched them.

    Written after the source of XLA's CUPTI collector; not yet tried on a GPU.
    """
    for plane in planes:
        for line in plane.lines:
            for event in line.events if line.name.startswith("Stream #") else ():
                name = str(dict(event.stats).get("hlo_op", event.name))
                yield Span(event.start_ns, event.start_ns + event.duration_ns, name)


# What happens on a thread; of several at one moment, in the order in which to take them.
_STOP, _LAY_DOWN, _DONE, _START, _HAND_OVER, _TAKE_UP = range(6)
_OF_TASKS = {
    "ThreadpoolListener::Record": _HAND_OVER,
    "ThreadpoolListener::StartRegion": _TAKE_UP,
    "ThreadpoolListener::StopRegion": _LAY_DOWN,
}


class _Moment(NamedTuple):
    time: float
    what: int
    number: int  # of the call or the task
    operation: str
    thread: int


def _moments(plane: ProfilePlane, operations: Collection[str]) -> Iterator[_Moment]:
    for thread, line in enumerate(plane.lines):
        for event in line.events:
            start, end, name = event.start_ns, event.start_ns + event.duration_ns, event.name
            if name in operations and start < end:
                yield _Moment(start, _START, _number(event), name, thread)
                yield _Moment(end, _STOP, _number(event), name, thread)
            elif name in _OF_TASKS:
                yield _Moment(start, _OF_TASKS[name], _number(event), "", thread)
            elif name.startswith("end: "):
                yield _Moment(start, _DONE, _number(event), "", thread)


def _number(event: ProfileEvent) -> int:
    """Return what links an event with others: it is theirs (producer), or they are (consumer)."""
    stats = dict(event.stats)
    return int(stats.get("_p") or stats.get("_c") or 0)


class _Call(NamedTuple):
    operation: str
    number: int


class _Thread:
    """What a thread is at: calls, the innermost last, or else a task that a call handed over."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self.task: _Call | None = None
        self.since = 0.0

    @property
    def call(self) -> _Call | None:
        return self.calls[-1] if self.calls else self.task

    def until(self, now: float) -> Iterator[Span]:
        """Yield what it was at since it was last asked."""
        if self.call and now > self.since:
            yield Span(self.since, now, self.call.operation)
        self.since = now


def _cpu_spans(moments: Iterable[_Moment]) -> Iterator[Span]:
    """Yield what the threads were at.

    An operation may hand tasks over to other threads, and be over at once where it was called: its
    tasks count as well. In a task, a thread may go on to operations that waited for it: the task
    is over when one starts.
    """
    threads: dict[int, _Thread] = defaultdict(_Thread)
    owners: dict[int, _Call | None] = {}
    for now, what, number, operation, name in moments:
        thread = threads[name]
        yield from thread.until(now)
        if what == _START:
            thread.calls.append(_Call(operation, number))
            thread.task = None
        elif what == _STOP:
            thread.calls.remove(_Call(operation, number))
        elif what == _HAND_OVER:
            owners[number] = thread.call
        elif what == _TAKE_UP:
            thread.task = owners.get(number)
        elif what == _LAY_DOWN:
            thread.task = None
        else:
            for other in threads.values():
                if other.task and other.task.number == number:
                    yield from other.until(now)
                    other.task = None
