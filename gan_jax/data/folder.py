"""Pictures in a folder, whose sub-folders are classes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from gan_jax.data.pictures import SUFFIXES, Example, Pictures, decode_picture, shown, simple_name
from gan_jax.errors import UsageError

__all__ = ["open_folder"]

_TEST_NAMES = ("test", "val", "valid", "validation")
_ALL = "all"  # the class of pictures that have none


class _File(NamedTuple):
    """A picture, by the parts of its path below the folder: `("train", "cats", "1.png")`."""

    parts: tuple[str, ...]
    size: int
    changed: int


def open_folder(folder: Path, report: Callable[[str], None] = print) -> Pictures:
    """Look what pictures are in a folder, without opening them.

    Sub-folders are classes, in the order of their names, with all that is below them; without
    sub-folders all pictures are of one class. If there are folders `train` and `test`, or `val`,
    `valid` or `validation` for want of a `test`, they are the splits and each is read like that.
    Names that begin with a dot are passed over, and what is no picture is left out with a line. A
    link may lead to another picture in the folder.

    The signature is of the paths, sizes and times of change of the pictures: what changes a picture
    and leaves its size and its time is not noticed.

    Args:
      folder: the folder.
      report: told what is left out.

    Returns:
      The pictures.

    Raises:
      UsageError: there are none, some are beside sub-folders of others, test has classes that train
        has not, a folder can't be read, or a link leads out of it.
    """
    root = os.path.realpath(folder)
    files, others = _scan(root, folder)
    splits = _splits(root)
    if splits:
        others += [file.parts for file in files if file.parts[0] not in splits]
        files = [file for file in files if file.parts[0] in splits]
    if others:
        such = shown("/".join(min(others)))
        many = f"{len(others):,} left out, no pictures or of no split"
        report(f"{shown(folder)}: {many}, such as {such}")
    names = _class_names(folder, files, splits)
    labels = {name: label for label, name in enumerate(names)}

    def examples() -> Iterator[Example]:
        for file in files:
            path = os.path.join(folder, *file.parts)
            label = labels[_class(file, splits)]
            is_test = bool(splits) and file.parts[0] == splits[1]
            name = "/".join(file.parts)
            yield Example(shown(path), label, is_test, partial(decode_picture, path), name)

    listing = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    return Pictures(
        name=simple_name(os.path.basename(root)),
        identity=root,
        signature=listing,
        class_names=names,
        origin=f"pictures in {shown(folder)}",
        is_split=bool(splits),
        count=len(files),
        examples=examples,
    )


def _scan(root: str, folder: Path) -> tuple[list[_File], list[tuple[str, ...]]]:
    """Return the pictures below a folder, sorted by their paths, and what else there is."""
    files: list[_File] = []
    others: list[tuple[str, ...]] = []
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(os.path.join(root, *parts)) as entries:
                visible = [entry for entry in entries if not entry.name.startswith(".")]
                for entry in visible:
                    here = (*parts, entry.name)
                    if entry.is_symlink():
                        _check_link(root, folder, here)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(here)
                    elif found := _picture(entry):
                        files.append(_File(here, found.st_size, found.st_mtime_ns))
                    else:
                        others.append(here)
        except OSError as error:
            place = shown(os.path.join(folder, *parts))
            raise UsageError(f"{place} can't be read: {error.strerror or error}") from None
    if not files:
        endings = ", ".join(SUFFIXES)
        raise UsageError(f"{shown(folder)} holds no pictures: names that end in {endings}")
    return sorted(files), others


def _picture(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what is known of a file if it is one, and its name is that of a picture."""
    if not entry.name.lower().endswith(SUFFIXES):
        return None
    try:
        found = entry.stat()
    except OSError:  # a link to nothing, or a loop of links
        return None
    return found if stat.S_ISREG(found.st_mode) else None  # to open a pipe would wait forever


def _check_link(root: str, folder: Path, parts: tuple[str, ...]) -> None:
    path = os.path.join(root, *parts)
    target = os.path.realpath(path)
    if not Path(target).is_relative_to(root):
        raise UsageError(
            f"{shown(folder)}: {shown(os.path.join(*parts))} in it is a link to "
            f"{shown(os.readlink(path))}, and what is read stays in the folder: "
            "name the folder it leads to, or link the whole folder"
        )


def _splits(root: str) -> tuple[str, ...]:
    """Return the names of the folders of train and test; none if they aren't both there."""
    folders = [name for name in ("train", *_TEST_NAMES) if os.path.isdir(os.path.join(root, name))]
    return tuple(folders[:2]) if "train" in folders and len(folders) > 1 else ()


def _class(file: _File, splits: tuple[str, ...]) -> str:
    inner = file.parts[1:] if splits else file.parts
    return inner[0] if len(inner) > 1 else _ALL


def _class_names(folder: Path, files: list[_File], splits: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes, those of train."""
    found: dict[str, set[str]] = {}
    for split in splits or ("",):
        chosen = [file for file in files if not split or file.parts[0] == split]
        place = shown(folder / split)
        if not chosen:
            raise UsageError(f"{place} holds no pictures, and it is a split of {shown(folder)}")
        depth = {len(file.parts) > (2 if split else 1) for file in chosen}
        if len(depth) > 1:
            loose = next(file for file in chosen if len(file.parts) == (2 if split else 1))
            raise UsageError(
                f"{place} holds pictures both in sub-folders and beside them, such as "
                f"{shown(loose.parts[-1])}: each must be in the sub-folder of its class, or none"
            )
        found[split] = {_class(file, splits) for file in chosen}
    if splits and (more := found[splits[1]] - found[splits[0]]):
        train, test = (shown(folder / split) for split in splits)
        raise UsageError(f"{test} has the class {shown(min(more))}, and {train} has not")
    return tuple(sorted(found[splits[0] if splits else ""]))
