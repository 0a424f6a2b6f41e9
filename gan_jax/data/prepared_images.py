"""Any data set of images that TensorFlow Datasets has prepared on this machine."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from gan_jax.data.dataset import DatasetUnavailable
from gan_jax.data.pictures import Example, Pictures, decode_picture, shown, simple_name
from gan_jax.data.prepared import prepared_folder
from gan_jax.data.resizing import fit
from gan_jax.errors import UsageError

__all__ = ["find_prepared", "is_tfds_name", "open_prepared", "prepared_names"]

_NAME = re.compile(r"([a-z]\w*)(?:/(\w[\w.+=,-]*))?(?::(\d+\.\d+\.\d+))?", re.ASCII)
_VERSION = re.compile(r"\d+\.\d+\.\d+", re.ASCII)
_TEST_NAMES = ("test", "validation")
_BLOCK = 64


class _Features(NamedTuple):
    """Which features of TFDS's are the images and the labels."""

    image: str
    channels: int | None
    label: str | None
    class_names: tuple[str, ...]


def prepared_names(data_dir: str | os.PathLike[str] | None) -> list[str]:
    """List what TFDS has prepared, without asking TFDS.

    Args:
      data_dir: TFDS's folder, see `prepared_folder`.

    Returns:
      Names, sorted; of a data set with several configurations, one for each.
    """
    root = Path(prepared_folder(data_dir))
    return sorted(
        name
        for folder in _folders(root)
        if _NAME.fullmatch(folder.name)
        for name in [folder.name, *(f"{folder.name}/{each.name}" for each in _folders(folder))]
        if _versions(root / name)
    )


def find_prepared(name: str, data_dir: str | os.PathLike[str] | None) -> Path | None:
    """Return the folder in which TFDS has prepared a data set, of its newest version.

    Args:
      name: TFDS's name for it: `"cifar10"`, `"lsun/classroom"`, `"cifar10:3.0.2"`. The
        configuration may be left out if only one is there.
      data_dir: TFDS's folder, see `prepared_folder`.

    Returns:
      The folder; None if it is not there.

    Raises:
      UsageError: several configurations are there, and the name says none.
    """
    if not (match := _NAME.fullmatch(name)):
        return None
    name, config, version = match.groups()
    folder = Path(prepared_folder(data_dir), name, *filter(None, [config]))
    if not config and not _versions(folder):
        configs = [each for each in _folders(folder) if _versions(each)]
        if len(configs) > 1:
            names = ", ".join(f"{name}/{each.name}" for each in configs)
            raise UsageError(f"dataset {name!r} is there as {names}: name one of them")
        folder = configs[0] if configs else folder
    versions = [each for each in _versions(folder) if version in (None, each.name)]
    return versions[-1] if versions else None


def is_tfds_name(name: str) -> bool:
    """Tell whether TFDS knows a data set, prepared or not.

    Args:
      name: what it may be called.

    Returns:
      Whether it does; False if TFDS can't be asked.
    """
    if not (match := _NAME.fullmatch(name)):
        return False
    try:
        import tensorflow_datasets as tfds

        return match[1] in tfds.list_builders(with_community_datasets=False)
    except Exception:  # it only helps to say what is wrong
        return False


def open_prepared(name: str, folder: Path, split: str) -> Pictures:
    """Open one split of a data set that TFDS has prepared in its array_record format.

    `test` is TFDS's split of that name, else its `validation`; if there is neither, a share of its
    `train` is held out. The images are its feature `image`, or the only one that is an image; the
    labels are what TFDS calls supervised, else `label`; without any, all are of one class.

    The signature is of the sizes and times of change of the files in the folder.

    Args:
      name: TFDS's name for it.
      folder: where it is, from `find_prepared`.
      split: `"train"` or `"test"`.

    Returns:
      The pictures: those of the split alone, unless a share is held out.

    Raises:
      UsageError: it has no such split, or no images of 8 bits.
      DatasetUnavailable: TFDS is not installed, the format is another, or files are damaged.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DatasetUnavailable(f"TFDS cannot be used ({error})") from None
    with _damage_named(name, folder):
        builder = tfds.builder_from_directory(folder)
        wanted = tfds.core.FileFormat.ARRAY_RECORD
        if wanted not in builder.info.available_file_formats():
            raise DatasetUnavailable(
                f"TFDS has {name} in {shown(folder)} in the {builder.info.file_format.value} "
                'format, which needs TensorFlow (prepare it with file_format="array_record")'
            )
        features = _features(tfds, name, builder.info)
        theirs, is_split = _split(name, split, list(builder.info.splits))
        count = builder.info.splits[theirs].num_examples
        if not count:
            raise ValueError(f"its {theirs} is empty")
        files = [(each.name, each.stat()) for each in sorted(folder.iterdir())]
    listing = "\n".join(f"{each} {known.st_size} {known.st_mtime_ns}" for each, known in files)
    return Pictures(
        name=simple_name(name),
        identity=f"{os.path.realpath(folder)}\n{theirs}",
        signature=hashlib.sha256(listing.encode()).hexdigest(),
        class_names=features.class_names,
        origin=f"prepared by TFDS in {shown(folder)}" + f", its {theirs}" * (theirs != split),
        is_split=is_split,
        count=count,
        examples=partial(_examples, tfds, builder, name, folder, theirs, split, features),
    )


@contextmanager
def _damage_named(name: str, folder: Path) -> Iterator[None]:
    """Turn whatever TFDS's many parsers raise into one line."""
    try:
        yield
    except (DatasetUnavailable, UsageError):
        raise
    except Exception as error:
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise DatasetUnavailable(
            f"TFDS cannot read its {name} in {shown(folder)} ({shown(why)})"
        ) from None


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if os.path.isdir(path))
    except OSError:
        return []


