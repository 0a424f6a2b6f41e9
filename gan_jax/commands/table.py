"""What a program of one experiment can do, once it can make the experiment of settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gan_jax.command_line import Command
from gan_jax.commands.directing import Directions, directions
from gan_jax.commands.drawing import Interpolate, Sample, interpolate, sample
from gan_jax.commands.evaluating import Evaluate, evaluate
from gan_jax.commands.exploring import Mix, Truncation, mix, truncation
from gan_jax.commands.exporting import Export, export
from gan_jax.commands.inverting import Invert, invert
from gan_jax.commands.training import train
from gan_jax.commands.translating import Translate, translate

__all__ = ["commands_of", "translating_commands"]

_OfARun = dict[str, tuple[type, Callable[..., int]]]


def commands_of(
    options: type, settle: Callable[[Any], Any], build: Callable[..., Any]
) -> dict[str, Command]:
    """List the commands of an experiment, the one that trains first.

    Args:
      options: what can be said of a training, a subclass of `RunOptions`.
      settle: from the options to the settings and notes for people.
      build: makes the experiment of settings, and of notes where it trains.

    Returns:
      The commands by name, for `command_line.run`.
    """
    of_a_run: _OfARun = {
        "sample": (Sample, sample),
        "evaluate": (Evaluate, evaluate),
        "export": (Export, export),
        "interpolate": (Interpolate, interpolate),
        "truncation": (Truncation, truncation),
        "directions": (Directions, directions),
        "invert": (Invert, invert),
        "mix": (Mix, mix),
    }
    return _table(options, settle, build, of_a_run)


def translating_commands(
    options: type, settle: Callable[[Any], Any], build: Callable[..., Any]
) -> dict[str, Command]:
    """List the commands of an experiment that makes images of others.

    Args:
      options: as in `commands_of`.
      settle: as in `commands_of`.
      build: as in `commands_of`.

    Returns:
      The commands by name, for `command_line.run`.
    """
    of_a_run: _OfARun = {"translate": (Translate, translate), "evaluate": (Evaluate, evaluate)}
    return _table(options, settle, build, of_a_run)


def _table(
    options: type, settle: Callable[[Any], Any], build: Callable[..., Any], of_a_run: _OfARun
) -> dict[str, Command]:
    return {
        "train": Command(options, partial(train, settle=settle, build=build)),
        **{
            name: Command(kind, partial(function, build=build))
            for name, (kind, function) in of_a_run.items()
        },
    }
