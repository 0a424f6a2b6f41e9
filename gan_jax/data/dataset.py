"""What a data set is once it is in memory, and the error when it cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from gan_jax.data.batches import batch_indices, gather
from gan_jax.errors import RunError

__all__ = ["Dataset", "DatasetUnavailable"]


class DatasetUnavailable(RunError):  # noqa: N818
    """Report a data set that cannot be had: one line on what was tried and what to do."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of an image data set, in host memory or mapped into it.

    Attributes:
      name: what it is called, fit for the name of a file: a name that `load` knows, or that of a
        folder or file.
      split: `"train"`, `"test"` or `"all"`.
      images: uint8 [N, H, W, C]; not to be written to.
      labels: int32 [N], in `[0, num_classes)`.
      num_classes: how many classes there are; 1 if there are no labels.
      class_names: their names, by label.
      origin: one line for people: where the examples came from.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    num_classes: int
    class_names: tuple[str, ...]
    origin: str

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The examples as the tree `gather` reads; put it on the device once."""
        return {"image": self.images, "label": self.labels}

    def rows(self, key: jax.Array, batch_size: int) -> Callable[[int, int], Any]:
        """Make the function that says which examples make the batches of some consecutive steps.

        Args:
          key: typed PRNG key of the data order, the same throughout a run.
          batch_size: how many examples make a batch.

        Returns:
          A function `(first_step, num_steps) -> rows` for `gather`, see `batch_indices`: int32
          [num_steps, batch_size], or such for each of the arrays by name.

        Raises:
          UsageError: the data can't fill a batch.
        """
        draw = partial(batch_indices, key, num_examples=len(self.labels), batch_size=batch_size)
        draw(0, 0)
        return draw

    @staticmethod
    def gather(arrays: Mapping[str, jax.Array], rows: Any) -> dict[str, jax.Array]:
        """Return the examples of rows; runs inside a compiled step.

        Args:
          arrays: those of the data set, on the device.
          rows: of one step, as `rows` draws them.

        Returns:
          Arrays [B, ...] by name.
        """
        return gather(arrays, rows)
