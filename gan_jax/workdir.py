"""A run's folder: whose it is, who is writing in it, and where its files are."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gan_jax.errors import RunError, UsageError
from gan_jax.files import atomic_write

__all__ = [
    "check_out",
    "claim",
    "disk_errors_named",
    "read_config",
    "sample_path",
    "sign",
    "write_json",
]


def check_out(path: Path | None, *, option: str = "--out", folder: bool = False) -> None:
    """Refuse what can't be written, before the work that is to be written there is done.

    Args:
      path: a file, or a folder; what is missing above it will be made.
      option: what named it, for the message.
      folder: whether it is a folder.

    Raises:
      UsageError: the file is a folder, or nothing can be written there.
    """
    if path is None:
        return
    if not folder and os.path.isdir(path):
        raise UsageError(f"{option} {path} is a folder: name a file in it")
    places = [path.absolute(), *path.absolute().parents][0 if folder else 1 :]
    try:
        with tempfile.TemporaryFile(dir=next(place for place in places if os.path.lexists(place))):
            pass
    except OSError as error:
        raise UsageError(f"{option} {path} can't be written: {error.strerror}") from None


def write_json(path: Path, value: Any, *, option: str = "--json", indent: int | None = 2) -> None:
    """Write a JSON file that an option names, whole or not at all.

    Args:
      path: the file to make or replace.
      value: what JSON can hold.
      option: what named it, for the message.
      indent: of the lines; None for one line.

    Raises:
      UsageError: it can't be written.
    """
    try:
        with atomic_write(path, "w") as file:
            file.write(json.dumps(value, indent=indent) + "\n")
    except OSError as error:
        raise UsageError(f"{option} {path} can't be written: {error.strerror or error}") from None


@contextmanager
def claim(workdir: Path, config: Mapping[str, Any]) -> Iterator[None]:
    """Hold a folder for a run for as long as the block lasts, if it may be this run's.

    Args:
      workdir: the run's folder, made if missing.
      config: what the run is, as `sign` will write it. Only its `"experiment"` and `"config"` are
        compared with those of a run that is there already.

    Yields:
      Nothing.

    Raises:
      UsageError: the folder can't be written, has links that lead out of it, belongs to another
        run or to something else, or another process is training in it.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        _refuse_links(workdir)
        lock = open(workdir / ".lock", "a+b", buffering=0)  # noqa: SIM115
    except OSError as error:
        raise UsageError(f"--workdir {workdir} can't be written: {error.strerror}") from None
    with lock:
        _lock(lock, workdir)
        if (workdir / "config.json").exists():
            _compare(read_config(workdir), config, workdir)
        elif others := sorted(p.name for p in workdir.iterdir() if not p.name.startswith(".")):
            raise UsageError(
                f"--workdir {workdir} is not empty and holds no run (it has {others[0]}): "
                "name a new folder"
            )
        yield


def sign(workdir: Path, config: Mapping[str, Any]) -> None:
    """Write `config.json`, unless it is there: from here on the folder is this run's.

    Args:
      workdir: the run's folder.
      config: what the run is: JSON values.

    Raises:
      OSError: the file can't be written.
    """
    if not (workdir / "config.json").exists():
        with atomic_write(workdir / "config.json", "w") as file:
            json.dump(config, file, indent=2)
            file.write("\n")


def read_config(workdir: Path) -> dict[str, Any]:
    """Read what run a folder holds.

    Args:
      workdir: the run's folder.

    Returns:
      The contents of `config.json`.

    Raises:
      UsageError: there is no run in the folder, it has links that lead out of it, or its
        `config.json` is damaged.
    """
    path = workdir / "config.json"
    try:
        _refuse_links(workdir)
        config = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"--workdir {workdir} holds no run: there is no {path}") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # deeper than the parser goes
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
def disk_errors_named(folder: Path, *, advice: str = "") -> Iterator[None]:
    """Turn what a disk refuses inside the block into one clear line.

    Args:
      folder: where the writing goes.
      advice: what to say besides.

    Yields:
      Nothing.

    Raises:
      RunError: in place of an `OSError` about space, permission, names, a folder that is not there
        or a failing disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        where = error.filename or folder
        advice = f"; {advice}" if advice else ""
        raise RunError(f"writing {where} failed: {error.strerror}{advice}") from None


_DISK_ERRORS = {
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG,
    errno.EISDIR, errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG,
}  # fmt: skip


def _refuse_links(workdir: Path) -> None:
    """Refuse a folder with links that lead out of it: what a run writes stays in its folder.

    The folder itself may be a link, to a larger disk for example.
    """
    whole = workdir.resolve()
    for pattern in ("*", "*/*"):  # by now no folder of the second is elsewhere
        for path in workdir.glob(pattern):
            if path.is_symlink() and not path.resolve().is_relative_to(whole):
                raise UsageError(
                    f"--workdir {workdir}: {path.relative_to(workdir)} in it is a link to "
                    f"{os.readlink(path)}, and a run writes into its own folder alone: "
                    "link the whole folder instead"
                )


def _lock(lock: Any, workdir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().decode(errors="replace").strip() or "unknown"
        raise UsageError(f"--workdir {workdir} is in use by process {owner}") from None
    except OSError as error:
        raise UsageError(f"--workdir {workdir} can't be locked: {error.strerror}") from None
    with suppress(OSError):  # only a note for people
        lock.truncate(0)
        lock.write(str(os.getpid()).encode())


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
