"""Keep decoded data sets on disk, so that each is decoded once per machine."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.data.dataset import Dataset
from gan_jax.data.sources import Source
from gan_jax.files import atomic_write, cache_directory

__all__ = ["cache_path", "read_checked", "restore", "store", "write_checked"]

_DIGEST_SIZE = hashlib.sha256().digest_size


def cache_path(name: str, split: str) -> Path:
    """Return the file in which a split is kept: the SHA-256 of an npz archive, then the archive.

    Args:
      name: the data set.
      split: its split.

    Returns:
      A path below the user's cache folder; the file may not exist.
    """
    return cache_directory("datasets") / f"{name}-{split}.cache"


def store(dataset: Dataset, report: Callable[[str], None]) -> None:
    """Keep a decoded split; a folder that cannot be written is reported and otherwise ignored.

    Args:
      dataset: what to keep.
      report: told if it could not be kept.
    """
    path = cache_path(dataset.name, dataset.split)
    try:
        write_checked(path, images=dataset.images, labels=dataset.labels, origin=dataset.origin)
    except OSError as error:
        report(f"{dataset.name} {dataset.split} is not kept in {path}: {error.strerror or error}")


def restore(source: Source, split: str, report: Callable[[str], None]) -> Dataset | None:
    """Return a split that `store` kept, or None where there is none or it is damaged.

    Args:
      source: which data set.
      split: one of `source.splits`.
      report: told if what is there is damaged.

    Returns:
      The data set, bit for bit as it was stored, or None.
    """
    path = cache_path(source.name, split)
    try:
        arrays = read_checked(path)
        origin = str(arrays["origin"])
        return source.dataset(split, arrays["images"], arrays["labels"], origin)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, KeyError, ValueError) as error:
        report(f"{path} cannot be used and is made anew: {error}")
        return None


def write_checked(path: Path, **arrays: Any) -> None:
    """Write arrays whole or not at all: the SHA-256 of an npz archive, then the archive.

    Args:
      path: the file to make or replace.
      **arrays: what goes into it: arrays, numbers, strings.

    Raises:
      OSError: it can't be written.
    """
    archive = io.BytesIO()
    np.savez(archive, **arrays)
    content = archive.getbuffer()
    with atomic_write(path) as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def read_checked(path: Path) -> dict[str, Any]:
    """Read what `write_checked` wrote.

    Args:
      path: the file.

    Returns:
      The arrays by name.

    Raises:
      OSError: it can't be read.
      ValueError: it is damaged.
    """
    content = memoryview(path.read_bytes())
    digest, archive = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if hashlib.sha256(archive).digest() != digest:
        raise ValueError("its checksum is wrong")
    with np.load(io.BytesIO(archive), allow_pickle=False) as arrays:
        return dict(arrays)
