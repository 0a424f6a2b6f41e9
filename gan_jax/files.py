"""Where files go and how they are written: the cache folder, atomic writes, checksums."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["atomic_write", "cache_directory", "sha256_of"]


def cache_directory(*parts: str) -> Path:
    """Return a folder below the user's cache, following the XDG convention; it may not exist yet.

    The base is `$GAN_JAX_CACHE` where set, else `$XDG_CACHE_HOME/gan_jax`, else `~/.cache/gan_jax`.

    Args:
      *parts: names of nested folders below the base.

    Returns:
      The path of the folder.
    """
    base = os.environ.get("GAN_JAX_CACHE")
    if base:
        return Path(base).joinpath(*parts)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home, "gan_jax", *parts)


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO]:
    """Open a file that appears under its name whole or not at all.

    What is written goes to a temporary neighbour, which is flushed to disk and renamed over
    `path` when the block ends; if the block raises, `path` is left as it was.

    Args:
      path: the file to make or replace; missing parent folders are made.
      mode: `"wb"` or `"w"` (UTF-8).

    Yields:
      The open temporary file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_UMASK)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sha256_of(path: str | os.PathLike[str]) -> str:
    """Return the hexadecimal SHA-256 of a file's bytes, read in blocks.

    Args:
      path: the file to read.

    Returns:
      64 hexadecimal digits.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Read once: to read it is to set it for a moment, for every thread.
_UMASK = _umask()
