"""Metrics as JSON lines: one object per step, in a file that survives a run being killed."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gan_jax.errors import RunError
from gan_jax.files import atomic_write

__all__ = ["JsonlWriter", "read_jsonl", "truncate_after"]


class JsonlWriter:
    """Append metrics to a file, one line `{"step": ..., "wall_time": ..., name: value}` per call.

    Every line reaches the file before `write` returns. A value that is not finite is written as
    `null`, since JSON has no NaN, and is read back as NaN.

    Args:
      path: the file to make or append to; missing parent folders are made.
      resume_step: the step that the run goes on from. Rows of later steps, written by a run that
        was killed after its last checkpoint, are dropped, so that no step appears twice. `None`
        keeps all rows. A torn last line is dropped either way.

    Raises:
      RunError: a line of the existing file other than the last is no JSON object.
      OSError: the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, resume_step: int | None = None):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            truncate_after(path, math.inf if resume_step is None else resume_step)
        self._file = path.open("ab")

    def write(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Append one line.

        Args:
          step: the training step that the metrics belong to.
          metrics: name to number: Python's, NumPy's, or an array of no dimensions.

        Raises:
          OSError: the line cannot be written, for example because the disk is full.
        """
        row: dict[str, Any] = {"step": int(step), "wall_time": round(time.time(), 3)}
        row.update({name: _finite_or_none(value) for name, value in metrics.items()})
        self._file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file.

        Raises:
          OSError: a line that could not be written before still cannot be.
        """
        self._file.close()


def read_jsonl(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read metrics back, as far as they are whole.

    Args:
      path: a file that `JsonlWriter` wrote; its last line may be torn.

    Returns:
      One dictionary per line, in the file's order; `null` becomes NaN.

    Raises:
      RunError: a line other than the last is no JSON object.
      OSError: the file cannot be read.
    """
    # Names are shared by all rows: in a long run they would take more memory than the numbers.
    return [
        {sys.intern(name): math.nan if value is None else value for name, value in row.items()}
        for _, row in _whole_lines(path)
    ]


def truncate_after(path: str | os.PathLike[str], step: float) -> None:
    """Drop the rows after a step, and a torn last line, all at once or not at all.

    Args:
      path: a file that `JsonlWriter` wrote.
      step: the last step to keep.

    Raises:
      RunError: a line other than the last is no JSON object with a step.
      OSError: the file cannot be read or written.
    """
    if sum(len(line) for line, kept in _kept(path, step) if line == kept) != os.path.getsize(path):
        with atomic_write(path) as file:
            file.writelines(kept for _, kept in _kept(path, step))


def _kept(path: str | os.PathLike[str], step: float) -> Iterator[tuple[bytes, bytes]]:
    """Yield the lines up to a step, as they are and as they should be."""
    for line, row in _whole_lines(path):
        if row.get("step", 0) <= step:
            yield line, line.rstrip(b"\r\n") + b"\n"


def _whole_lines(path: str | os.PathLike[str]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Yield the lines of a file that may be longer than the memory, each with what it says."""
    broken = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if broken:
                raise RunError(f"{path}: line {broken} is not a JSON object")
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if isinstance(row, dict):
                yield line, row
            else:
                broken = number


def _finite_or_none(value: Any) -> float | None:
    number = float(value)
    return number if math.isfinite(number) else None
