"""Settings of a run: which data set `auto` means, those of `config.json`, the command for them."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from gan_jax.errors import UsageError
from gan_jax.workdir import read_config

__all__ = ["choose_dataset", "decided", "from_json", "spell", "usual"]

Settings = TypeVar("Settings")


def choose_dataset(name: str, workdir: Path) -> tuple[str, list[str]]:
    """Decide which data set a run is on.

    `"auto"` means that of the run which is in the folder already, else MNIST if it can be had, else
    the digits that come with scikit-learn; which one, and why, is printed.

    Args:
      name: a data set's name, or `"auto"`.
      workdir: the run's folder.

    Returns:
      The data set's name, and notes for the run's report.

    Raises:
      UsageError: what the run in the folder says of itself is damaged.
    """
    notes: list[str] = []
    if name == "auto" and os.path.exists(workdir / "config.json"):
        stored = read_config(workdir)
        name, notes = str(stored["config"].get("dataset")), stored.get("notes", [])
        if not _fits(notes, list[str]):
            raise UsageError(f"{workdir / 'config.json'} is damaged (notes are {notes!r})")
    elif name == "auto":
        from gan_jax import data

        dataset, why = data.load_auto()
        name, notes = dataset.name, [why]
        print(why, flush=True)
    return name, notes


def from_json(kind: type[Settings], values: Mapping[str, Any]) -> Settings:
    """Make settings of what JSON said of them, which anyone may have edited.

    Args:
      kind: a dataclass; its annotations say what a value may be.
      values: by the names of its fields.

    Returns:
      An instance of `kind`, with lists where it has tuples.

    Raises:
      UsageError: a name is unknown, or a value is not of its type.

    Example:
      >>> from dataclasses import make_dataclass
      >>> from_json(make_dataclass("Few", [("steps", int | None, None)]), {"steps": "many"})
      Traceback (most recent call last):
      gan_jax.errors.UsageError: 'steps' is 'many': it must be int | None
    """
    known = typing.get_type_hints(kind)
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{name!r} is unknown: there are {', '.join(known)}")
        if not _fits(value, known[name]):
            accepted = getattr(known[name], "__name__", None) or str(known[name])
            raise UsageError(f"{name!r} is {value!r}: it must be {accepted}")
    return kind(**values)


def _fits(value: Any, accepted: Any) -> bool:
    """Tell whether a value of JSON is what an annotation says."""
    origin, inner = typing.get_origin(accepted), typing.get_args(accepted)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin in (tuple, list):
        if not isinstance(value, (tuple, list)):
            return False
        each = [inner[0]] * len(value) if origin is list or ... in inner else list(inner)
        return len(each) == len(value) and all(map(_fits, value, each))
    if accepted is types.NoneType:
        return value is None
    wanted = (int, float) if accepted is float else accepted
    return isinstance(value, wanted) and isinstance(value, bool) == (accepted is bool)


def decided(
    kind: type[Settings],
    recipe: Callable[[Settings], Mapping[str, Any]],
    values: Mapping[str, Any],
    names: Sequence[str],
) -> Settings:
    """Make settings of a run's, none of which may be open that decides something.

    Args:
      kind: a dataclass; its annotations say what a value may be.
      recipe: of settings, what those become that were left open.
      values: by the names of its fields; they may have been edited.
      names: of settings that are decided by the data.

    Returns:
      An instance of `kind`.

    Raises:
      UsageError: a name is unknown, or a value is not of its type, missing or not decided.
    """
    config = from_json(kind, values)
    for name in (*names, *recipe(config)):
        if getattr(config, name) in (None, "auto"):
            raise UsageError(f"{name!r} is missing, or not decided")
    return config


def usual(kind: type, recipe: Callable[[Any], Mapping[str, Any]], config: Any) -> dict[str, Any]:
    """Return the settings that the command of a run need not mention.

    Args:
      kind: the dataclass of the settings.
      recipe: of settings, what those become that were left open.
      config: an instance.

    Returns:
      Values by name.
    """
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    return defaults | dict(recipe(config))


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
