"""Settings of a run: which data set `auto` means, and the command that says them again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_jax.errors import UsageError
from gan_jax.workdir import read_config

__all__ = ["choose_dataset", "spell"]


def choose_dataset(name: str, workdir: Path, shapes: Mapping[str, Any]) -> tuple[str, list[str]]:
    """Decide which data set a run is on.

    `"auto"` means that of the run which is in the folder already, else MNIST if it can be had, else
    the digits that come with scikit-learn; which one, and why, is printed.

    Args:
      name: a data set's name, or `"auto"`.
      workdir: the run's folder.
      shapes: what is accepted, by name.

    Returns:
      The data set's name, and notes for the run's report.

    Raises:
      UsageError: the run in the folder is on something not accepted.
    """
    notes: list[str] = []
    if name == "auto" and os.path.exists(workdir / "config.json"):
        stored = read_config(workdir)
        name, notes = str(stored["config"].get("dataset")), list(stored.get("notes", []))
    elif name == "auto":
        from gan_jax import data

        dataset, why = data.load_auto()
        name, notes = dataset.name, [why]
        print(why, flush=True)
    if name not in shapes:
        raise UsageError(f"--workdir {workdir} holds a run on {name!r}: name a new folder")
    return name, notes


def spell(program: str, settings: Mapping[str, Any], usual: Mapping[str, Any]) -> str:
    """Write the command that makes a run of these settings.

    Args:
      program: how the program is called.
      settings: all settings by name.
      usual: the values that need not be said.

    Returns:
      The command in one line.

    Example:
      >>> spell("python -m x", {"seed": 0, "deep": True, "gamma": [1, 2]}, {"seed": 0})
      'python -m x --deep --gamma 1 2'
    """
    words = [program]
    for name, value in settings.items():
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        known = usual.get(name)
        if values != (list(known) if isinstance(known, (list, tuple)) else [known]):
            words.append("--" + name.replace("_", "-"))
            words += [str(v) for v in values if v is not True]
    return " ".join(words)
