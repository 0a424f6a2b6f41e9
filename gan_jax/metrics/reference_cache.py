"""Keep on disk what was computed of reference images, so that it is computed once per machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.files import atomic_write, cache_directory
from gan_jax.metrics.classifier import digest_of

__all__ = ["kept"]

_RECIPE = 1
"""Raise it whenever extractors or moments compute something else under the same name."""


def kept(
    what: str,
    made_from: tuple[str, ...],
    make: Callable[[], Mapping[str, np.ndarray]],
    *,
    report: Callable[[str], None] = print,
) -> dict[str, np.ndarray]:
    """Return arrays that were kept, or make and keep them.

    They are below the user's cache folder, under a hash of what they were made from and of the kind
    of device. What is there is checked when it is loaded; if it is damaged it is made again.

    Args:
      what: names them for people, such as `"features"`.
      made_from: what decides them: a digest of the images, and the extractor's name.
      make: computes them.
      report: given a line that says where they come from, or what went wrong.

    Returns:
      The arrays by name, the same to the bit as when they were made.
    """
    parts = [np.asarray(part) for part in (str(_RECIPE), jax.default_backend(), *made_from)]
    digest = digest_of({f"part {index}": part for index, part in enumerate(parts)})
    path = cache_directory("references") / f"{what}-{digest[:16]}.npz"
    subject = f"{what} of {' by '.join(made_from)}"
    if path.exists():
        try:
            arrays = _load(path)
        except Exception as error:  # A damaged archive can raise almost anything.
            report(f"{path} is damaged, so it is made again: {error}")
        else:
            report(f"{subject}: from {path}")
            return arrays
    made: dict[str, Any] = dict(make())
    try:
        with atomic_write(path) as file:
            np.savez(file, checksum=digest_of(made), **made)
    except OSError as error:
        report(f"{subject} are not kept in {path}: {error.strerror or error}")
    else:
        report(f"{subject}: kept in {path}")
    return made


def _load(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    with open(Path(path), "rb") as file, np.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    if str(arrays.pop("checksum")) != digest_of(arrays):
        raise ValueError("its checksum is wrong")
    return arrays
