"""Samples sorted by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report.grids import image_grid

__all__ = ["class_grid"]

_PADDING = 2


def class_grid(
    images: np.ndarray,
    labels: ArrayLike,
    num_classes: int,
    *,
    columns: int = 10,
    scale: int = 1,
    smooth: bool = False,
) -> np.ndarray:
    """Lay images out with a row for each class, its first ones from the left.

    A class of fewer images leaves places empty, and one of none a whole row: what a generator does
    not make is seen.

    Args:
      images: as `image_grid` takes them, `[N, H, W, C]`.
      labels: each image's class, integers `[N]` in `[0, num_classes)`.
      num_classes: how many classes, and rows, there are.
      columns: images per row.
      scale: whole factor by which each image is enlarged, see `display_scale`.
      smooth: enlarge by bicubic interpolation rather than by repeating pixels.

    Returns:
      uint8 `[height, width, C]`.

    Raises:
      ValueError: the labels are not `[N]`, or of other classes, or images not as they must be.

    >>> class_grid(np.zeros((3, 8, 8, 1)), [0, 2, 2], 3, columns=2).shape
    (32, 22, 1)
    """
    labels = np.asarray(labels)
    if labels.shape != images.shape[:1] or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be integers, one for each of {len(images)} images, "
            f"not {labels.dtype} {list(labels.shape)}"
        )
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"label {wrong[0]} is none of the classes 0 to {num_classes - 1}")
    empty = image_grid(images[:1], columns=columns, scale=scale, padding=_PADDING)
    empty[:] = empty[0, 0]
    rows = [empty[:_PADDING]]
    for label in range(num_classes):
        chosen = images[labels == label][:columns]
        row = empty
        if len(chosen):
            row = image_grid(chosen, columns=columns, scale=scale, padding=_PADDING, smooth=smooth)
        rows.append(row[_PADDING:])
    return np.concatenate(rows)
