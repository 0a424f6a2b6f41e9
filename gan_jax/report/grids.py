"""Batches of images as one picture."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.files import atomic_write

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["display_scale", "image_grid", "save_png", "to_picture"]

_TILE_PIXELS = 56
_BACKGROUND = 48


def image_grid(
    images: np.ndarray,
    *,
    columns: int | None = None,
    scale: int = 1,
    padding: int = 2,
    smooth: bool = False,
) -> np.ndarray:
    """Lay images out in rows, in reading order, on a dark grey ground.

    Args:
      images: `[N, H, W, C]` with 1 or 3 channels; uint8, or floats in [-1, 1], which are clipped.
      columns: images per row; by default the grid is as near to square as it can be filled.
      scale: whole factor by which each image is enlarged, see `display_scale`.
      padding: pixels between images and around them.
      smooth: enlarge by bicubic interpolation rather than by repeating pixels.

    Returns:
      uint8 `[height, width, C]`.

    Raises:
      ValueError: there are no images, or they have another shape or type.

    >>> image_grid(np.zeros((6, 28, 28, 1)), padding=2).shape
    (62, 92, 1)
    """
    tiles = _enlarged(_as_uint8(images), scale, smooth)
    number, height, width, channels = tiles.shape
    columns = columns or _near_square(number)
    rows = math.ceil(number / columns)
    missing = rows * columns - number
    tiles = np.pad(
        np.pad(tiles, [(0, 0), (padding, 0), (padding, 0), (0, 0)], constant_values=_BACKGROUND),
        [(0, missing), (0, 0), (0, 0), (0, 0)],
        constant_values=_BACKGROUND,
    )
    grid = tiles.reshape(rows, columns, height + padding, width + padding, channels)
    grid = grid.transpose(0, 2, 1, 3, 4).reshape(rows * (height + padding), -1, channels)
    return np.pad(grid, [(0, padding), (0, padding), (0, 0)], constant_values=_BACKGROUND)


def display_scale(height: int) -> int:
    """Return the whole factor that makes an image comfortable to look at: 56 pixels or more.

    Args:
      height: the image's height in pixels.

    Returns:
      The factor, at least 1.

    >>> [display_scale(height) for height in (8, 28, 32, 64)]
    [7, 2, 2, 1]
    """
    return max(1, math.ceil(_TILE_PIXELS / height))


def save_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write a picture as PNG, whole or not at all.

    Args:
      path: the file to make or replace; missing parent folders are made.
      image: uint8 `[H, W, C]` with 1 or 3 channels.

    Raises:
      OSError: the file cannot be written.
    """
    with atomic_write(path) as file:
        to_picture(image).save(file, format="PNG")


def to_picture(image: np.ndarray) -> Image.Image:
    """Return an array as a Pillow picture.

    Args:
      image: uint8 `[H, W, C]` with 1 or 3 channels.

    Returns:
      The picture, grey or RGB.
    """
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def _as_uint8(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"images must be [N, H, W, 1 or 3] and not empty, got {images.shape}")
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind in "iub":
        raise ValueError(f"images must be uint8 or floats in [-1, 1], got {images.dtype}")
    values = np.nan_to_num(images.astype(np.float32), nan=-1.0)
    return np.rint((np.clip(values, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)


def _enlarged(tiles: np.ndarray, scale: int, smooth: bool) -> np.ndarray:
    if scale == 1:
        return tiles
    if not smooth:
        return tiles.repeat(scale, axis=1).repeat(scale, axis=2)
    from PIL import Image

    number, height, width, channels = tiles.shape
    size = (width * scale, height * scale)
    bicubic = Image.Resampling.BICUBIC
    larger = [np.asarray(to_picture(tile).resize(size, bicubic)) for tile in tiles]
    return np.stack(larger).reshape(number, size[1], size[0], channels)


def _near_square(number: int) -> int:
    """Return the columns of the squarest full grid, or of the squarest one if that is too wide.

    >>> [_near_square(number) for number in (1, 7, 10, 32, 64, 100)]
    [1, 3, 5, 8, 8, 10]
    """
    root = math.ceil(math.sqrt(number))
    full = (columns for columns in range(root, 2 * root + 1) if number % columns == 0)
    return next(full, root)
