"""How far something long is, as a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["SECONDS", "progress_lines"]

SECONDS = 5.0


def progress_lines(
    what: str,
    total: int,
    report: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[int], None]:
    """Make a function that reports a rate and the time left; what is soon done gets no line.

    Args:
      what: what is being done, such as `"decoding cats"`.
      total: how many there are to do.
      report: given the lines, at least 5 s apart.
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
        if now - reported >= SECONDS and 0 < done < total:
            reported = now
            rate = done / (now - started)
            left = (total - done) / rate
            report(f"{what}: {done:,} of {total:,}, {rate:.3g} per second, about {left:.0f} s left")

    return progress
