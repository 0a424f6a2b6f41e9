"""Decode pictures in threads, one after another into a file, and say in which order they belong."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from gan_jax.data.pictures import Example, Pictures, quiet
from gan_jax.errors import RunError, UsageError
from gan_jax.progress import progress_lines

__all__ = ["Rows", "arrange", "decode_rows"]

_SHARE, _MOST_HELD_OUT = 10, 10_000


class Rows(NamedTuple):
    """What is known of decoded images beside their pixels, in the order they were read.

    Attributes:
      shape: of each, (H, W, C).
      words: the first 8 bytes of a hash of each as it was before it was resized, uint64 [N].
      labels: int32 [N].
      is_test: bool [N].
    """

    shape: tuple[int, ...]
    words: np.ndarray
    labels: np.ndarray
    is_test: np.ndarray


class _Image(NamedTuple):
    example: Example
    word: int
    pixels: np.ndarray


def decode_rows(
    pictures: Pictures,
    file: IO[bytes],
    folder: Path,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    report: Callable[[str], None] = print,
) -> Rows:
    """Decode pictures and write each to a file, so that few are in memory at once.

    Args:
      pictures: what is to be decoded.
      file: where uint8 [N, H, W, C] is written to, in the order of `pictures.examples`.
      folder: where the file is, and as much again will be.
      resolution: see `gan_jax.data.resizing.fit`.
      channels: likewise.
      report: told now and then how far it is.

    Returns:
      What is known of them.

    Raises:
      UsageError: a picture is damaged, or they are of several sizes or numbers of channels.
      RunError: the folder has no room for them.
    """
    words, labels = np.empty(pictures.count, np.uint64), np.empty(pictures.count, np.int32)
    is_test = np.empty(pictures.count, bool)
    progress = progress_lines(f"decoding {pictures.name}", pictures.count, report)
    first, shape = "", (0, 0, 0)
    fitted = partial(pictures.fitted, resolution=resolution, channels=channels)
    with quiet(), closing(_decoded(pictures, fitted)) as images:
        for index, (example, word, pixels) in enumerate(images):
            if not index:
                first, shape = example.place, pixels.shape
                _check_room(pictures, pixels.nbytes, folder)
            elif pixels.shape != shape:
                raise UsageError(_difference(example.place, pixels.shape, first, shape))
            # Not through a memory map: to write to one on a full disk ends the process.
            file.write(pixels.tobytes())
            words[index], labels[index], is_test[index] = word, example.label, example.is_test
            progress(index + 1)
    file.flush()
    return Rows(shape, words, labels, is_test)


def arrange(
    words: np.ndarray, labels: np.ndarray, is_test: np.ndarray | None
) -> tuple[np.ndarray, int]:
    """Put examples in the order that their contents fix, those of the test split first.

    Args:
      words: a number for each image that its contents fix, uint64 [N].
      labels: their classes, [N].
      is_test: bool [N]; None holds out a tenth, at most 10,000: those with the smallest words, so
        that equal images are never in both splits.

    Returns:
      The order, integers [N], and how many of the first ones are test examples.

    Example:
      >>> words = np.array([5, 3, 9], np.uint64)
      >>> arrange(words, np.zeros(3), None)
      (array([1, 0, 2]), 1)
    """
    if is_test is None:
        count = min(_MOST_HELD_OUT, -(-len(words) // _SHARE))
        is_test = words <= np.partition(words, count - 1)[count - 1]
    return np.lexsort((labels, words, ~is_test)), int(is_test.sum())


def _decoded(
    pictures: Pictures, fitted: Callable[[np.ndarray], np.ndarray]
) -> Generator[_Image, None, None]:
    """Decode in threads, few images ahead; Pillow and the hash let them run side by side."""

    def decode(example: Example) -> _Image:
        try:
            pixels = example.decode()
        except ValueError as error:
            raise UsageError(f"{example.place} can't be read: {error}") from None
        digest = hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
        return _Image(example, int.from_bytes(digest[:8], "big"), fitted(pixels))

    workers = os.cpu_count() or 1
    waiting: deque[Future[_Image]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="decoding") as pool:
        for example in pictures.examples():
            waiting.append(pool.submit(decode, example))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _check_room(pictures: Pictures, size: int, folder: Path) -> None:
    needed, free = 2 * size * pictures.count, shutil.disk_usage(folder).free
    if needed > free:
        raise RunError(
            f"decoding {pictures.name} takes {needed / 1e9:,.1f} GB, half of it for a while, and "
            f"{folder} has {free / 1e9:,.1f} GB: GAN_JAX_CACHE can name a folder elsewhere"
        )


def _difference(place: str, shape: tuple[int, ...], first: str, wanted: tuple[int, ...]) -> str:
    if shape[:2] != wanted[:2]:
        found, before = (f"{width}x{height}" for height, width, _ in (shape, wanted))
        how = f"--resolution {min(wanted[:2])} makes"
    else:
        found, before = ("grey" if each[2] == 1 else "in colour" for each in (shape, wanted))
        how = "--channels 1, or 3, makes"
    return f"{place} is {found}, and {first} is {before}: {how} all alike"
