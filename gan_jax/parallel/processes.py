"""Several processes that train together: how they meet, and what they tell each other.

With a single process nothing here waits for anyone.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np
from jax.experimental import multihost_utils

from gan_jax.errors import PeerError, RunError, UsageError

__all__ = [
    "check_same",
    "first_says",
    "is_first",
    "join",
    "largest",
    "leave_soon",
    "peers_watched",
    "together",
]

_MESSAGE_BYTES = 1024
_SHUTDOWN_SECONDS = 10
_KINDS: dict[str, type[Exception]] = {"U": UsageError, "R": RunError}


def join(
    coordinator: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    *,
    start_seconds: int = 300,
    heartbeat_seconds: int = 100,
) -> None:
    """Meet the other processes of a run, before anything else is asked of JAX.

    Without arguments, JAX finds out from its surroundings: on Cloud TPU, under SLURM, Open MPI and
    others that `jax.distributed.initialize` knows. When a process is gone for long, JAX aborts the
    others (SIGABRT): `python -m gan_jax.launch`, or the scheduler, starts them again.

    Args:
      coordinator: `host:port` of process 0, which must be free there.
      num_processes: how many there are.
      process_id: which one this is, from 0.
      start_seconds: how long to wait for the others.
      heartbeat_seconds: for how long a process may give no sign of life.

    Raises:
      UsageError: there is nothing to find out from, or the coordinator can't be had.
    """
    try:
        jax.distributed.initialize(
            coordinator,
            num_processes,
            process_id,
            initialization_timeout=start_seconds,
            heartbeat_timeout_seconds=heartbeat_seconds,
            # A process that fails alone waits no longer than this for the others, which hang.
            shutdown_timeout_seconds=_SHUTDOWN_SECONDS,
        )
    except (RuntimeError, ValueError) as error:
        line = str(error).partition("\n")[0]
        where = "" if coordinator is None else f" at {coordinator}"
        raise UsageError(
            f"--distributed: the processes can't meet{where} ({line}): "
            "outside Cloud TPU, SLURM and Open MPI, give --coordinator, --num-processes and "
            "--process-id"
        ) from None


def leave_soon(code: int) -> None:
    """Make sure that this process, about to end with an error, ends with this exit code.

    JAX waits for the others at the end, and aborts a process that waited in vain: one that failed
    alone, with a full disk say, would look like one that was killed, and be started again.

    Args:
      code: the exit code, unless the process ends by itself before.
    """
    if jax.process_count() > 1:
        timer = threading.Timer(_SHUTDOWN_SECONDS / 2, os._exit, [code])
        timer.daemon = True
        timer.start()


def is_first() -> bool:
    """Tell whether this is the process that writes and says what all have found out.

    Returns:
      True in process 0.
    """
    return jax.process_index() == 0


def largest(number: int) -> int:
    """Agree on a number: the largest that any process has.

    Args:
      number: what this process has; int32.

    Returns:
      The same in all of them.
    """
    if jax.process_count() == 1:
        return number
    return int(np.max(multihost_utils.process_allgather(np.int32(number))))


def first_says(number: int) -> int:
    """Agree on a number: what process 0 has.

    Args:
      number: what this process has; int32.

    Returns:
      The same in all of them.
    """
    if jax.process_count() == 1:
        return number
    return int(np.ravel(multihost_utils.process_allgather(np.int32(number)))[0])


def check_same(value: str, what: str) -> None:
    """Refuse to go on unless all processes have the same text.

    Args:
      value: the text.
      what: what to call it.

    Raises:
      UsageError: another process has another.
    """
    if jax.process_count() == 1:
        return
    digest = np.frombuffer(hashlib.sha256(value.encode()).digest(), np.uint8)
    digests = multihost_utils.process_allgather(digest)
    others = [i for i, other in enumerate(digests) if not np.array_equal(other, digests[0])]
    if others:
        raise UsageError(f"process {others[0]} has other {what} than process 0")


@contextmanager
def together() -> Iterator[None]:
    """Run a block in every process; if it fails in one, it fails in all of them.

    The block must not wait for other processes.

    Yields:
      Nothing.

    Raises:
      UsageError: what this process, or else the first of the others, has raised.
      RunError: likewise.
    """
    failure: Exception | None = None
    try:
        yield
    except (UsageError, RunError) as error:
        failure = error
    said = _tell(failure) if jax.process_count() > 1 else []
    if failure is not None:
        raise failure
    for index, message in enumerate(said):
        if message:
            raise _KINDS[message[0]](f"process {index}: {message[1:]}")


@contextmanager
def peers_watched() -> Iterator[None]:
    """Turn what JAX raises when another process is gone into one clear line.

    Yields:
      Nothing.

    Raises:
      PeerError: in place of an error of JAX's runtime, where there are several processes.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        line = str(error).partition("\n")[0]
        raise PeerError(f"another process of the run is gone ({line[:200]})") from None


def _tell(failure: Exception | None) -> list[str]:
    """Tell the others how a block ended, and be told by them."""
    text = ""
    if failure is not None:
        text = ("R" if isinstance(failure, RunError) else "U") + str(failure)
    message = np.zeros(_MESSAGE_BYTES, np.uint8)
    encoded = np.frombuffer(text.encode()[:_MESSAGE_BYTES], np.uint8)
    message[: len(encoded)] = encoded
    gathered = multihost_utils.process_allgather(message)
    return [bytes(row).rstrip(b"\0").decode(errors="replace") for row in gathered]
