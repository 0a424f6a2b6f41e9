"""One line of what went wrong, and nothing of orbax's log."""

import errno
import logging

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
