"""Which saved steps are to be trusted: every file as it was written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_jax.checkpoint.quiet import one_line
from gan_jax.errors import RunError, UsageError
from gan_jax.files import sha256_of

__all__ = ["FORMAT", "examine", "move_aside", "nothing_good", "read_leaves", "saved_steps", "seal"]

FORMAT = 2  # Raised whenever the meaning of what is written changes; other formats are refused.
_LEAVES = "leaves.json"
_INTEGRITY = "integrity.json"
# Orbax writes the time of the commit into it after the sealing; nothing restored depends on it.
_COMMIT_TIME = "_CHECKPOINT_METADATA"


def seal(folder: Path, leaves: Mapping[str, str]) -> None:
    """Complete a step's folder: what its state is made of, and a fingerprint of every file.

    Args:
      folder: a step's folder, all written but not yet under its final name.
      leaves: dtype and shape of every leaf by name.
    """
    described = {"format": FORMAT, "leaves": dict(leaves)}
    (folder / _LEAVES).write_text(json.dumps(described, indent=1))
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    fingerprints = {
        path.relative_to(folder).as_posix(): _fingerprint(path)
        for path in files
        if path != folder / _COMMIT_TIME
    }
    (folder / _INTEGRITY).write_text(json.dumps(fingerprints, indent=1))


def read_leaves(folder: Path) -> dict[str, str]:
    """Read what the state of a step is made of.

    Args:
      folder: a step's folder, found to be good.

    Returns:
      Dtype and shape of every leaf by name.

    Raises:
      UsageError: it is of another format than this version writes.
    """
    described = json.loads((folder / _LEAVES).read_text())
    found = described.get("format", 1)  # the first had no number
    if found != FORMAT:
        raise UsageError(
            f"its format is {found}, and this version of gan_jax reads {FORMAT}: "
            "go on with the version that wrote it"
        )
    return described["leaves"]


def saved_steps(folder: Path) -> list[int]:
    """List the steps of a folder.

    Args:
      folder: a folder of steps; it may be missing.

    Returns:
      The steps, newest first, good or not.

    Raises:
      UsageError: the folder can't be listed.
    """
    try:
        names = [path.name for path in folder.iterdir() if path.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"checkpoints can't be read from {folder}: {one_line(error)}") from error
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def examine(folder: Path, steps: list[int]) -> Iterator[tuple[int, str | None]]:
    """Verify steps one by one, as they are asked for.

    Args:
      folder: the folder of steps.
      steps: which ones.

    Yields:
      A step, and what is wrong with it; None if every byte is as it was written.

    Raises:
      RunError: a file may not be read.
    """
    for step in steps:
        yield step, _damage(folder / str(step))


def move_aside(folder: Path, step: int) -> Path:
    """Rename a step's folder, so that the step can be saved again.

    Args:
      folder: the folder of steps.
      step: which one.

    Returns:
      Where it is now.

    Raises:
      RunError: it can't be renamed.
    """
    try:
        aside = tempfile.mkdtemp(prefix=f"damaged-{step}-", dir=folder)
        return (folder / str(step)).replace(aside)
    except OSError as error:
        raise RunError(
            f"damaged checkpoint {step} in {folder} can't be renamed: {one_line(error)}"
        ) from error


def nothing_good(folder: Path, damaged: Mapping[int, str]) -> RunError:
    """Make the error that says that no step can be restored, why, and what to do.

    Args:
      folder: the folder of steps.
      damaged: what is wrong with each.

    Returns:
      The error, to be raised.
    """
    problems = "; ".join(f"{step}: {problem}" for step, problem in damaged.items())
    return RunError(
        f"no checkpoint in {folder} is good ({problems}): "
        "put a good copy back, or move the folder away to begin anew"
    )


def _damage(folder: Path) -> str | None:
    name = _INTEGRITY
    try:
        fingerprints = json.loads((folder / name).read_text())
        for name, fingerprint in fingerprints.items():
            if fingerprint != _fingerprint(folder / name):
                return f"{name} has changed"
    except PermissionError as error:
        raise RunError(f"{folder / name} can't be read: {one_line(error)}") from error
    except FileNotFoundError:
        return f"{name} is missing"
    except OSError as error:
        return f"{name} can't be read: {one_line(error)}"
    except (AttributeError, ValueError):
        return f"{name} has changed"
    return None if _LEAVES in fingerprints else f"{_INTEGRITY} has changed"


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"size": os.path.getsize(path), "sha256": sha256_of(path)}
