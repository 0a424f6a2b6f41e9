"""Samples sorted by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.report.grids import image_grid, to_picture

__all__ = ["class_grid"]

_PADDING = 2
_MOST_TEXT = 20
_TEXT = 255


def class_grid(
    images: np.ndarray,
    labels: ArrayLike,
    num_classes: int,
    *,
    names: Sequence[str] | None = None,
    columns: int = 10,
    scale: int = 1,
    smooth: bool = False,
) -> np.ndarray:
    """Lay images out with a row for each class, its first ones from the left after its name.

    A class of fewer images leaves places empty, and one of none a whole row: what a generator does
    not make is seen.

    Args:
      images: as `image_grid` takes them, `[N, H, W, C]`.
      labels: each image's class, integers `[N]` in `[0, num_classes)`.
      num_classes: how many classes, and rows, there are.
      names: what the classes are called; by default their numbers.
      columns: images per row.
      scale: whole factor by which each image is enlarged, see `display_scale`.
      smooth: enlarge by bicubic interpolation rather than by repeating pixels.

    Returns:
      uint8 `[height, width, C]`.

    Raises:
      ValueError: the labels are not `[N]`, or of other classes, there is another number of names
        than of classes, or images are not as they must be.

    >>> grid = class_grid(np.zeros((3, 8, 8, 1)), [0, 2, 2], 3, columns=2)
    >>> len(grid)  # 3 rows of 8 pixels, and 2 around each
    32
    """
    labels = np.asarray(labels)
    names = list(map(str, range(num_classes))) if names is None else names
    _check(labels, names, len(images), num_classes)
    empty = image_grid(images[:1], columns=columns, scale=scale, padding=_PADDING)
    empty[:] = empty[0, 0]
    rows = [empty[:_PADDING]]
    for label in range(num_classes):
        chosen = images[labels == label][:columns]
        row = empty
        if len(chosen):
            row = image_grid(chosen, columns=columns, scale=scale, padding=_PADDING, smooth=smooth)
        rows.append(row[_PADDING:])
    grid = np.concatenate(rows)
    return np.concatenate([_margin(names, grid), grid], axis=1)


def _check(labels: np.ndarray, names: Sequence[str], num_images: int, num_classes: int) -> None:
    if labels.shape != (num_images,) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"labels must be integers, one for each of {num_images} images, "
            f"not {labels.dtype} {list(labels.shape)}"
        )
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"label {wrong[0]} is none of the classes 0 to {num_classes - 1}")
    if len(names) != num_classes:
        raise ValueError(f"there are {len(names)} names of {num_classes} classes")


def _margin(names: Sequence[str], grid: np.ndarray) -> np.ndarray:
    """Return the names on the ground of a grid, each beside its row."""
    from PIL import ImageDraw, ImageFont

    step = (len(grid) - _PADDING) / len(names)
    font = ImageFont.load_default(min(_MOST_TEXT, step - _PADDING))
    width = max(int(font.getlength(name)) for name in names) + 3 * _PADDING
    margin = to_picture(np.full((len(grid), width, grid.shape[2]), grid[0, 0], np.uint8))
    draw = ImageDraw.Draw(margin)
    fill = (_TEXT,) * len(margin.getbands())
    for row, name in enumerate(names):
        middle = (width - _PADDING, _PADDING + (row + 0.5) * step - _PADDING / 2)
        draw.text(middle, name, fill=fill, font=font, anchor="rm")
    return np.asarray(margin).reshape(*margin.size[::-1], -1)
