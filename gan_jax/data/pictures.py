"""Images that are still to be decoded, and how a picture becomes an array."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

import numpy as np

from gan_jax.data.resizing import fit

__all__ = ["SUFFIXES", "Example", "Pictures", "decode_picture", "quiet", "shown", "simple_name"]

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# What a file is says its content, and other readers of Pillow's do more than decode pixels.
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_GREY, _COLOUR = ("1", "L", "LA"), ("CMYK", "P", "PA", "RGB", "RGBA", "RGBX", "YCbCr")
_CLEAR = ("LA", "PA", "RGBA")


class Example(NamedTuple):
    """One image that is still to be decoded.

    Attributes:
      place: where it is, in one line for people.
      label: its class.
      is_test: whether it is of the test split; without meaning where `Pictures.is_split` is off.
      decode: returns it as uint8 [H, W, C], C 1 or 3; raises a `ValueError` of one line if it is
        damaged. Threads call it.
      name: its path below the folder it is in; `""` if it is in none.
    """

    place: str
    label: int
    is_test: bool
    decode: Callable[[], np.ndarray]
    name: str = ""


@dataclass(frozen=True, eq=False)
class Pictures:
    """A data set whose images are still to be decoded.

    Attributes:
      name: what to call it, fit for the name of a file.
      identity: what tells it from other data sets on this machine, such as its path.
      signature: what changes when its contents do.
      class_names: the name of each label.
      origin: one line for people: where it comes from.
      is_split: whether its examples say which split they are of; where they don't, a share is held
        out.
      count: how many examples there are.
      examples: gives them, always in one order.
      fitted: gives a decoded image its size and channels, called as `gan_jax.data.resizing.fit`.
    """

    name: str
    identity: str
    signature: str
    class_names: tuple[str, ...]
    origin: str
    is_split: bool
    count: int
    examples: Callable[[], Iterator[Example]]
    fitted: Callable[..., np.ndarray] = fit


def decode_picture(file: str | os.PathLike[str] | IO[bytes]) -> np.ndarray:
    """Decode a picture: of several frames the first, upright as its EXIF says.

    Grey stays grey, all else becomes RGB. What is clear gets a white ground. Of 16 bits the upper
    8 are kept.

    Args:
      file: a path, or an open file.

    Returns:
      uint8 [H, W, C], C 1 or 3.

    Raises:
      ValueError: it is damaged, larger than Pillow's limit, or of floats or 32 bits.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(file, formats=_FORMATS) as picture:
            pixels, most = picture.width * picture.height, Image.MAX_IMAGE_PIXELS
            if most is not None and pixels > most:
                raise ValueError(f"it has {pixels:,} pixels, and Pillow's limit is {most:,}")
            picture.load()
            with suppress(Exception):  # of an EXIF that is damaged, pixels that are whole
                ImageOps.exif_transpose(picture, in_place=True)
            return _as_array(picture)
    except UnidentifiedImageError:
        raise ValueError(f"it is none of {', '.join(_FORMATS)}, or damaged") from None
    except Exception as error:  # a damaged file raises whatever Pillow's many parsers raise
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ValueError(shown(why.splitlines()[0])) from None


def _as_array(picture: Any) -> np.ndarray:
    from PIL import Image

    mode = picture.mode
    if mode.startswith("I;16"):
        return (np.asarray(picture) >> 8).astype(np.uint8)[..., None]
    if mode not in (*_GREY, *_COLOUR):
        raise ValueError(f"its pixels are {mode}, they must be grey or colours of 8 or 16 bits")
    if mode in _CLEAR or "transparency" in picture.info:
        ground = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(ground, picture.convert("RGBA"))
    pixels = np.asarray(picture.convert("L" if mode in _GREY else "RGB"))
    return pixels[..., None] if pixels.ndim == 2 else pixels


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Pillow from warning of what `decode_picture` tells or mends.

    To be entered in the main thread; it holds for all threads.

    Yields:
      Nothing.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL(\..*)?$")
        yield


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return a path as one line that can be printed, whatever is in it.

    Args:
      path: the path.

    Returns:
      Itself, or its `ascii`.

    Example:
      >>> print(shown("cats/1.png"), shown("two\nlines"))
      cats/1.png 'two\nlines'
    """
    text = os.fspath(path)
    return text if text.isprintable() else ascii(text)


def simple_name(text: str) -> str:
    """Make the name of a data set: short, and fit for the name of a file.

    Args:
      text: what it is called.

    Returns:
      Letters, digits, `_`, `.` and `-`.

    Example:
      >>> simple_name("lsun/church outdoor")
      'lsun-church-outdoor'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")[:48] or "images"
