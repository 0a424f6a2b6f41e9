"""Load a data set by name or path, from wherever it can be had."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from gan_jax.data import cache, digits
from gan_jax.data.catalogue import BUILT_IN, find_pictures
from gan_jax.data.dataset import Dataset, DatasetUnavailable
from gan_jax.data.digits import load_digits
from gan_jax.data.download import download
from gan_jax.data.kept import load_pictures
from gan_jax.data.prepared import read_prepared
from gan_jax.data.resizing import check_fit, fit
from gan_jax.data.sources import SOURCES, Source
from gan_jax.data.stacked import STACKED, load_stacked
from gan_jax.errors import UsageError

__all__ = ["load", "load_auto"]


def load(
    source: str | os.PathLike[str],
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Dataset:
    """Load a split of a data set.

    - `"mnist"` and `"fashion_mnist"` are taken from the first of: the decoded copy in the user's
      cache; what TFDS has prepared; a download of the published archives. `"digits"` come with
      scikit-learn. `"stacked_mnist"` and `"stacked_digits"` are random triples of either, see
      `gan_jax.data.stacked`.
    - Another name is that of a data set of images that TFDS has prepared as array_record, such as
      `"cifar10"` or `"lsun/classroom"`; see `gan_jax.data.prepared_images.open_prepared`.
    - A folder is of pictures, and its sub-folders are classes; see `gan_jax.data.folder`.
    - An `.npz` file has `images`, and perhaps `labels`, `test_images` and `test_labels`; see
      `gan_jax.data.archive`.

    What has no test split gets one: a tenth of the examples, at most 10,000, chosen by their
    contents. Examples always come in one order, fixed by their contents, so that a seed means the
    same batches on every machine; neither depends on the resolution. All but the first three names
    are decoded once, into an array that is kept in the user's cache and mapped from there.

    Args:
      source: a name or a path.
      split: `"train"` or `"test"`; the digits also have `"all"`.
      resolution: cut the square in the middle out of each image and resize it to that many pixels a
        side; None leaves them, and they must be of one size.
      channels: 1 makes images grey, 3 makes them RGB; None leaves them.
      data_dir: the folder of TFDS's prepared data; where it is None, `$TFDS_DATA_DIR` or else
        TFDS's own default.
      report: told, a line at a time, what takes long, is left out or is wrong with the cache.

    Returns:
      The data set.

    Raises:
      UsageError: there is no such data set or split, or its images can't be used.
      DatasetUnavailable: it is neither on this machine nor can it be downloaded.
      RunError: there is no room to decode it.

    Example:
      >>> load("digits").images.shape
      (1437, 8, 8, 1)
      >>> load("digits", resolution=32, channels=3).images.shape
      (1437, 32, 32, 3)
    """
    check_fit(resolution, channels)
    if isinstance(source, str) and source in STACKED:
        grey = partial(load, resolution=resolution, data_dir=data_dir, report=report)
        return load_stacked(source, split, grey, channels=channels)
    if not isinstance(source, str) or source not in BUILT_IN:
        pictures = find_pictures(source, split, data_dir=data_dir, report=report)
        return load_pictures(
            pictures, split, resolution=resolution, channels=channels, report=report
        )
    dataset = _load_built_in(source, split, data_dir, report)
    _, *side, depth = dataset.images.shape
    if (resolution is None or side == [resolution] * 2) and channels in (None, depth):
        return dataset
    images = [fit(image, resolution=resolution, channels=channels) for image in dataset.images]
    return replace(dataset, images=np.stack(images))


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


def _load_built_in(
    name: str,
    split: str,
    data_dir: str | os.PathLike[str] | None,
    report: Callable[[str], None],
) -> Dataset:
    splits = digits.SPLITS if name == "digits" else tuple(SOURCES[name].splits)
    if split not in splits:
        raise UsageError(f"split {split!r} of {name} is not one of {', '.join(splits)}")
    if name == "digits":
        return load_digits(split)
    source = SOURCES[name]
    if (dataset := cache.restore(source, split, report)) is None:
        dataset = _in_canonical_order(_obtain(source, split, data_dir, report))
        cache.store(dataset, report)
    return dataset


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
