"""Two kinds of pictures in one folder, each in folders of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from gan_jax.data.folder import open_folder
from gan_jax.data.pictures import Example, Pictures, shown, simple_name
from gan_jax.errors import UsageError

__all__ = ["as_folder", "open_sides"]

_SIDES = (("A", "B"), ("source", "target"))
_TEST_NAMES = ("test", "val", "valid", "validation")


def as_folder(source: str | os.PathLike[str]) -> Path:
    """Check that something is a folder.

    Args:
      source: its path, which may begin with `~`.

    Returns:
      The path.

    Raises:
      UsageError: it is anything else.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise UsageError(f"folder {source!r} is no path")
    path = os.path.expanduser(os.fspath(source))
    if not os.path.isdir(path):
        raise UsageError(f"{shown(path)} is no folder that is there")
    return Path(path)


def open_sides(
    folder: Path, report: Callable[[str], None] = print
) -> tuple[Pictures, Pictures] | None:
    """Look what pictures are in the two halves of a data set for translation.

    | in the folder | what is read |
    |---|---|
    | `A` and `B` | each as by `open_folder`: it may have `train` and `test` in it, or classes |
    | `trainA` and `trainB` | what is trained on; `testA` and `testB` are the test split |
    | `train/A` and `train/B` | likewise, with `test/A` and `test/B` |

    `source` and `target` are other names of A and B; `val`, `valid` and `validation` stand in for
    want of a `test`.

    Args:
      folder: where they are.
      report: told what is left out.

    Returns:
      The pictures of A and those of B, or None if there are no such folders.

    Raises:
      UsageError: one of two folders is missing, they can't be read as `open_folder` does, or test
        has classes that train has not.
    """
    for names in _SIDES:
        if _are_there(folder, names):
            return _opened(folder, names, [names], report)
        for between in ("", "/"):
            train, *tests = (
                [f"{split}{between}{name}" for name in names] for split in ("train", *_TEST_NAMES)
            )
            if _are_there(folder, train, missing=not between):
                found = (each for each in tests if _are_there(folder, each, missing=True))
                return _opened(folder, names, [train, *islice(found, 1)], report)
    return None


def _are_there(folder: Path, names: Sequence[str], *, missing: bool = False) -> bool:
    """Tell whether two folders are there; where `missing`, one alone is a mistake."""
    there = [os.path.isdir(folder / name) for name in names]
    if missing and any(there) and not all(there):
        lone, other = names if there[0] else names[::-1]
        raise UsageError(f"{shown(folder)} has a folder {lone} and none that is called {other}")
    return all(there)


def _opened(
    folder: Path,
    names: Sequence[str],
    splits: Sequence[Sequence[str]],
    report: Callable[[str], None],
) -> tuple[Pictures, Pictures]:
    """Open both sides, each given by its folder in every split."""
    whole = os.path.basename(os.path.realpath(folder))
    first, second = (
        replace(
            _joined([folder / part for part in parts], report), name=simple_name(f"{whole}-{name}")
        )
        for name, *parts in zip(names, *splits, strict=True)
    )
    return first, second


def _joined(folders: Sequence[Path], report: Callable[[str], None]) -> Pictures:
    """Make one data set of a folder and, if there is a second, of its test pictures."""
    train, *tests = (open_folder(folder, report) for folder in folders)
    if not tests:
        return train
    (test,) = tests
    labels = {name: label for label, name in enumerate(train.class_names)}
    if more := set(test.class_names) - set(labels):
        there, here = (shown(folder) for folder in folders)
        raise UsageError(f"{here} has the class {shown(min(more))}, and {there} has not")

    def examples() -> Iterator[Example]:
        for example in train.examples():
            yield example._replace(is_test=False)
        for example in test.examples():
            label = labels[test.class_names[example.label]]
            yield example._replace(is_test=True, label=label)

    return replace(
        train,
        identity=f"{train.identity}\n{test.identity}",
        signature=hashlib.sha256(f"{train.signature} {test.signature}".encode()).hexdigest(),
        origin=f"{train.origin} and {shown(folders[1])}",
        is_split=True,
        count=train.count + test.count,
        examples=examples,
    )
