"""A small training with the command line of every experiment, and a way to start it quickly.

    python -m tests.faults.program --workdir /tmp/run

As `python -m tests.faults.program serve` it loads everything once, and forks a process for each
start asked for by a line of JSON on its standard input: see `tests.faults.starting`.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import time
from dataclasses import dataclass

from gan_jax import commands
from gan_jax.command_line import Command, run

STREAMS = ("stdin", "stdout", "stderr")


@dataclass(frozen=True)
class Options(commands.RunOptions):
    """Train a small game on noise."""

    steps: int = 60
    """Training steps."""


def build(settings, notes):
    from tests.test_loop import small_experiment

    return small_experiment(steps=settings["steps"], config=settings, notes=tuple(notes))


def main(arguments=None):
    def train(options):
        return commands.train(options, lambda given: ({"steps": given.steps}, []), build)

    given = sys.argv[1:] if arguments is None else arguments
    return run("python -m tests.faults.program", {"train": Command(Options, train)}, given)


def serve():
    """Fork a process for each line; return its exit code in each of them, 0 in this one."""
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "wait" in asked:
            answer = _wait(asked["wait"], asked["seconds"])
        elif (answer := os.fork()) == 0:
            return _start(asked)
        print(answer, flush=True)
    return 0


def _wait(process, seconds):
    """Return a process's exit code, or minus its signal; one that takes too long is killed."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            os.kill(process, 9)
        time.sleep(0.005)


def _start(asked):
    for number, name in enumerate(STREAMS):
        _connect(number, name, asked[name])
    for name, *arguments in asked["harms"]:
        getattr(importlib.import_module("tests.faults.harms"), name)(*arguments)
    return main(asked["arguments"])


def _connect(number, name, where):
    """Do what a shell does with a stream, and what Python makes of it when it starts."""
    if where == "closed":
        os.close(number)
        setattr(sys, name, None)
        return
    if where == "broken pipe":
        reading, opened = os.pipe()
        os.close(reading)
    else:
        opened = os.open(where, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT)
    os.dup2(opened, number)
    os.close(opened)
    raw = io.FileIO(number, "w" if number else "r", closefd=False)
    at_once = number == 2
    buffered = raw if at_once else io.BufferedWriter(raw) if number else io.BufferedReader(raw)
    setattr(sys, name, io.TextIOWrapper(buffered, write_through=at_once))


def _load_everything():
    """Load what a run will need, but use no device: a backend does not survive a fork."""
    for name in _LOADED:
        importlib.import_module(name)


_LOADED = (
    "tests.faults.harms", "tests.test_loop", "gan_jax.loop", "tyro", "tensorboardX",
    "orbax.checkpoint.checkpoint_managers", "matplotlib.backends.backend_agg",
    "PIL.GifImagePlugin", "PIL.ImageDraw",
)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] != ["serve"]:
        sys.exit(main())
    _load_everything()
    sys.exit(serve())
