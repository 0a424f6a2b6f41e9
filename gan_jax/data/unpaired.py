"""Two data sets of images without pairs, and batches of both."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import jax
import numpy as np

from gan_jax.data.batches import batch_indices, gather
from gan_jax.data.dataset import Dataset
from gan_jax.data.kept import load_pictures
from gan_jax.data.loading import load
from gan_jax.data.pictures import shown
from gan_jax.data.resizing import check_fit
from gan_jax.data.sides import as_folder, open_sides
from gan_jax.errors import UsageError

__all__ = ["Unpaired", "gather_unpaired", "load_unpaired", "unpaired_indices"]

_SPLITS = ("train", "test")
_IMAGE, _SOURCE = ("image", "label"), ("source", "source_label")


@dataclass(frozen=True, eq=False)
class Unpaired(Dataset):
    """Two data sets, of different lengths and without pairs: images, and sources to make them from.

    What is said of a `Dataset` is said of the images. Its `arrays` have a `"source"` and a
    `"source_label"` beside `"image"` and `"label"`; the two sides have rows of their own, see
    `unpaired_indices`.

    Attributes:
      source: the data set of the sources.
    """

    source: Dataset

    @classmethod
    def of(cls, source: Dataset, target: Dataset) -> Unpaired:
        """Put two data sets side by side.

        Args:
          source: whose images are the sources.
          target: whose images they are to become; its name and origin are those of the whole.

        Returns:
          Both.
        """
        return cls(
            **{each.name: getattr(target, each.name) for each in fields(Dataset)}, source=source
        )

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The examples as the tree `gather_unpaired` reads; put it on the device once."""
        return {**super().arrays, "source": self.source.images, "source_label": self.source.labels}

    def rows(self, key: jax.Array, batch_size: int) -> Callable[[int, int], Any]:
        """Make the function that says which examples make the batches: of each side its own.

        Args:
          key: typed PRNG key of the data order, the same throughout a run.
          batch_size: how many of each side make a batch.

        Returns:
          See `unpaired_indices`.

        Raises:
          UsageError: a side can't fill a batch.
        """
        return unpaired_indices(
            key,
            num_images=len(self.labels),
            num_sources=len(self.source.labels),
            batch_size=batch_size,
        )

    @staticmethod
    def gather(arrays: Mapping[str, jax.Array], rows: Any) -> dict[str, jax.Array]:
        """Return the examples of rows, see `gather_unpaired`.

        Args:
          arrays: those of the data set, on the device.
          rows: int32 [B] for each of them.

        Returns:
          Arrays [B, ...] by name.
        """
        return gather_unpaired(arrays, rows)

    @property
    def target(self) -> Dataset:
        """The data set of the images alone."""
        return Dataset(*(getattr(self, each.name) for each in fields(Dataset)))

    @property
    def reversed(self) -> Unpaired:
        """The same two the other way around."""
        return self.of(self.target, self.source)


def load_unpaired(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str] | None = None,
    *,
    split: str = "train",
    resolution: int | None = None,
    channels: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    report: Callable[[str], None] = print,
) -> Unpaired:
    """Load a split of two data sets without pairs.

    Args:
      source: what `gan_jax.data.load` takes, or a folder of two folders that
        `gan_jax.data.sides.open_sides` knows: `A`, the sources, and `B`, or `trainA` and `trainB`,
        as the data sets of CycleGAN have them.
      target: what `gan_jax.data.load` takes, if the first is not a folder of two.
      split: `"train"` or `"test"`; what has no test split gets one as in `gan_jax.data.load`.
      resolution: cut the square in the middle out of each image and resize it to that many pixels a
        side; None leaves them, and they must be of one size.
      channels: 1 makes images grey, 3 makes them RGB; None leaves them, and they must be alike.
      data_dir: the folder of TFDS's prepared data, as in `load`.
      report: told, a line at a time, what takes long, is left out or is wrong with the cache.

    Returns:
      The two; each has its own labels.

    Raises:
      UsageError: a folder is not there or not laid out like that, or the images can't be used.
      DatasetUnavailable: a data set is neither on this machine nor can it be downloaded.
      RunError: there is no room to decode them.

    Reference:
      Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks,
      2017, https://arxiv.org/abs/1703.10593
    """
    check_fit(resolution, channels)
    options: dict[str, Any] = {"resolution": resolution, "channels": channels, "report": report}
    if target is not None:
        first, second = (
            load(each, split=split, data_dir=data_dir, **options) for each in (source, target)
        )
    else:
        if split not in _SPLITS:
            raise UsageError(f"split {split!r} of two folders is not one of {', '.join(_SPLITS)}")
        sides = open_sides(folder := as_folder(source), report)
        if sides is None:
            wanted = "A and B, source and target, or trainA and trainB"
            raise UsageError(f"{shown(folder)} is not two folders: it has no {wanted}")
        first, second = (load_pictures(side, split, **options) for side in sides)
    _check_alike(first, second)
    return Unpaired.of(first, second)


