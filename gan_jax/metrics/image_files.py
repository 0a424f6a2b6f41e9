"""Images to measure, from a folder of pictures or an array file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gan_jax.errors import UsageError
from gan_jax.progress import progress_lines

__all__ = ["load_images"]

_SUFFIXES = (".png", ".jpg", ".jpeg")
_MODES = {"1": "L", "L": "L", "P": "RGB", "RGB": "RGB", "CMYK": "RGB", "YCbCr": "RGB"}
_ARRAY = "images must be uint8 [N, H, W, C], values from 0 to 255"


def load_images(path: Path, *, report: Callable[[str], None] = print) -> list[np.ndarray]:
    """Load images.

    Of a folder, the PNG and JPEG files in it, in the order of their names. All else, folders below
    it too, is left out, and how much that is is reported. Grey pictures have one channel. Of an
    array file, the array in it.

    Args:
      path: a folder, an `.npy` file, or an `.npz` file with one array or one called `images`.
      report: given a line with the time left every few seconds, and one on what is left out.

    Returns:
      uint8 arrays [N, H, W, C]: one for each size of images, and number of channels, that there is.

    Raises:
      UsageError: there are no images, one can't be read, or they are of another type: no guess is
        made at the range of floats.
    """
    try:
        if path.is_dir():
            return _load_folder(path, report)
        if not path.exists():
            raise UsageError(f"{path} is not there")
        if path.suffix not in (".npy", ".npz"):
            raise UsageError(f"{path} is no folder, .npy or .npz file")
        return [_as_images(path, _read_array(path))]
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}") from None


def _read_array(path: Path) -> np.ndarray:
    try:
        with open(path, "rb") as file:
            content: Any = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            names = list(content)
            if len(names) == 1 or "images" in names:
                array = content["images" if "images" in names else names[0]]
                if isinstance(array, np.ndarray):  # bytes if no array was archived
                    return array
    except OSError:
        raise
    except Exception as error:  # A damaged archive can raise almost anything.
        raise UsageError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
    raise UsageError(f"{path} holds {', '.join(names) or 'nothing'}: one array must be `images`")


def _as_images(path: Path, array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim != 4 or not array.size:
        nan = array.dtype.kind == "f" and bool(np.isnan(array).any())
        has = " with NaN" if nan else ""
        raise UsageError(f"{path} holds {array.dtype} {list(array.shape)}{has}: {_ARRAY}")
    return array


def _load_folder(folder: Path, report: Callable[[str], None]) -> list[np.ndarray]:
    found = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    paths = [path for path in found if path.suffix.lower() in _SUFFIXES]
    if not paths:
        raise UsageError(f"{folder} holds no pictures: PNG and JPEG files are looked for")
    if others := [path.name for path in found if path.suffix.lower() not in _SUFFIXES]:
        report(f"{folder}: not PNG or JPEG and left out: {len(others)}, such as {others[0]}")
    progress = progress_lines(f"reading {folder}", len(paths), report)
    by_shape: dict[tuple[int, ...], list[np.ndarray]] = {}
    for done, path in enumerate(paths, 1):
        image = _read_picture(path)
        by_shape.setdefault(image.shape, []).append(image)
        progress(done)
    return [np.stack(images) for images in by_shape.values()]


def _read_picture(path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            mode = picture.mode
            if mode in _MODES and "transparency" not in picture.info:
                pixels = np.asarray(picture.convert(_MODES[mode]))
                return pixels[..., None] if pixels.ndim == 2 else pixels
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"{path} can't be read: {str(error).splitlines()[0]}") from None
    raise UsageError(
        f"{path} is {mode}: pictures must be grey or RGB, 8 bits deep and without transparency"
    )
