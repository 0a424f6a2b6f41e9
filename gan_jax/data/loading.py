"""Load a data set by name, from wherever it can be had."""

from __future__ import annotations

import difflib
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gan_jax.data import cache, digits
from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.digits import load_digits
from gan_jax.data.download import download
from gan_jax.data.prepared import read_prepared
from gan_jax.data.sources import SOURCES, Source
from gan_jax.errors import UsageError

__all__ = ["load", "load_auto"]


def load(
    name: str,
    *,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Dataset:
    """Load a split of a data set into memory.

    MNIST and Fashion-MNIST are taken from the first of: the decoded copy in the user's cache;
    what TFDS has prepared; a download of the published archives. Their examples always come in
    one order, fixed by their contents, so that a seed means the same batches on every machine.
    The digits come with scikit-learn.

    Args:
      name: `"mnist"`, `"fashion_mnist"` or `"digits"`.
      split: `"train"` or `"test"`; the digits also have `"all"`.
      data_dir: the folder of TFDS's prepared data; where it is None, `$TFDS_DATA_DIR` or else
        TFDS's own default.
      report: told, a line at a time, what takes long or what is wrong with the cache.

    Returns:
      The data set.

    Raises:
      UsageError: there is no such data set or split.
      DatasetUnavailable: it is neither on this machine nor can it be downloaded.

    Example:
      >>> load("digits").images.shape
      (1437, 8, 8, 1)
    """
    _check(name, split)
    if name == "digits":
        return load_digits(split)
    source = SOURCES[name]
    if (dataset := cache.restore(source, split, report)) is None:
        dataset = _in_canonical_order(_obtain(source, split, data_dir, report))
        cache.store(dataset, report)
    return dataset


def load_auto(
    *,
    split: str = "train",
    data_dir: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> tuple[Dataset, str]:
    """Load MNIST if it can be had, else the digits that come with scikit-learn.

    Args:
      split: `"train"` or `"test"`.
      data_dir: the folder of TFDS's prepared data, as in `load`.
      report: told, a line at a time, what takes long.

    Returns:
      The data set, and one line saying which it is and why.

    Raises:
      UsageError: there is no such split.
    """
    try:
        dataset = load("mnist", split=split, data_dir=data_dir, report=report)
    except DatasetUnavailable as error:
        return load_digits(split), f"using digits (8x8) instead of MNIST: {error}"
    return dataset, f"using MNIST, {dataset.origin}"


def _check(name: str, split: str) -> None:
    accepted = sorted([*SOURCES, "digits"])
    if name not in accepted:
        near = difflib.get_close_matches(str(name), accepted, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"dataset {name!r} is not one of {', '.join(accepted)}{hint}")
    splits = digits.SPLITS if name == "digits" else tuple(SOURCES[name].splits)
    if split not in splits:
        raise UsageError(f"split {split!r} of {name} is not one of {', '.join(splits)}")


def _obtain(
    source: Source,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    report: Callable[[str], None],
) -> Dataset:
    """Read what TFDS prepared, else download."""
    try:
        return read_prepared(source, split, data_dir, report)
    except DatasetUnavailable as error:
        not_prepared = str(error)
        report(not_prepared)
    try:
        return download(source, split, report)
    except DatasetUnavailable as error:
        raise DatasetUnavailable(
            f"{source.title} cannot be had: {not_prepared}; {error}. "
            f"To have it, set TFDS_DATA_DIR to a folder with {source.name} prepared as "
            "array_record, or connect to the network; --dataset digits needs neither"
        ) from None


def _in_canonical_order(dataset: Dataset) -> Dataset:
    """Sort the examples by a hash of each, since TFDS and the archives order them differently."""
    examples = zip(dataset.images, dataset.labels, strict=True)
    hashes = [hashlib.sha256(image.tobytes() + bytes([label])) for image, label in examples]
    first_words = np.frombuffer(b"".join(h.digest()[:8] for h in hashes), ">u8")
    order = np.argsort(first_words, kind="stable")
    return replace(dataset, images=dataset.images[order], labels=dataset.labels[order])
