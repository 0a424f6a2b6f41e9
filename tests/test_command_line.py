import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from gan_jax.command_line import Command, parse, require, run
from gan_jax.errors import RunError, UsageError


@dataclass(frozen=True)
class Options:
    """Do a thing."""

    workdir: Path = Path("runs/thing")
    """Where."""
    dataset: Literal["mnist", "digits"] = "mnist"
    """On what."""
    batch_size: int = 64
    """How many at once."""
    conditional: bool = False
    """With labels."""

    def __post_init__(self):
        require(self.batch_size >= 1, "batch_size", self.batch_size, "at least 1")


def parsed(*arguments):
    return parse(Options, arguments, program="thing")


@pytest.mark.parametrize(
    "spelling", [("--batch-size", "8"), ("--batch_size", "8"), ("--batch_size=8",)]
)
def test_dashes_and_underscores_are_the_same(spelling):
    assert parsed(*spelling).batch_size == 8


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--batch-siez", "8"], "unknown option --batch-siez: did you mean --batch-size?"),
        (["--batch_siez=8"], "unknown option --batch-siez: did you mean --batch-size?"),
        (["--zzz"], "unknown option --zzz: it must be one of --workdir, --dataset, --batch-size, --conditional"),
        (["--dataset", "mnits"], "invalid choice 'mnits' for argument '--dataset'. Expected one of ('mnist', 'digits')"),
        (["--batch-size", "many"], "Error parsing --batch-size: invalid literal for int() with base 10: 'many'"),
        (["--batch-size", "0"], "--batch-size is 0: it must be at least 1"),
        (["--batch-size"], "Missing value for argument '--batch-size'. Expected 1 values"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_what_is_accepted(arguments, line):
    with pytest.raises(UsageError) as error:
        parsed(*arguments)
    assert str(error.value) == line


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_mistakes_read_the_same_on_any_terminal(encoding):
    code = """
from tests.test_command_line import Options
from gan_jax.command_line import parse
try:
    parse(Options, ["--dataset", "mnits"], program="thing")
except ValueError as error:
    print(error)
"""
    root = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "50"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, env=environment
    )
    expected = (
        "invalid choice 'mnits' for argument '--dataset'. Expected one of ('mnist', 'digits')"
    )
    assert done.stdout == f"{expected}\n"


def test_help_has_every_option_and_exits_with_zero(capsys):
    with pytest.raises(SystemExit) as end:
        parsed("--help")
    assert not end.value.code
    text = capsys.readouterr().out
    assert all(word in text for word in ("Do a thing.", "Where.", "On what.", "--batch-size", "64"))


def outcome(function):
    return run("thing", {"do": Command(Options, function)}, [])


def fail(error):
    def function(options):
        raise error

    return function


def test_exit_codes(capsys):
    assert outcome(lambda options: 0) == 0
    assert outcome(fail(UsageError("no such thing"))) == 2
    assert outcome(fail(RunError("it broke"))) == 1
    assert outcome(fail(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "error: no such thing\nerror: it broke\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_is_full_is_one_line_buffered_or_not(unbuffered):
    code = "from gan_jax.command_line import exit_code; exit(exit_code(lambda: print('done') or 0))"
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "error: the output can't be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_what_goes_wrong_with_a_file_is_no_full_output():
    for error in (OSError(28, "No space left on device", "a file"), OSError(9, "Bad descriptor")):
        with pytest.raises(OSError, match=error.strerror):
            outcome(fail(error))


def test_commands_are_chosen_by_name_and_the_first_is_the_default(capsys):
    seen = []
    commands = {
        "train": Command(Options, lambda options: seen.append(("train", options.batch_size)) or 0),
        "sample": Command(
            Options, lambda options: seen.append(("sample", options.batch_size)) or 0
        ),
    }
    assert run("thing", commands, ["--batch-size", "3"]) == 0
    assert run("thing", commands, ["sample", "--batch-size", "4"]) == 0
    assert seen == [("train", 3), ("sample", 4)]
    assert run("thing", commands, ["smaple"]) == 2
    assert capsys.readouterr().err == "error: unknown command 'smaple': did you mean sample?\n"
