"""How far something long is, as a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["progress_lines"]


def progress_lines(
    what: str,
    total: int,
    report: Callable[[str], None],
    *,
    seconds: float = 5.0,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[int], None]:
    """Make a function that reports a rate and the time left; what is soon done gets no line.

    Args:
      what: what is being done, such as `"drawing samples"`.
      total: how many there are to do.
      report: given the lines.
      seconds: the least time between two lines, and before the first.
      clock: seconds that only go up.

    Returns:
      A function of how many are done.

    Example:
      >>> progress = progress_lines("counting", 10, print, clock=iter([0.0, 2.0, 8.0]).__next__)
      >>> progress(2)
      >>> progress(4)
      counting: 4 of 10, 0.5 per second, about 12 s left
    """
    started = reported = clock()

    def progress(done: int) -> None:
        nonlocal reported
        now = clock()
        if now - reported >= seconds and done < total:
            reported = now
            rate = done / (now - started)
            left = (total - done) / rate if rate else float("inf")
            report(f"{what}: {done} of {total}, {rate:.3g} per second, about {left:.0f} s left")

    return progress
