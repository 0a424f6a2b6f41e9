"""Keep decoded pictures as a memory-mapped array in the user's cache folder."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from gan_jax.data.cache import read_checked, write_checked
from gan_jax.data.dataset import Dataset
from gan_jax.data.decoding import arrange, decode_rows
from gan_jax.data.pictures import Pictures
from gan_jax.errors import RunError, UsageError
from gan_jax.files import atomic_write, cache_directory, sha256_of

__all__ = ["kept_path", "load_pictures"]

_RECIPE = 1  # of how pictures are decoded and arranged; what is kept by another is made anew
_BLOCK = 64


class _Kept(NamedTuple):
    """A decoded data set: the examples of the test split, then those of the train split."""

    images: np.ndarray
    labels: np.ndarray
    num_test: int


def load_pictures(
    pictures: Pictures,
    split: str,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    report: Callable[[str], None] = print,
) -> Dataset:
    """Load a split of pictures, from the cache where they have been decoded before.

    All of them are decoded the first time, those of the other split too, so that one that is
    damaged is found before a run and not after it. They are kept as an `.npy` file which
    `Dataset.images` maps: of a data set larger than the memory, only what is in use is in it. The
    labels, a checksum of the images and the signature of the pictures are beside it: what has
    changed, or is damaged, is decoded again. A cache that can't be written is reported, and a file
    without a name in the system's folder for temporary files is mapped.

    Args:
      pictures: what is to be decoded.
      split: `"train"` or `"test"`.
      resolution: see `gan_jax.data.resizing.fit`.
      channels: likewise.
      report: told, a line at a time, what takes long or is wrong with the cache.

    Returns:
      The data set, in the order of `gan_jax.data.decoding.arrange`; its images can't be written to.

    Raises:
      UsageError: a picture is damaged, or they are of several sizes or numbers of channels.
      RunError: there is no room for them.
    """
    path = kept_path(pictures, resolution, channels)
    signature = f"{_RECIPE} {pictures.signature}"
    kept = _restore(path, signature, report)
    if kept is None:
        kept = _decode(pictures, path, signature, resolution, channels, report)
    images, labels, num_test = kept
    part = slice(num_test) if split == "test" else slice(num_test, None)
    height, width = images.shape[1:3]
    resized = f", cut and resized to {width}x{height}" if resolution is not None else ""
    return Dataset(
        pictures.name,
        split,
        images[part],
        labels[part],
        len(pictures.class_names),
        pictures.class_names,
        pictures.origin + resized,
    )


def kept_path(pictures: Pictures, resolution: int | None, channels: int | None) -> Path:
    """Return the file in which decoded images are kept; the rest is in a `.cache` beside it.

    Args:
      pictures: what is decoded.
      resolution: to which size.
      channels: to how many.

    Returns:
      A path below the user's cache folder; one for each data set and setting, whatever its
      contents, so that what has changed takes no room twice.
    """
    identity = f"{pictures.identity}\n{resolution} {channels}"
    digest = hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest()
    return cache_directory("datasets") / f"{pictures.name}-{digest[:16]}.npy"


def _restore(path: Path, signature: str, report: Callable[[str], None]) -> _Kept | None:
    """Return what is kept; None where there is nothing, or it is old or damaged."""
    try:
        kept = read_checked(path.with_suffix(".cache"))
        labels, num_test = kept["labels"], int(kept["num_test"])
        if str(kept["signature"]) != signature:
            report(f"{path} is of other contents, and is made anew")
            return None
        if str(kept["sha256"]) != sha256_of(path):
            raise ValueError("its checksum is wrong")
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.dtype != np.uint8 or images.ndim != 4 or len(images) != len(labels):
            raise ValueError(f"it holds {images.dtype} {list(images.shape)}")
        return _Kept(np.asarray(images), labels, num_test)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, KeyError, ValueError) as error:
        report(f"{path} cannot be used and is made anew: {error}")
        return None


def _decode(
    pictures: Pictures,
    path: Path,
    signature: str,
    resolution: int | None,
    channels: int | None,
    report: Callable[[str], None],
) -> _Kept:
    """Decode all pictures, and keep them if the cache can be written."""
    folder = _writable(pictures, path.parent, report)
    try:
        with tempfile.TemporaryFile(dir=folder) as scratch:
            rows = decode_rows(
                pictures, scratch, folder, resolution=resolution, channels=channels, report=report
            )
            is_test = rows.is_test if pictures.is_split else None
            order, num_test = arrange(rows.words, rows.labels, is_test)
            if is_test is None and num_test == len(order):
                raise UsageError(f"{pictures.origin}: too few that differ to hold some out")
            unsorted = np.memmap(scratch, np.uint8, "r", shape=(len(order), *rows.shape))
            is_kept = folder == path.parent
            with atomic_write(path) if is_kept else tempfile.TemporaryFile(dir=folder) as file:
                digest = _write_array(file, unsorted, order)
                images = _mapped(file, unsorted.shape)
            kept = _Kept(images, rows.labels[order], num_test)
            if is_kept:
                facts = {"signature": signature, "sha256": digest, "num_test": num_test}
                write_checked(path.with_suffix(".cache"), labels=kept.labels, **facts)
            return kept
    except OSError as error:  # that of a picture is a UsageError by now
        raise RunError(
            f"writing the decoded {pictures.name} in {folder} failed: {error.strerror or error}; "
            "GAN_JAX_CACHE can name a folder elsewhere"
        ) from None


def _writable(pictures: Pictures, folder: Path, report: Callable[[str], None]) -> Path:
    """Return a folder, or that for temporary files if it can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        report(f"{pictures.name} is not kept in {folder}: {error.strerror or error}")
        return Path(tempfile.gettempdir())


def _write_array(file: IO[bytes], rows: np.ndarray, order: np.ndarray) -> str:
    """Write rows in an order as an array in NumPy's format, and return the file's SHA-256."""
    digest = hashlib.sha256()
    starts = range(0, len(order), _BLOCK)
    blocks = (rows[order[start : start + _BLOCK]].tobytes() for start in starts)
    for block in chain([_header(rows.shape)], blocks):
        file.write(block)
        digest.update(block)
    file.flush()
    return digest.hexdigest()


def _header(shape: tuple[int, ...]) -> bytes:
    header = io.BytesIO()
    what = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, what)
    return header.getvalue()


def _mapped(file: IO[bytes], shape: tuple[int, ...]) -> np.ndarray:
    """Map what `_write_array` wrote, also for when the file is closed."""
    return np.asarray(np.memmap(file, np.uint8, "r", offset=len(_header(shape)), shape=shape))
