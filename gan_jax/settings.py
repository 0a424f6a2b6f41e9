"""Settings of a run: which data set `auto` means, those of `config.json`, the command for them."""

from __future__ import annotations

import dataclasses
import os
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gan_jax.command_line import require
from gan_jax.errors import UsageError
from gan_jax.workdir import read_config

if TYPE_CHECKING:
    from gan_jax.data import Dataset

__all__ = [
    "check_ranges",
    "choose_dataset",
    "chosen",
    "decided",
    "fit_to_data",
    "from_json",
    "spell",
    "usual",
]

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


def chosen(
    kind: type[Settings], recipe: Callable[[Any], Mapping[str, Any]], config: Any
) -> tuple[dict[str, Any], list[str]]:
    """Decide the data set of a run, and the options left out that the recipe decides.

    Args:
      kind: the dataclass of the settings, with a `dataset`.
      recipe: of options, what those become that were left open.
      config: an instance of a subclass of `kind`, with a `workdir`.

    Returns:
      All settings by name, those None that the data decides, and notes for the run's report.

    Raises:
      UsageError: there is no such data set, or the folder's run is damaged.
    """
    from gan_jax import data

    name, notes = choose_dataset(config.dataset, config.workdir)
    if data.is_path(name):
        name = os.path.abspath(name)  # the run may go on from another folder
    from_json(kind, {"dataset": name})  # an edited config.json may name any
    config = dataclasses.replace(config, dataset=name)
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    given = {name: value for name, value in values.items() if value is not None}
    return {**values, **recipe(config), **given}, notes


def fit_to_data(settings: Mapping[str, Any], images: Dataset) -> dict[str, Any]:
    """Add to settings what the data decide.

    Args:
      settings: all settings by name.
      images: the data, as they are trained on.

    Returns:
      The settings with `resolution`, `channels` and `classes`.

    Raises:
      UsageError: the images are no squares, or have more classes than was said.
    """
    name, (_, height, width, channels) = settings["dataset"], images.images.shape
    if height != width:
        raise UsageError(f"images of {name} are {height} x {width}: --resolution makes squares")
    classes = images.num_classes if settings["classes"] is None else settings["classes"]
    enough = classes >= images.num_classes
    require(enough, "classes", classes, f"at least the {images.num_classes} of {name}")
    return {**settings, "resolution": height, "channels": channels, "classes": classes}


def check_ranges(config: Any) -> None:
    """Check the settings that every game on images has.

    Args:
      config: settings; those that are None are open.

    Raises:
      UsageError: one is out of its range.
    """
    most = {"steps": 2_000_000_000, "batch_size": 1_000_000, "features": 65_536}
    for name, high in {**most, "resolution": 4096, "classes": 1_000_000}.items():
        value, accepted = getattr(config, name), f"a whole number from 1 to {high}"
        require(value is None or 1 <= value <= high, name, value, accepted)
    require(config.channels in (None, 1, 3), "channels", config.channels, "1 or 3")
    rate = config.learning_rate
    require(rate is None or 1e-12 <= rate <= 1, "learning_rate", rate, "from 1e-12 to 1")
    require(0 <= config.seed < 2**32, "seed", config.seed, "from 0 to 4294967295")


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
