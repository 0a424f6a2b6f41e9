"""Start a run again when it was killed: a tiny launcher that needs nothing but Python.

    python -m gan_jax.launch --max-restarts 10 -- python -m experiments.mnist
    python -m gan_jax.launch --processes 2 -- python -m experiments.mnist --workdir runs/two

What it starts goes on from its last good checkpoint by itself. It is started again if a signal
killed it (SIGABRT when another process of the run is gone, SIGKILL when memory was short) or if it
exits with 75, "try again later"; any other exit code is an answer, and becomes the launcher's own.
With several hosts each runs a launcher of its own, and the processes meet again.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from gan_jax.command_line import Command, require, run
from gan_jax.errors import UsageError

__all__ = ["Launch", "launch", "main"]

PROGRAM = "python -m gan_jax.launch"
TRY_AGAIN = 75
_PAUSE_SECONDS = 1.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Launch:
    """Run the command that follows `--`, and run it again when it is killed."""

    max_restarts: int = 0
    """How many times to start it again."""
    processes: int = 1
    """How many processes to start on this machine; they get --distributed and what belongs to it,
    and if one is killed, all are started again."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        require(self.max_restarts >= 0, "max_restarts", self.max_restarts, "at least 0")
        require(1 <= self.processes <= 256, "processes", self.processes, "from 1 to 256")


def launch(options: Launch, command: Sequence[str]) -> int:
    """Run a command until it ends by itself, or was killed too often.

    Args:
      options: how many processes and restarts.
      command: the program and its arguments.

    Returns:
      The exit code: the program's own, or 128 + the signal that killed it last.

    Raises:
      UsageError: the program can't be started.
    """
    with _Signals() as signals:
        for attempt in range(options.max_restarts + 1):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            code = signals.seen or _attempt(command, options.processes, signals)
            if signals.seen or 0 <= code != TRY_AGAIN:
                break
            left = options.max_restarts - attempt
            _say(
                f"{_ending(code)}; {f'starting again, {left} left' if left else 'no restart left'}"
            )
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Args:
      arguments: the options, `--` and the command; those of the process if None.

    Returns:
      The exit code.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    command = arguments[cut + 1 :]

    def start(options: Launch) -> int:
        if not command:
            raise UsageError(f"no command: give it after --, as in {PROGRAM} -- python train.py")
        return launch(options, command)

    return run(PROGRAM, {"launch": Command(Launch, start)}, arguments[:cut])


class _Signals:
    """Pass SIGINT and SIGTERM on to the children, instead of dying of them."""

    def __init__(self) -> None:
        self.seen = 0
        self.children: list[subprocess.Popen] = []

    def __enter__(self) -> _Signals:
        kinds = (signal.SIGINT, signal.SIGTERM)
        self._before = {kind: signal.signal(kind, self._pass_on) for kind in kinds}
        return self

    def __exit__(self, *exception: object) -> None:
        for kind, handler in self._before.items():
            signal.signal(kind, handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.seen = 128 + number
        for child in self.children:
            child.send_signal(number)


def _attempt(command: Sequence[str], processes: int, signals: _Signals) -> int:
    """Start all processes, wait for them, and return the exit code that speaks for all."""
    with _started(_commands(command, processes), signals) as children:
        codes: list[int | None] = [None] * processes
        # One that was killed takes the others with it, which can't go on without it; but after a
        # signal to this launcher they are saving.
        while None in codes and (signals.seen or not any(map(_is_death, codes))):
            time.sleep(_POLL_SECONDS)
            codes = [child.poll() for child in children]
    ended = [code for code in codes if code is not None]
    answers = [code for code in ended if not _is_death(code)]
    killed = [code for code in ended if _is_death(code)]
    # An answer that is no success tells more than how the others died of it.
    return next((code for code in answers if code), next(iter(killed), 0))


@contextmanager
def _started(
    commands: Sequence[Sequence[str]], signals: _Signals
) -> Iterator[list[subprocess.Popen]]:
    """Start processes in sessions of their own; kill those that are left at the end."""
    try:
        for command in commands:
            try:
                child = subprocess.Popen(command, start_new_session=True)
            except OSError as error:
                raise UsageError(f"{command[0]} can't be started: {error.strerror}") from None
            signals.children.append(child)
        yield signals.children
    finally:
        for child in signals.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        signals.children.clear()


def _commands(command: Sequence[str], processes: int) -> list[list[str]]:
    if processes == 1:
        return [list(command)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    meeting = ["--distributed", "--coordinator", f"127.0.0.1:{port}"]
    count = ["--num-processes", str(processes)]
    return [[*command, *meeting, *count, "--process-id", str(i)] for i in range(processes)]


def _is_death(code: int | None) -> bool:
    return code is not None and (code < 0 or code == TRY_AGAIN)


def _ending(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return "another process of the run is gone" if code == TRY_AGAIN else f"exit code {code}"


def _say(line: str) -> None:
    print(f"launch: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
