"""One line of what went wrong, and nothing of orbax's log."""

import asyncio
import errno
import logging
import sys
from types import SimpleNamespace

import pytest

from gan_jax.checkpoint.quiet import one_line, silence_orbax

_TENSORSTORE = (
    'RESOURCE_EXHAUSTED: Error writing "a/0" at "/x/state": Failed to write 8 bytes to file 11: '
    "No space left on device [os_error_code='28'] [source locations='a.cc:1']"
)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "No space left on device"),
        (OSError("odd"), "odd"),
        (ValueError(_TENSORSTORE), "No space left on device"),
        (ValueError("first: words\nsecond"), "first: words"),
        (KeyError(), "KeyError"),
    ],
)
def test_one_line(error, line):
    assert one_line(error) == line


def test_only_orbax_is_silenced(caplog):
    silence_orbax()
    silence_orbax()
    logger = logging.getLogger("absl")
    for path in ("/lib/orbax/checkpoint/x.py", "/lib/flax/orbax.py"):
        logger.handle(logger.makeRecord("absl", logging.ERROR, path, 1, path, (), None))
    assert caplog.messages == ["/lib/flax/orbax.py"]


def failed(path):
    """Return a future that has failed in a file, and that nobody asks."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    try:
        exec(compile("raise OSError('full')", path, "exec"))
    except OSError as error:
        future.set_exception(error)
    loop.close()
    return loop, future


def test_other_files_of_a_failed_save_say_nothing(caplog):
    silence_orbax()
    for path in ("/lib/orbax/checkpoint/x.py", "/home/me/x.py"):
        loop, future = failed(path)
        loop.call_exception_handler(
            {"message": path, "exception": future.exception(), "future": future}
        )
    assert [message.splitlines()[0] for message in caplog.messages] == ["/home/me/x.py"]


def test_late_callbacks_say_nothing(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    silence_orbax()
    silence_orbax()
    others = RuntimeError("no loop"), ValueError("Event loop is closed")
    for error in (RuntimeError("Event loop is closed"), *others):
        sys.unraisablehook(SimpleNamespace(exc_value=error))
    assert [each.exc_value for each in told] == list(others)
