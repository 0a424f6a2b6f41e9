"""Give images one size and one number of channels."""

from __future__ import annotations

from typing import Any

import numpy as np

from gan_jax.errors import UsageError

__all__ = ["check_fit", "fit"]

_LARGEST = 8192


def check_fit(resolution: Any, channels: Any) -> None:
    """Check what images are to become.

    Args:
      resolution: pixels of a side, or None.
      channels: how many, or None.

    Raises:
      UsageError: it is nothing that `fit` takes.
    """
    whole = isinstance(resolution, int) and not isinstance(resolution, bool)
    if resolution is not None and not (whole and 1 <= resolution <= _LARGEST):
        accepted = f"a whole number from 1 to {_LARGEST}"
        raise UsageError(f"resolution is {resolution!r}, it must be {accepted}")
    if channels is not None and (channels not in (1, 3) or isinstance(channels, bool)):
        raise UsageError(f"channels is {channels!r}, it must be 1 or 3")


def fit(
    image: np.ndarray, *, resolution: int | None = None, channels: int | None = None
) -> np.ndarray:
    """Give an image a size and a number of channels.

    The square in its middle is cut out and resized by Pillow's Lanczos filter, which is as wide as
    the step between pixels and so doesn't alias. Grey is the luma of ITU-R 601; three channels of a
    grey image are alike.

    Args:
      image: uint8 [H, W, C], C 1 or 3.
      resolution: R, pixels of a side; None leaves the size.
      channels: 1 or 3; None leaves them.

    Returns:
      uint8 [R, R, channels]; an image that is so already is left as it is.

    Example:
      >>> fit(np.zeros((40, 60, 1), np.uint8), resolution=32, channels=3).shape
      (32, 32, 3)

    Reference:
      Parmar et al., On Aliased Resizing and Surprising Subtleties in GAN Evaluation, 2021,
      https://arxiv.org/abs/2104.11222
    """
    if channels == 1 and image.shape[2] == 3:
        image = _as_array(_as_picture(image).convert("L"))
    if resolution is not None:
        image = _square(image, resolution)
    if channels == 3 and image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    return image


def _square(image: np.ndarray, resolution: int) -> np.ndarray:
    from PIL import Image

    height, width, _ = image.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    if side == resolution:
        return image
    lanczos = Image.Resampling.LANCZOS
    return _as_array(_as_picture(image).resize((resolution, resolution), lanczos))


def _as_picture(image: np.ndarray) -> Any:
    from PIL import Image

    return Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)


def _as_array(picture: Any) -> np.ndarray:
    return np.asarray(picture).reshape(picture.height, picture.width, -1)
