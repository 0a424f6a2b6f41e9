"""Command lines from frozen dataclasses: one line per mistake, exit code 2; nothing heavy imported.

Importing this module, parsing and `--help` load neither JAX nor any other numerical library.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import inspect
import io
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from gan_jax.errors import RunError, UsageError

__all__ = ["Command", "parse", "require", "run"]

Options = TypeVar("Options")


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
      The exit code: 0 if it worked, 2 for a mistake in what was asked, 1 for a failed run.
    """
    names = list(commands)
    named = bool(arguments) and arguments[0] in commands
    name = arguments[0] if named else names[0]
    rest = arguments[1:] if named else arguments
    try:
        if not named and rest and not rest[0].startswith("-"):
            raise UsageError(f"unknown command {rest[0]!r}{_nearest(rest[0], names)}")
        called = f"{program} {name}" if named else program
        others = f"Commands: {', '.join(names)} (default {names[0]}); COMMAND --help tells more."
        options: Any = parse(commands[name].options, rest, program=called, footnote=others)
        return commands[name].function(options)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


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
      UsageError: an option is unknown, lacks a value, or has one that is not accepted.
    """
    import tyro

    description = "\n\n".join(filter(None, [inspect.cleandoc(options.__doc__ or ""), footnote]))
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(options, args=list(arguments), prog=program, description=description)
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


def _one_line(said: str, options: type, arguments: Sequence[str]) -> str:
    """Fold tyro's box into its first statement, with the nearest option's name."""
    statement = _first_statement(said).rstrip(".")
    statement = re.sub(r"^Error parsing \w+: (?=--)", "", statement)
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
