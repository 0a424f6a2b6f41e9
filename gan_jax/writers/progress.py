"""How far a run is: one live line on a terminal, a line now and then in a log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TextIO

__all__ = ["Progress"]

_TERMINAL_SECONDS = 0.1
_LOG_SECONDS = 10.0
# What holds translations to their sources; beside them a critic may have no weight.
_DISTANCES = {"L1": "l1_distance", "squared error": "squared_error", "cycle": "cycle_loss"}


class Progress:
    """Show the progress of a run.

    On a terminal one line is rewritten in place, cut to the terminal's width. Elsewhere (a file, a
    pipe) the first update, the last, and one at most every ten seconds are printed as plain lines.
    Where nothing can be printed (a closed stream, a terminal that is gone), it falls silent.

    Args:
      total_steps: the step at which the run ends.
      stream: where to print; `sys.stderr` if none is given.
      clock: returns seconds; only differences matter.
    """

    def __init__(
        self,
        total_steps: int,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total_steps = total_steps
        self._stream = sys.stderr if stream is None else stream  # None where that is closed
        self._clock = clock
        self._is_terminal = self._stream is not None and self._stream.isatty()
        self._first: tuple[int, float] | None = None
        self._latest = ""
        self._shown = ""
        self._shown_at = float("-inf")

    def update(
        self, step: int, metrics: Mapping[str, Any], *, images_per_second: float | None = None
    ) -> None:
        """Take note of a step, and show it if it is time to.

        The time left follows from the rate since the first update of this process, which leaves out
        what an earlier process did and the compilation before the first update.

        Args:
          step: the number of steps done.
          metrics: name to number; of `discriminator_loss`, `generator_loss`, `l1_distance`,
            `squared_error`, `cycle_loss`, `real_accuracy`, `fake_accuracy`, `modes` and
            `high_quality` those present are shown.
          images_per_second: training speed, left out if `None`.
        """
        now = self._clock()
        self._first = self._first or (step, now)
        parts = [
            f"{100 * step // max(self._total_steps, 1):3d}%  {step}/{self._total_steps}",
            _time_left(self._first, (step, now), self._total_steps),
            "" if images_per_second is None else f"{images_per_second:,.0f} images/s",
            _pairs("loss", metrics, {"D": "discriminator_loss", "G": "generator_loss"}, ".3f"),
            _pairs("", metrics, _DISTANCES, ".3f"),
            _pairs("accuracy", metrics, {"real": "real_accuracy", "fake": "fake_accuracy"}, ".0%"),
            _pairs("", metrics, {"modes": "modes"}, ".1f"),
            _pairs("", metrics, {"high quality": "high_quality"}, ".0%"),
        ]
        self._latest = "  ".join(filter(None, parts))
        interval = _TERMINAL_SECONDS if self._is_terminal else _LOG_SECONDS
        if now - self._shown_at >= interval or step >= self._total_steps:
            self._show()
            self._shown_at = now

    def message(self, text: str) -> None:
        """Print a line of its own above the progress line.

        Args:
          text: what to print, without a newline at its end.
        """
        if self._is_terminal and self._shown:
            self._print("\r" + self._over("") + "\r" + text + "\n")
            self._shown = ""
            self._show()
        else:
            self._print(text + "\n")

    def close(self) -> None:
        """Show the latest update, if it was not shown, and end the line."""
        if self._latest:
            self._show()
        if self._is_terminal and self._shown:
            self._print("\n")
        self._latest = self._shown = ""

    def _show(self) -> None:
        if self._is_terminal:
            self._print("\r" + self._over(self._latest))
            self._shown = self._latest[: self._columns()]
        elif self._latest != self._shown:
            self._print(self._latest + "\n")
            self._shown = self._latest

    def _over(self, line: str) -> str:
        """Return what hides the line that is shown behind another, without wrapping."""
        return line.ljust(len(self._shown))[: self._columns()]

    def _columns(self) -> int:
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns if self._stream else 0
        except (OSError, ValueError):
            columns = 0
        return (columns or 80) - 1  # A full line would wrap.

    def _print(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # no reason for a run to end
            self._stream = None


def _time_left(first: tuple[int, float], now: tuple[int, float], total_steps: int) -> str:
    steps, seconds = now[0] - first[0], now[1] - first[1]
    if steps <= 0 or now[0] >= total_steps:
        return ""
    return f"{_duration((total_steps - now[0]) * seconds / steps)} left"


def _duration(seconds: float) -> str:
    """Return a duration in its two largest units.

    >>> _duration(59.6), _duration(72), _duration(7500), _duration(100000)
    ('1m 00s', '1m 12s', '2h 05m', '1d 03h')
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours:02}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"


def _pairs(title: str, metrics: Mapping[str, Any], names: Mapping[str, str], form: str) -> str:
    shown = [
        f"{label} {float(metrics[name]):{form}}" for label, name in names.items() if name in metrics
    ]
    return " ".join(filter(None, [title, *shown])) if shown else ""
