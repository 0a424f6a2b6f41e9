"""The file that a benchmark keeps its results in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gan_jax.workdir import write_json

__all__ = ["write_results"]


def write_results(path: Path | None, results: Any, *, indent: int | None = 2) -> None:
    """Write results, in place of those that are there; first thing, so that mistakes show early.

    Args:
      path: what `--json` names; None writes nothing.
      results: what JSON can hold.
      indent: of the lines; None for one line.

    Raises:
      UsageError: the file can't be written.
    """
    if path is not None:
        write_json(path, results, indent=indent)
