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


def raised(function):
    """Return what a function raises, with the traceback from there on."""
    try:
        function()
    except Exception as error:
        return error.with_traceback(error.__traceback__.tb_next)


def raised_in(path):
    code = compile("raise OSError('full')", path, "exec")
    return raised(lambda: exec(code))


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (raised_in("/lib/orbax/checkpoint/x.py"), 0),
        (
            ValueError('RESOURCE_EXHAUSTED: Error writing "a/0" at "/x/4.orbax-checkpoint-tmp/d/"'),
            0,
        ),
        (
            ValueError('NOT_FOUND: Error opening "/x/d/0" [source locations="tensorstore/a.cc:1"]'),
            1,
        ),
        (raised_in("/home/me/x.py"), 1),
        (ValueError("mine"), 1),
    ],
)
def test_other_files_of_a_failed_save_say_nothing(caplog, error, lines):
    silence_orbax()
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_exception(error)
    told = {"message": "never retrieved", "exception": future.exception(), "future": future}
    loop.call_exception_handler(told)
    loop.close()
    assert len(caplog.messages) == lines


def test_late_callbacks_say_nothing(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    silence_orbax()
    silence_orbax()
    loop = asyncio.new_event_loop()
    loop.close()

    def mine():
        loop.call_soon_threadsafe(print)

    others = [
        raised(mine),
        RuntimeError("Event loop is closed"),
        ValueError("Event loop is closed"),
    ]
    late = raised(lambda: loop.call_soon_threadsafe(print))
    late = late.with_traceback(late.__traceback__.tb_next)  # as where no Python called it
    for error in (late, *others):
        sys.unraisablehook(SimpleNamespace(exc_value=error))
    assert [each.exc_value for each in told] == others
