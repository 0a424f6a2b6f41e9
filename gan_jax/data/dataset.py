"""What a data set is once it is in memory, and the error when it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
