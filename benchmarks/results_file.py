"""The file that a benchmark keeps its results in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gan_jax.errors import UsageError

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
    if path is None:
        return
    from gan_jax.files import atomic_write

    try:
        with atomic_write(path, "w") as file:
            file.write(json.dumps(results, indent=indent) + "\n")
    except OSError as error:
        raise UsageError(f"--json {path} can't be written: {error.strerror or error}") from None