def _versions(folder: Path) -> list[Path]:
    """Return the folders of the versions in a folder, the oldest first."""
    found = [
        path
        for path in _folders(folder)
        if _VERSION.fullmatch(path.name) and os.path.isfile(path / "dataset_info.json")
    ]
    return sorted(found, key=lambda path: tuple(map(int, path.name.split("."))))


def _features(tfds: ModuleType, name: str, info: Any) -> _Features:
    """Choose the images and their labels."""
    known = dict(info.features.items())
    images = [key for key, feature in known.items() if type(feature) is tfds.features.Image]
    if "image" in images:
        images = ["image"]
    if len(images) != 1:
        there = ", ".join(sorted(images or known))
        what = "has several images" if images else "has no images"
        raise UsageError(f"dataset {name!r} {what}: its features are {there}")
    if np.dtype(known[images[0]].np_dtype) != np.uint8:
        kind = np.dtype(known[images[0]].np_dtype)
        raise UsageError(f"dataset {name!r} has images of {kind}, they must be uint8")
    channels = known[images[0]].shape[-1]
    channels = channels if channels in (1, 3) else None
    keys = info.supervised_keys
    for label in (keys[1] if keys else None, "label"):
        feature = known.get(label) if isinstance(label, str) else None
        if isinstance(feature, tfds.features.ClassLabel) and feature.num_classes:
            return _Features(images[0], channels, label, tuple(map(str, feature.names)))
    return _Features(images[0], channels, None, ("all",))


def _split(name: str, split: str, known: list[str]) -> tuple[str, bool]:
    """Return which of TFDS's splits it is, and whether there is one of its own for test."""
    test = next((each for each in _TEST_NAMES if each in known), None)
    theirs = test or "train" if split == "test" else split
    if theirs not in known:
        raise UsageError(f"dataset {name!r} has no split {split!r}: TFDS has {', '.join(known)}")
    return theirs, test is not None


def _examples(
    tfds: ModuleType,
    builder: Any,
    name: str,
    folder: Path,
    theirs: str,
    split: str,
    features: _Features,
) -> Iterator[Example]:
    """Read the examples, a few at a time."""
    with _damage_named(name, folder):
        keys = [key for key in (features.image, features.label) if key]
        wanted = tfds.features.FeaturesDict({key: builder.info.features[key] for key in keys})
        # Decoding the pictures here is faster than TFDS's decoder, which also asks for OpenCV.
        decoders = {features.image: tfds.decode.SkipDecoding()}
        raw = tfds.decode.DeserializeMethod.RAW_BYTES
        reader = builder.as_data_source(split=theirs, deserialize_method=raw)
        for start in range(0, len(reader), _BLOCK):
            indices = range(start, min(start + _BLOCK, len(reader)))
            for index, record in zip(indices, reader.__getitems__(indices), strict=True):
                found = wanted.deserialize_example_np(record, decoders=decoders)
                label = int(found[features.label]) if features.label else 0
                if not 0 <= label < len(features.class_names):
                    raise ValueError(f"the label of {theirs} {index} is {label}")
                pixels = partial(_decode, found[features.image], features.channels)
                yield Example(f"{name} {theirs} {index}", label, split == "test", pixels)


def _decode(content: bytes, channels: int | None) -> np.ndarray:
    """Decode a picture, which may be grey among others that are in colour."""
    return fit(decode_picture(io.BytesIO(content)), channels=channels)
