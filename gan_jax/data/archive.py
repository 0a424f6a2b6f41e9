"""Images in an `.npz` file."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from gan_jax.data.pictures import Example, Pictures, shown, simple_name
from gan_jax.errors import UsageError

__all__ = ["open_archive"]

_IMAGES, _LABELS = ("images", "test_images"), ("labels", "test_labels")
_MOST_EXAMPLES, _MOST_VALUES, _MOST_CLASSES = 10**8, 3 * 2**27, 2**16


class _Header(NamedTuple):
    """What an array in an archive says of itself before its values come."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool


def open_archive(path: Path) -> Pictures:
    """Look what is in an `.npz` file; its images are read one after another when they are decoded.

    `images` are uint8 [N, H, W] or [N, H, W, C], C 1 or 3, and `labels`, if there are some, are
    integers [N] from 0. `test_images` and `test_labels` are the test split. Nothing else in it is
    read, and nothing is unpickled.

    The signature is of the file's size and time of change.

    Args:
      path: the file.

    Returns:
      The images.

    Raises:
      UsageError: it can't be read, or holds something else.
    """
    with _named(path), zipfile.ZipFile(path) as archive:
        names = [name[:-4] for name in archive.namelist() if name.endswith(".npy")]
        if "images" not in names:
            found = shown(", ".join(sorted(names)[:5]) or "no arrays")
            raise ValueError(f"it holds {found}, it must hold images")
        headers = {name: _header(archive, name) for name in _IMAGES + _LABELS if name in names}
        counts = {name: _count(name, headers[name]) for name in _IMAGES if name in headers}
        labels = {name: _labels(archive, name, headers) for name in counts}
        if "test_labels" in headers and "test_images" not in headers:
            raise ValueError("it holds test_labels and no test_images")
    known = path.stat()
    num_classes = _num_classes(path, labels)
    listing = f"{known.st_size} {known.st_mtime_ns}"
    return Pictures(
        name=simple_name(path.stem),
        identity=os.path.realpath(path),
        signature=hashlib.sha256(listing.encode()).hexdigest(),
        class_names=tuple(map(str, range(num_classes))) if "labels" in headers else ("all",),
        origin=f"images in {shown(path)}",
        is_split="test_images" in counts,
        count=sum(counts.values()),
        examples=partial(_examples, path, headers, labels),
    )


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn whatever a damaged archive raises into one line."""
    try:
        yield
    except UsageError:
        raise
    except Exception as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UsageError(f"{shown(path)} can't be used: {shown(why.splitlines()[0])}") from None


def _header(archive: zipfile.ZipFile, name: str) -> _Header:
    """Read what an array says of itself, and check it against its size in the archive."""
    with archive.open(f"{name}.npy") as file:
        header = _read_header(file)
        start = file.tell()
    if header.dtype.hasobject:
        raise ValueError(f"{name} holds objects, which are pickles and are refused")
    size = math.prod(header.shape) * header.dtype.itemsize
    if archive.getinfo(f"{name}.npy").file_size != start + size:
        raise ValueError(f"{name} is damaged: it is of another size than it says")
    return header


def _read_header(file: IO[bytes]) -> _Header:
    version = np.lib.format.read_magic(file)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(f"an array is in version {version} of NumPy's format")
    shape, fortran, dtype = readers[version](file)
    return _Header(shape, dtype, fortran and len(shape) > 1)


def _count(name: str, header: _Header) -> int:
    """Check that an array is images, and return how many."""
    shape, dtype, _ = header
    is_images = len(shape) in (3, 4) and all(shape) and (*shape, 1)[3] in (1, 3)
    if dtype != np.uint8 or not is_images:
        raise ValueError(
            f"{name} is {dtype} {list(shape)}, it must be uint8 [N, H, W] or [N, H, W, C], "
            "C 1 or 3, values from 0 to 255"
        )
    if header.fortran:
        raise ValueError(f"{name} is in Fortran order: save numpy.ascontiguousarray of it")
    if shape[0] > _MOST_EXAMPLES or math.prod(shape[1:]) > _MOST_VALUES:
        raise ValueError(f"{name} is {list(shape)}: more or larger images than can be read")
    return shape[0]


def _labels(archive: zipfile.ZipFile, images: str, headers: dict[str, _Header]) -> np.ndarray:
    """Read the labels of some images; 0 if there are none."""
    name, count = images.replace("images", "labels"), headers[images].shape[0]
    if name not in headers:
        if other := next((each for each in _LABELS if each in headers), None):
            raise ValueError(f"it holds {other} and no {name}")
        return np.zeros(count, np.int32)
    shape, dtype, _ = headers[name]
    if dtype.kind not in "iu" or shape != (count,):
        raise ValueError(f"{name} is {dtype} {list(shape)}, it must be integers [{count}]")
    with archive.open(f"{name}.npy") as file:
        _read_header(file)
        labels = np.frombuffer(file.read(), dtype)
    low, high = labels.min(), labels.max()
    if low < 0 or high >= _MOST_CLASSES:
        raise ValueError(
            f"{name} reach from {low} to {high}, they must be from 0 to at most {_MOST_CLASSES - 1}"
        )
    return labels.astype(np.int32)


def _num_classes(path: Path, labels: dict[str, np.ndarray]) -> int:
    highest = [int(each.max()) for each in labels.values()]
    if highest[-1] > highest[0]:
        raise UsageError(
            f"{shown(path)} can't be used: test_labels reach {highest[-1]}, and labels only "
            f"{highest[0]}"
        )
    return 1 + highest[0]


def _examples(
    path: Path, headers: dict[str, _Header], labels: dict[str, np.ndarray]
) -> Iterator[Example]:
    """Read images one after another, however many there are."""
    with _named(path), zipfile.ZipFile(path) as archive:
        for name in labels:
            count, *shape = headers[name].shape
            size = math.prod(shape)
            with archive.open(f"{name}.npy") as file:
                if _read_header(file) != headers[name]:
                    raise ValueError("it has changed while it was read")
                for index in range(count):
                    content = file.read(size)
                    place = f"{name}[{index}] of {shown(path)}"
                    pixels = partial(_pixels, content, (*shape, 1)[:3])
                    yield Example(place, int(labels[name][index]), name != "images", pixels)


def _pixels(content: bytes, shape: tuple[int, ...]) -> np.ndarray:
    if len(content) != math.prod(shape):
        raise ValueError("it is cut off")
    return np.frombuffer(content, np.uint8).reshape(shape)
