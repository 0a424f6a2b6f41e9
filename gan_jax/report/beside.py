"""Images beside what they were made of, and what they should be."""

from __future__ import annotations

import numpy as np

from gan_jax.report.grids import display_scale, image_grid

__all__ = ["draw_beside"]


def draw_beside(*columns: np.ndarray, times: int = 1) -> np.ndarray:
    """Lay each example's images out side by side, one example after the other.

    Smaller images are enlarged by a whole factor, their pixels repeated, to what the largest are;
    grey ones beside colour become colour.

    Args:
      *columns: uint8 `[N, H, W, C]` each, or floats in [-1, 1]; the first of each make the first
        example. Heights and widths are whole multiples of the smallest.
      times: how many examples there are in a row.

    Returns:
      uint8 `[height, width, C]`.

    Raises:
      ValueError: there are not as many in each, or their sizes do not fit.

    >>> small, large = np.zeros((2, 7, 7, 1)), np.zeros((2, 14, 14, 3))
    >>> draw_beside(small, large).shape
    (118, 118, 3)
    """
    if len({len(column) for column in columns}) != 1:
        counts = ", ".join(str(len(column)) for column in columns)
        raise ValueError(f"columns must be of one length, not {counts}")
    height, width = (max(column.shape[axis] for column in columns) for axis in (1, 2))
    channels = max(column.shape[3] for column in columns)
    fitted = [_fitted(column, height, width, channels) for column in columns]
    images = np.stack(fitted, axis=1).reshape(-1, height, width, channels)
    return image_grid(images, columns=times * len(columns), scale=display_scale(height))


def _fitted(images: np.ndarray, height: int, width: int, channels: int) -> np.ndarray:
    if images.dtype != np.uint8:
        images = np.rint((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)
    factor = height // images.shape[1]
    if (images.shape[1] * factor, images.shape[2] * factor) != (height, width):
        raise ValueError(
            f"images of {images.shape[1]} x {images.shape[2]} do not fit beside those of "
            f"{height} x {width}: the one must be a whole multiple of the other"
        )
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    return images if images.shape[3] == channels else np.repeat(images, channels, axis=3)
