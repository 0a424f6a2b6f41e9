"""A program called with any words in a folder of its own, and what must hold whatever they are."""

import contextlib
import io
import os
import re
import shutil
import tempfile
import traceback
from pathlib import Path
from typing import NamedTuple

__all__ = ["SETTINGS", "TRANSLATION", "Outcome", "Reached", "call", "sandbox"]

SETTINGS = {
    "batch_size": 8, "best_metric": "frechet_distance", "channels": 1, "classes": 10, "conditional": False,
    "dataset": "digits", "dtype": "float32", "features": 8, "gamma": [0.3, 0.03], "learning_rate": 0.001,
    "model": "mlp", "resolution": 8, "seed": 0, "steps": 100,
}  # fmt: skip

TRANSLATION = {
    "adversarial_weight": 1.0, "batch_size": 8, "best_metric": "frechet_distance", "channels": 1, "classes": 10,
    "dataset": "digits", "direction": "AtoB", "dropout_blocks": 0, "dtype": "float32", "features": 8,
    "inference_norm": "running", "jitter": 0.0, "l1_weight": 100.0, "learning_rate": 0.001, "preset": "small",
    "resolution": 8, "seed": 0, "steps": 100, "task": "outlines",
}  # fmt: skip


class Reached(BaseException):
    """Raised where the work would start: the words were understood."""


class Outcome(NamedTuple):
    """What became of a call: the exit code, 0 where the work was reached, and what was said."""

    code: int
    error: str
    made: frozenset[str]


@contextlib.contextmanager
def sandbox():
    """Yield an empty folder that is the current one, below another that is the home folder."""
    above, before = Path(tempfile.mkdtemp(prefix="fuzz_")), os.getcwd()
    home = os.environ.get("HOME")
    (above / "home").mkdir()
    (above / "here").mkdir()
    os.environ["HOME"] = str(above / "home")
    os.chdir(above / "here")
    try:
        yield above / "here"
    finally:
        os.chdir(before)
        os.environ["HOME"] = home or ""
        shutil.rmtree(above, ignore_errors=True)


def call(main, words):
    """Call a program, and check that a mistake is one line and leaves no file."""
    above = Path.cwd().parent
    before = tree(above)
    said, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(error):
        try:
            code = main(list(words))
        except Reached:
            code = 0
        except SystemExit as end:  # of --help, which is no work
            code = end.code or 0
        except BaseException:
            raise AssertionError(
                f"{words!r} gives a traceback:\n{traceback.format_exc()}"
            ) from None
    made = frozenset(tree(above) - before)
    check(words, code, error.getvalue(), made)
    return Outcome(code, error.getvalue(), made)


def check(words, code, error, made):
    """Check what holds of every call."""
    assert code in (0, 1, 2), f"{words!r} exits with {code}"
    assert "Traceback" not in error, error
    if code:
        assert re.fullmatch(r"error: [^\n\r]+\n", error), f"{words!r} says {error!r}"
        assert error[:-1].isprintable(), f"{words!r} says {error!r}"
    if code == 2:
        left = {name for name in made if Path(name).name != ".lock"}
        assert not left, f"{words!r} is refused ({error!r}) and leaves {sorted(left)}"
    assert not any(name.startswith("home/") for name in made), f"{words!r} leaves {sorted(made)}"


def tree(folder):
    """Return the paths of all files below a folder."""
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return {str(path.relative_to(folder)) for path in found}
