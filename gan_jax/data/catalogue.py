"""What a data set may be called: a name, or a path."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

from gan_jax.data.archive import open_archive
from gan_jax.data.dataset import DatasetUnavailable
from gan_jax.data.folder import open_folder
from gan_jax.data.pictures import Pictures, shown
from gan_jax.data.prepared import prepared_folder
from gan_jax.data.prepared_images import (
    find_prepared,
    is_tfds_name,
    open_prepared,
    prepared_names,
)
from gan_jax.data.sources import SOURCES
from gan_jax.data.stacked import STACKED
from gan_jax.errors import UsageError

__all__ = ["BUILT_IN", "find_pictures", "is_path"]

BUILT_IN = tuple(sorted([*SOURCES, "digits"]))
"""The names that need nothing prepared."""

_SPLITS = ("train", "test")


def is_path(
    source: str | os.PathLike[str], *, data_dir: str | os.PathLike[str] | None = None
) -> bool:
    """Tell a path from a name, which goes before a folder of that name.

    Args:
      source: what `load` is given.
      data_dir: TFDS's folder; where it is None, `$TFDS_DATA_DIR` or else TFDS's own default.

    Returns:
      Whether it is something that is there, and no name.
    """
    if isinstance(source, str) and (
        source in (*BUILT_IN, *STACKED) or find_prepared(source, data_dir)
    ):
        return False
    return os.path.exists(os.path.expanduser(source))


def find_pictures(
    source: str | os.PathLike[str],
    split: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Pictures:
    """Find a data set that is not built in.

    A name of what TFDS has prepared goes before a folder of that name, which `./` tells from it.

    Args:
      source: a name of TFDS's, a folder of pictures, or an `.npz` file.
      split: `"train"` or `"test"`.
      data_dir: TFDS's folder; where it is None, `$TFDS_DATA_DIR` or else TFDS's own default.
      report: told, a line at a time, what is left out of a folder.

    Returns:
      Its pictures, of that split at least.

    Raises:
      UsageError: there is nothing of that name, no such split, or it can't be used.
      DatasetUnavailable: TFDS knows it and has not prepared it, or can't read it.
    """
    if not isinstance(source, (str, os.PathLike)) or "\0" in os.fspath(source):
        raise UsageError(f"dataset {source!r} is no name and no path")
    name, path = os.fspath(source), Path(os.path.expanduser(source))
    prepared = find_prepared(name, data_dir) if isinstance(source, str) else None
    if prepared is None and not (name and os.path.exists(path)):
        raise _unknown(name, data_dir)
    if split not in _SPLITS:
        raise UsageError(f"split {split!r} of {shown(name)} is not one of {', '.join(_SPLITS)}")
    if prepared is not None:
        return open_prepared(name, prepared, split)
    if os.path.isdir(path):
        return open_folder(path, report)
    if path.suffix.lower() != ".npz" or not os.path.isfile(path):
        raise UsageError(f"dataset {shown(name)} is no folder and no .npz file")
    return open_archive(path)


def _unknown(name: str, data_dir: str | os.PathLike[str] | None) -> Exception:
    """Say what there is instead."""
    folder = shown(prepared_folder(data_dir))
    if is_tfds_name(name):
        return DatasetUnavailable(
            f"TFDS has no {name} prepared in {folder}: set TFDS_DATA_DIR to a folder that has it "
            f'as array_record (where TensorFlow is installed, tfds.builder("{name}", '
            'file_format="array_record").download_and_prepare() makes one)'
        )
    prepared = prepared_names(data_dir)
    near = _near(name, [*BUILT_IN, *prepared])
    hint = f"; did you mean {near!r}?" if near else ""
    return UsageError(
        f"dataset {name!r} is not one of {', '.join(BUILT_IN)}, "
        f"nor prepared by TFDS in {folder} ({shown(', '.join(prepared)) or 'nothing is'}), "
        f"nor a folder or .npz file that is there{hint}"
    )


def _near(name: str, known: list[str]) -> str | None:
    """Return what a name may have been meant to be: of those known, or beside a path."""
    if near := difflib.get_close_matches(name, known, n=1):
        return near[0]
    parent, last = os.path.split(name)
    try:
        beside = os.listdir(os.path.expanduser(parent) or ".")
    except OSError:
        return None
    near = difflib.get_close_matches(last, [each for each in beside if each[0] != "."], n=1)
    return os.path.join(parent, near[0]) if near else None
