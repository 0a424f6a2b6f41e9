"""A run's folder: whose it is, who is writing in it, and where its files are."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gan_jax.errors import RunError, UsageError
from gan_jax.files import atomic_write

__all__ = ["claim", "disk_errors_named", "read_config", "sample_path"]


@contextmanager
def claim(workdir: Path, config: Mapping[str, Any]) -> Iterator[None]:
    """Make a folder this run's own, or go on in it if it is the same run's.

    Writes `config.json` the first time, and holds a lock for as long as the block lasts.

    Args:
      workdir: the run's folder, made if missing.
      config: what the run is: JSON values. Entries under `"environment"` may differ on resuming.

    Yields:
      Nothing.

    Raises:
      UsageError: the folder can't be written, belongs to another run or to something else, or
        another process is training in it.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        lock = open(workdir / ".lock", "a+")  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"--workdir {workdir} can't be written: {error.strerror}") from None
    with lock:
        _lock(lock, workdir)
        if (workdir / "config.json").exists():
            _compare(read_config(workdir), config, workdir)
        elif others := sorted(p.name for p in workdir.iterdir() if p.name != ".lock"):
            raise UsageError(
                f"--workdir {workdir} is not empty and holds no run (it has {others[0]}): "
                "name a new folder"
            )
        else:
            with disk_errors_named(workdir), atomic_write(workdir / "config.json", "w") as file:
                json.dump(config, file, indent=2)
                file.write("\n")
        yield


def read_config(workdir: Path) -> dict[str, Any]:
    """Read what run a folder holds.

    Args:
      workdir: the run's folder.

    Returns:
      The contents of `config.json`.

    Raises:
      UsageError: there is no run in the folder, or its `config.json` is damaged.
    """
    path = workdir / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UsageError(f"--workdir {workdir} holds no run: there is no {path}") from None
    except ValueError as error:
        raise UsageError(f"{path} is damaged ({error}): name a new --workdir") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise UsageError(f"{path} is damaged (it has no settings): name a new --workdir")
    return config


def sample_path(workdir: Path, step: int) -> Path:
    """Return where the sample grid of a step goes.

    Args:
      workdir: the run's folder.
      step: the training step.

    Returns:
      `workdir/samples/step_00001000.png`.
    """
    return workdir / "samples" / f"step_{step:08d}.png"


@contextmanager
def disk_errors_named(workdir: Path) -> Iterator[None]:
    """Turn a full or read-only disk inside the block into one clear line.

    Args:
      workdir: the run's folder.

    Yields:
      Nothing.

    Raises:
      RunError: in place of an `OSError` about space, permission or a failing disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        raise RunError(
            f"writing below {workdir} failed: {error.strerror}; "
            "what was saved before is kept, and the same command goes on from there"
        ) from None


_DISK_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
}  # fmt: skip


def _lock(lock: Any, workdir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        raise UsageError(f"--workdir {workdir} is in use by process {owner}") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


def _compare(stored: Mapping[str, Any], config: Mapping[str, Any], workdir: Path) -> None:
    """Refuse a folder of another run, naming what differs."""
    if stored.get("experiment") != config["experiment"]:
        raise UsageError(
            f"--workdir {workdir} holds a run of {stored.get('experiment')!r}, "
            f"not of {config['experiment']!r}: name another folder"
        )
    # Through JSON, as the stored settings went: a tuple comes back as a list.
    old, new = stored["config"], json.loads(json.dumps(config["config"]))
    differing = [
        f"{name} (there {old.get(name)!r}, now {new.get(name)!r})"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    if differing:
        raise UsageError(
            f"--workdir {workdir} holds a run with other settings: {', '.join(differing)}; "
            "name another folder, or give the same settings to go on with it"
        )