def unpaired_indices(
    key: jax.Array, *, num_images: int, num_sources: int, batch_size: int
) -> Callable[[int, int], dict[str, np.ndarray]]:
    """Make the function that says which examples make the batches of some consecutive steps.

    Either side has a key of its own and is drawn by `batch_indices`: in epochs of its own length,
    each a permutation of its own, so that none is seen more often than another whatever the
    lengths. Nothing but the step is carried: a run that resumes goes on in the same order, and that
    is the same on any number of devices. With one key for both, sides of one length would meet in
    the same pairs in every epoch. (CycleGAN's code draws the second side with replacement.)

    The keys are derived here, once: a split while a run goes on would wait for the device.

    Args:
      key: typed PRNG key of the data order, the same throughout a run.
      num_images: how many images there are.
      num_sources: how many sources there are.
      batch_size: how many of each make a batch.

    Returns:
      A function `(first_step, num_steps) -> rows`, int32 [num_steps, batch_size] for each of the
      arrays of `Unpaired`; those of a side are the same.

    Raises:
      UsageError: `batch_size` is not from 1 to the shorter length.

    Example:
      >>> draw = unpaired_indices(jax.random.key(0), num_images=6, num_sources=4, batch_size=2)
      >>> {name: rows.shape for name, rows in draw(0, 3).items()}
      {'image': (3, 2), 'label': (3, 2), 'source': (3, 2), 'source_label': (3, 2)}
    """
    batch_indices(key, 0, 0, num_examples=min(num_images, num_sources), batch_size=batch_size)
    draws = [
        (names, partial(batch_indices, side_key, num_examples=count, batch_size=batch_size))
        for names, side_key, count in zip(
            (_IMAGE, _SOURCE), jax.random.split(key), (num_images, num_sources), strict=True
        )
    ]

    def draw(first_step: int, num_steps: int) -> dict[str, np.ndarray]:
        rows: dict[str, np.ndarray] = {}
        for names, indices in draws:
            rows |= dict.fromkeys(names, indices(first_step, num_steps))
        return rows

    return draw


def gather_unpaired(
    arrays: Mapping[str, jax.Array], indices: Mapping[str, jax.Array]
) -> dict[str, jax.Array]:
    """Return examples of both sides; runs inside a compiled step.

    Args:
      arrays: those of `Unpaired`, on the device.
      indices: int32 [B] for each, as `unpaired_indices` draws them.

    Returns:
      `{"image": uint8 [B, H, W, C], "label": int32 [B], "source": uint8 [B, h, w, c],
      "source_label": int32 [B]}`.

    Raises:
      ValueError: an index is no integer or out of range, or the arrays of a side differ in length.
    """
    batch: dict[str, jax.Array] = {}
    for names in (_IMAGE, _SOURCE):
        batch |= gather({name: arrays[name] for name in names}, indices[names[0]])
    return batch


def _check_alike(first: Dataset, second: Dataset) -> None:
    if first.images.shape[1:] == second.images.shape[1:]:
        return
    said = []
    for each in (first, second):
        height, width, depth = each.images.shape[1:]
        said.append(f"{width}x{height}, {'grey' if depth == 1 else 'in colour'} ({each.origin})")
    raise UsageError(
        f"the sources are {said[0]} and the images {said[1]}: "
        "--resolution, and --channels 1 or 3, make them alike"
    )
