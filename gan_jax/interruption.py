"""Ask a run to stop between two steps, instead of dying in one."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

__all__ = ["Interruption"]


class Interruption:
    """Note SIGINT and SIGTERM instead of dying of them, inside a `with` block.

    A second signal of either kind does what it would have done without this. Outside the main
    thread, where Python allows no handlers, nothing is changed.

    Attributes:
      signal: the number of the signal that came, None if none did.
    """

    def __init__(self) -> None:
        """Start with no signal seen."""
        self.signal: int | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> Interruption:
        """Install the handlers."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the previous handlers back."""
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous = {}
