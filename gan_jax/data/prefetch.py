"""Batches built in the background, for data that does not fit on the device."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

__all__ = ["prefetch"]

_Request = TypeVar("_Request")
_Batch = TypeVar("_Batch")


def prefetch(
    make: Callable[[_Request], _Batch], requests: Iterable[_Request], *, ahead: int = 2
) -> Generator[_Batch, None, None]:
    """Build batches in a thread of their own while earlier ones are worked on.

    Nothing runs before the first batch is asked for. At most `ahead` batches are waiting or being
    built beside the one that was given out last. Closing the generator, or dropping it, forgets
    what is waiting and ends the thread when the batch that it is building is done: use it in
    `with contextlib.closing(...)`.

    Args:
      make: builds one batch; run in the thread, one call at a time. What it raises is raised
        where that batch would have come.
      requests: the arguments of `make`, in order; drawn as they are needed, in the caller's thread.
      ahead: how many batches to build in advance, at least 1.

    Yields:
      `make(request)` for each request, in order.

    Raises:
      ValueError: `ahead` is below 1.

    Example:
      >>> list(prefetch(lambda number: number**2, range(4)))
      [0, 1, 4, 9]
    """
    if ahead < 1:
        raise ValueError(f"prefetch: ahead is {ahead}, it must be at least 1")
    waiting: deque[Future[_Batch]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as pool:
        try:
            for request in requests:
                waiting.append(pool.submit(make, request))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
