"""Command lines from frozen dataclasses: one line per mistake, exit code 2; nothing heavy imported.

Importing this module, parsing and `--help` load neither JAX nor any other numerical library.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import errno
import inspect
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gan_jax.errors import PeerError, RunError, UsageError

__all__ = ["Command", "exit_code", "parse", "require", "run"]

Options = TypeVar("Options")

# What tyro says of an option that may be None, or has several values.
_UNREADABLE = re.compile(
    r"^Error parsing (--\S+): no type matching (?:\{None\}\|)?\{?(.+?)\}? "
    r"could be instantiated from (\[.*?\])(?:\. Got errors.*)?$"
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


class Command(NamedTuple):
    """Something a program does.

    Attributes:
      options: a frozen dataclass, its docstrings the help.
      function: takes the parsed options and returns the exit code.
    """

    options: type
    function: Callable[[Any], int]


def run(program: str, commands: Mapping[str, Command], arguments: Sequence[str]) -> int:
    """Parse the arguments, run the command they name, and turn mistakes into lines.

    Args:
      program: how the program is called, for the help.
      commands: what it can do, by name; the first is done where none is named.
      arguments: the arguments after the program's name.

    Returns:
      The exit code, as from `exit_code`.
    """
    names = list(commands)
    named = bool(arguments) and arguments[0] in commands
    name = arguments[0] if named else names[0]
    rest = arguments[1:] if named else arguments

    def work() -> int:
        if not named and rest and not rest[0].startswith("-"):
            raise UsageError(f"unknown command {rest[0]!r}{_nearest(rest[0], names)}")
        called = f"{program} {name}" if named else program
        others = f"Commands: {', '.join(names)} (default {names[0]}); COMMAND --help tells more."
        options: Any = parse(commands[name].options, rest, program=called, footnote=others)
        return commands[name].function(options)

    return exit_code(work)


def exit_code(work: Callable[[], int]) -> int:
    """Do something, and turn what can go wrong for a person into one line.

    Args:
      work: returns an exit code.

    Returns:
      That code; 2 for a mistake in what was asked, 1 for a failed run, too little memory or an
      output that can't be written, 75 where another process of the run is gone, and 128 + the
      signal where Ctrl-C, or the end of whoever reads the output, ended it.
    """
    try:
        code = work()
        _flush_output()
        return code
    except UsageError as error:
        return _told(error, 2)
    except RunError as error:
        return _told(error, 1)
    except PeerError as error:
        return _told(error, 75)
    except MemoryError as error:
        return _told(f"there is too little memory: {error}".removesuffix(": "), 1)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        _drop_output()
        return 128 + signal.SIGPIPE
    except OSError as error:
        # Files are named by whoever writes them; an output that Python does not buffer is not.
        if error.filename is not None or error.errno not in _FULL:
            raise
        _drop_output()
        return _told(f"the output can't be written: {error.strerror}", 1)


def parse(
    options: type[Options], arguments: Sequence[str], *, program: str, footnote: str = ""
) -> Options:
    """Parse arguments into a dataclass; `--help` prints and exits with 0.

    Args:
      options: the dataclass, each field documented by the string under it.
      arguments: what was typed; `--batch-size` and `--batch_size` are the same.
      program: how the program is called.
      footnote: a line under the description in the help.

    Returns:
      An instance of `options`.

    Raises:
      UsageError: an option is unknown, lacks a value, or has one that is not accepted; a word is
        empty or no text; an option of several values is there twice; a path begins with a `~` that
        the shell left there.
    """
    import tyro

    for word in arguments:
        if re.search("[\0\ud800-\udfff]", word):
            raise UsageError(f"{word!r} is no text in UTF-8")
        if re.fullmatch("(--[^=]+=)?", word):  # "" would be the current folder where a path is due
            raise UsageError(f"nothing is said where a value must be: {word or repr(word)}")
    description = "\n\n".join(filter(None, [inspect.cleandoc(options.__doc__ or ""), footnote]))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = tyro.cli(options, args=list(arguments), prog=program, description=description)
            _check(parsed, arguments)
            return parsed
    except SystemExit as end:
        if not end.code:
            raise
    raise UsageError(_one_line(said.getvalue(), options, arguments))


def require(condition: bool, option: str, value: Any, accepted: str) -> None:
    """Raise unless an option's value is in its range; for `__post_init__` of options.

    Args:
      condition: what must hold.
      option: the field's name.
      value: what was given.
      accepted: what is accepted.

    Raises:
      UsageError: `condition` is false.

    Example:
      >>> require(0 >= 1, "batch_size", 0, "a whole number of at least 1")
      Traceback (most recent call last):
      gan_jax.errors.UsageError: --batch-size is 0: it must be a whole number of at least 1
    """
    if not condition:
        flag = option.replace("_", "-")
        raise UsageError(f"--{flag} is {value}: it must be {accepted}")


def _told(mistake: object, code: int) -> int:
    """Print a mistake on one line, whatever it quotes, and return the exit code."""
    text = re.sub(r"\s*\n\s*", " ", str(mistake).strip())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    print(f"error: {shown}", file=sys.stderr)
    return code


def _flush_output() -> None:
    """Write what is left of the output, while what goes wrong can still be told in one line."""
    try:
        if sys.stdout is not None:  # as it is where it was closed before the start
            sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_output()
        raise RunError(f"the output can't be written: {error.strerror}") from error


def _drop_output() -> None:
    """Throw away what can't be written, or Python would try again at its end, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _check(options: Any, arguments: Sequence[str]) -> None:
    """Refuse what would quietly become something else than was meant."""
    flags = [word.split("=")[0].replace("_", "-") for word in arguments]
    for field in dataclasses.fields(options):
        value, flag = getattr(options, field.name), "--" + field.name.replace("_", "-")
        if isinstance(value, tuple) and flags.count(flag) > 1:  # the last one would be all
            raise UsageError(f"{flag} is given twice: say all of its values after one")
        if isinstance(value, Path):  # it would be below a folder called ~
            require(not str(value).startswith("~"), field.name, value, "a path with ~ written out")


def _one_line(said: str, options: type, arguments: Sequence[str]) -> str:
    """Fold tyro's box into its first statement, with the nearest option's name."""
    statement = _first_statement(said).rstrip(".")
    statement = re.sub(r"^Error parsing \w+: (?=--)", "", statement)
    statement = _UNREADABLE.sub(r"\1 is \3: it must be \2", statement)
    if statement.startswith("Unrecognized"):
        accepted = ["--" + f.name.replace("_", "-") for f in dataclasses.fields(options)]
        typed = [a.split("=")[0].replace("_", "-") for a in arguments if a.startswith("-")]
        unknown = [
            a for a in typed if a not in accepted and a.replace("--no-", "--") not in accepted
        ]
        if unknown:
            return f"unknown option {unknown[0]}{_nearest(unknown[0], accepted)}"
    return statement


def _first_statement(said: str) -> str:
    """Take what follows the title of tyro's box, up to the first rule; Unicode or ASCII alike."""
    lines = [line.strip("│| ") for line in said.splitlines() if line.strip()]
    statement: list[str] = []
    for line in lines[1:]:
        is_rule = re.fullmatch(r"[-─╭╮╰╯+]*", line) is not None
        if is_rule and statement:
            break
        if not is_rule:
            statement.append(line)
    return " ".join(statement)


def _nearest(word: str, accepted: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, accepted, n=1)
    return f": did you mean {near[0]}?" if near else f": it must be one of {', '.join(accepted)}"
