"""What orbax has to say when something goes wrong, in one line."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

__all__ = ["one_line", "silence_orbax"]


def one_line(error: BaseException) -> str:
    """Return what an error says, in one line.

    Args:
      error: any error.

    Returns:
      The operating system's words where it is one of its errors, else the error's first line.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    line = (str(error) or type(error).__name__).partition("\n")[0]
    # A storage error names every file on the way; what happened comes last.
    words, told_by_system, _ = line.partition(" [os_error_code")
    return words.rpartition(": ")[2] if told_by_system else line


def silence_orbax() -> None:
    """Keep what orbax says off the terminal; all that it reports there is raised as well.

    What it counts for its log alone is not counted either: tensorstore loses 5 kB at each look at
    its counters, of which there are two in a save.
    """
    with contextlib.suppress(ImportError):  # orbax may move what is its own
        from orbax.checkpoint._src.serialization import tensorstore_utils

        if hasattr(tensorstore_utils, "get_tensorstore_raw_bytes"):
            tensorstore_utils.get_tensorstore_raw_bytes = _count_nothing
    logging.getLogger("absl").addFilter(_is_not_from_orbax)
    logging.getLogger("asyncio").addFilter(_is_no_failure_of_orbax)
    if not isinstance(sys.unraisablehook, _WithoutLateCallbacks):
        sys.unraisablehook = _WithoutLateCallbacks(sys.unraisablehook)


def _count_nothing(*arguments: Any, **keywords: Any) -> int:
    return 0


def _is_not_from_orbax(record: logging.LogRecord) -> bool:
    return f"{os.sep}orbax{os.sep}" not in record.pathname


def _is_no_failure_of_orbax(record: logging.LogRecord) -> bool:
    """Hide the other files of a save of which one can't be written.

    Either a module of orbax failed, or the message names a file in its folder for unfinished steps.
    """
    trace = record.exc_info[2] if record.exc_info else None
    places = [frame.filename for frame in traceback.extract_tb(trace)]
    whose = "\n".join([record.getMessage(), *places])
    return not re.search(r"[/\\]orbax[/\\]|\.orbax-checkpoint-tmp", whose)


class _WithoutLateCallbacks:
    """Hide that other files of a failed save were finished when nobody waited for them any more."""

    def __init__(self, otherwise: Callable[[Any], object]) -> None:
        self._otherwise = otherwise

    def __call__(self, unraisable: Any) -> None:
        if not _is_late_callback(unraisable.exc_value):
            self._otherwise(unraisable)


def _is_late_callback(error: BaseException | None) -> bool:
    """Tell that a loop was called after its end, and by no Python: tensorstore's threads do."""
    if not isinstance(error, RuntimeError) or str(error) != "Event loop is closed":
        return False
    outermost = traceback.extract_tb(error.__traceback__)[:1]
    return [frame.name for frame in outermost] == ["call_soon_threadsafe"]
