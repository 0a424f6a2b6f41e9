"""Download gzipped IDX archives, verified before use and never kept half-written."""

from __future__ import annotations

import hashlib
import math
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.client import HTTPException
from queue import Empty, SimpleQueue
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np

from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.sources import Archive, Source

__all__ = ["download", "fetch", "parse_idx"]

FIRST_BYTE_SECONDS = 4.0
STALL_SECONDS = 20.0
PROGRESS_SECONDS = 5.0


def download(source: Source, split: str, report: Callable[[str], None]) -> Dataset:
    """Download one split of a source and decode it.

    The archives come from `source.url`, or from the address in the environment variable
    `GAN_JAX_<NAME>_URL` (`GAN_JAX_MNIST_URL`, ...) where that is set; either way they must have
    the registered checksums. They are held in memory only, so a failure leaves no file behind.

    Args:
      source: what to download.
      split: one of `source.splits`.
      report: told the progress, a line at a time.

    Returns:
      The split, in the archives' order.

    Raises:
      DatasetUnavailable: no network, a server that fails, or archives that are not the right ones.
    """
    base = os.environ.get(f"GAN_JAX_{source.name.upper()}_URL") or source.url
    base = base.rstrip("/") + "/"
    image_archive, label_archive = source.splits[split]
    # The small archive goes first: without a network the answer comes from it.
    labels = _fetch_array(base, label_archive, report)
    images = _fetch_array(base, image_archive, report)
    try:
        origin = f"downloaded from {base}"
        return source.dataset(split, images[..., None], labels.astype(np.int32), origin)
    except ValueError as error:
        raise DatasetUnavailable(f"{base} has unusable archives: {error}") from None


def _fetch_array(base: str, archive: Archive, report: Callable[[str], None]) -> np.ndarray:
    url = base + archive.file
    content = fetch(url, size=archive.size, sha256=archive.sha256, report=report)
    try:
        return parse_idx(content, shape=archive.shape)
    except ValueError as error:
        raise DatasetUnavailable(f"{url} is not the expected IDX archive: {error}") from None


def fetch(url: str, *, size: int, sha256: str, report: Callable[[str], None]) -> bytes:
    """Return the verified bytes behind an address.

    A server has 4 seconds for its first byte, name lookup and connecting included, and 20 for
    each further one. No more than `size + 1` bytes are read.

    Args:
      url: the address.
      size: the size it must have, in bytes.
      sha256: the SHA-256 it must have, 64 hexadecimal digits.
      report: told the progress, a line at a time.

    Returns:
      `size` bytes.

    Raises:
      DatasetUnavailable: it cannot be read, or it has another size or checksum.
    """
    report(f"downloading {url} ({size:,} bytes)")
    content = bytearray()
    last_report = time.monotonic()
    for block in _blocks(url, limit=size + 1):
        content += block
        if time.monotonic() - last_report >= PROGRESS_SECONDS:
            last_report = time.monotonic()
            report(f"downloading {url}: {len(content):,} of {size:,} bytes")
    if len(content) != size:
        amount = f"{len(content):,}" if len(content) < size else f"more than {size:,}"
        raise DatasetUnavailable(f"{url} sent {amount} bytes instead of {size:,}")
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DatasetUnavailable(f"{url} has SHA-256 {found} instead of {sha256}")
    return bytes(content)


def _blocks(url: str, *, limit: int) -> Iterator[bytes]:
    """Yield what a server sends, giving up on one that is silent for too long."""
    # A socket's timeout bounds neither the name lookup nor a slow header, so another thread
    # waits for the server, and this one waits for the thread no longer than it wants to.
    blocks: SimpleQueue[bytes | DatasetUnavailable] = SimpleQueue()
    threading.Thread(target=_receive, args=(url, limit, blocks), daemon=True).start()
    patience = FIRST_BYTE_SECONDS
    while True:
        try:
            block = blocks.get(timeout=patience)
        except Empty:
            raise DatasetUnavailable(f"{url} sent nothing for {patience:g} s") from None
        if isinstance(block, DatasetUnavailable):
            raise block
        if not block:
            return
        yield block
        patience = STALL_SECONDS


def _receive(url: str, limit: int, blocks: SimpleQueue[bytes | DatasetUnavailable]) -> None:
    """Put what a server sends on a queue, then an empty block or what went wrong."""
    try:
        with urlopen(url, timeout=STALL_SECONDS) as response:
            while limit > 0 and (block := response.read1(min(limit, 1 << 16))):
                blocks.put(block)
                limit -= len(block)
        blocks.put(b"")
    except HTTPError as error:
        error.close()
        blocks.put(DatasetUnavailable(f"{url} answered HTTP {error.code} {error.reason}"))
    except (OSError, ValueError, HTTPException) as error:
        reason = " ".join(str(getattr(error, "reason", error)).split()) or type(error).__name__
        blocks.put(DatasetUnavailable(f"{url} cannot be read: {reason}"))


def parse_idx(archive: bytes, *, shape: tuple[int, ...]) -> np.ndarray:
    """Decode a gzipped IDX file of unsigned bytes, the format MNIST is published in.

    The header is two zero bytes, 8 for "unsigned byte", the number of dimensions, and each
    dimension as a big-endian 32-bit integer; the values follow in C order. No more memory is
    used than `shape` needs, however far the archive would expand.

    Args:
      archive: the compressed file.
      shape: the shape it must have.

    Returns:
      uint8 array of that shape.

    Raises:
      ValueError: it is not a whole gzip file, or has another header or length.

    Example:
      >>> import gzip
      >>> parse_idx(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9])), shape=(3,))
      array([7, 8, 9], dtype=uint8)
    """
    header = bytes([0, 0, 8, len(shape)]) + np.asarray(shape, ">u4").tobytes()
    expected = len(header) + math.prod(shape)
    gunzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = gunzip.decompress(archive, expected + 1)
    except zlib.error as error:
        raise ValueError(f"it is not a gzip file ({error})") from None
    if content[: len(header)] != header:
        found = content[: len(header)].hex()
        raise ValueError(f"its header is {found} instead of {header.hex()}")
    if len(content) != expected or not gunzip.eof:
        amount = "more" if len(content) > expected else "less"
        raise ValueError(f"it holds {amount} than the {expected:,} bytes it must hold")
    return np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape)
