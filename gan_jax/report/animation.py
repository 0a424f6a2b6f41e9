"""Animated GIFs: a run's samples over time, a walk through latent space."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.files import atomic_write
from gan_jax.report.grids import to_picture

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["evenly_spaced", "in_step_order", "make_gif", "save_gif", "step_of"]

_SMALLEST_SIDE = 64
_CAPTION_PIXELS = 22
_CAPTION_GROUND = (24, 24, 24)
_CAPTION_INK = (216, 216, 216)


def make_gif(
    frame_paths: Iterable[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    max_frames: int = 60,
    max_side: int = 640,
    max_bytes: int = 8_000_000,
    captions: bool = True,
) -> None:
    """Show a run's sample pictures one after the other, in the order of their steps.

    Of more than `max_frames` pictures, evenly spaced ones are taken, the first and the last among
    them. The last is held for two seconds.

    Args:
      frame_paths: pictures named after their step, such as `samples/step_00001000.png`.
      path: the GIF to make or replace.
      max_frames: most frames to show.
      max_side: longest side in pixels.
      max_bytes: largest file; the frames are made smaller until they fit.
      captions: write the step below each frame.

    Raises:
      ValueError: there are no pictures, or one's name holds no step.
      OSError: a file cannot be read or written.
    """
    from PIL import Image

    chosen = evenly_spaced(in_step_order(frame_paths), max_frames)
    frames = []
    for frame_path in chosen:
        with Image.open(frame_path) as picture:
            frames.append(picture.convert("L" if picture.mode == "L" else "RGB"))
    _save(
        path,
        frames,
        [f"step {step_of(frame_path):,}" for frame_path in chosen] if captions else None,
        milliseconds=[120] * (len(frames) - 1) + [2000],
        max_side=max_side,
        max_bytes=max_bytes,
    )


def save_gif(
    path: str | os.PathLike[str],
    frames: Sequence[np.ndarray],
    *,
    milliseconds: int = 60,
    max_side: int = 640,
    max_bytes: int = 8_000_000,
) -> None:
    """Write frames as a GIF that loops for ever.

    Args:
      path: the GIF to make or replace.
      frames: uint8 `[H, W, C]` each, all of one shape, as from `image_grid`.
      milliseconds: how long each frame is shown; browsers show none for less than 20.
      max_side: longest side in pixels.
      max_bytes: largest file; the frames are made smaller until they fit.

    Raises:
      ValueError: there are no frames.
      OSError: the file cannot be written.
    """
    _save(
        path,
        [to_picture(frame) for frame in frames],
        None,
        milliseconds=[milliseconds] * len(frames),
        max_side=max_side,
        max_bytes=max_bytes,
    )


def step_of(path: str | os.PathLike[str]) -> int:
    """Return the step that a file is named after: the last number in its name.

    Args:
      path: a name such as `samples/step_00001000.png`.

    Returns:
      The step.

    Raises:
      ValueError: the name holds no number.

    >>> step_of("samples/step_00001000.png")
    1000
    """
    numbers = re.findall(r"\d+", Path(path).stem)
    if not numbers:
        raise ValueError(f"{path} is not named after a step, as step_00001000.png is")
    return int(numbers[-1])


def in_step_order(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Sort files by the step that they are named after.

    Args:
      paths: names such as `samples/step_00001000.png`.

    Returns:
      The paths, the earliest step first.

    Raises:
      ValueError: a name holds no number.
    """
    return sorted(map(Path, paths), key=step_of)


def evenly_spaced(items: Sequence[Path], number: int) -> list[Path]:
    """Choose items at even distances, the first and the last among them.

    Args:
      items: what to choose from, in order.
      number: how many to choose at most.

    Returns:
      All items, or `number` of them; the last item if one is asked for.
    """
    if len(items) <= number:
        return list(items)
    positions = np.linspace(len(items) - 1, 0, number).round().astype(int)[::-1]
    return [items[position] for position in positions]


def _save(
    path: str | os.PathLike[str],
    frames: Sequence[Image.Image],
    captions: Sequence[str] | None,
    *,
    milliseconds: Sequence[int],
    max_side: int,
    max_bytes: int,
) -> None:
    if not frames:
        raise ValueError("an animation needs at least one frame")
    side = min(max_side, max(frames[-1].size))
    encoded = _encoded(frames, captions, milliseconds, side)
    while len(encoded) > max_bytes and side > _SMALLEST_SIDE:
        # A file's size goes with the area; a little more is taken off so that this ends soon.
        side = max(_SMALLEST_SIDE, int(0.95 * side * (max_bytes / len(encoded)) ** 0.5))
        encoded = _encoded(frames, captions, milliseconds, side)
    with atomic_write(path) as file:
        file.write(encoded)


def _encoded(
    frames: Sequence[Image.Image],
    captions: Sequence[str] | None,
    milliseconds: Sequence[int],
    side: int,
) -> bytes:
    from PIL import Image

    width, height = frames[-1].size
    shrink = side / max(width, height)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    resized = [
        frame if frame.size == size else frame.resize(size, Image.Resampling.LANCZOS)
        for frame in frames
    ]
    if captions is not None:
        resized = [_captioned(*pair) for pair in zip(resized, captions, strict=True)]
    resized = [_paletted(frame) for frame in resized]
    buffer = io.BytesIO()
    resized[0].save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=resized[1:],
        duration=list(milliseconds),
        loop=0,
    )
    return buffer.getvalue()


def _paletted(frame: Image.Image) -> Image.Image:
    from PIL import Image

    if frame.mode == "L":
        return frame
    return frame.quantize(palette=frame.quantize(256), dither=Image.Dither.FLOYDSTEINBERG)


def _captioned(frame: Image.Image, caption: str) -> Image.Image:
    from PIL import Image, ImageDraw, ImageFont

    grey = frame.mode == "L"
    taller = (frame.width, frame.height + _CAPTION_PIXELS)
    picture = Image.new(frame.mode, taller, _CAPTION_GROUND[0] if grey else _CAPTION_GROUND)
    picture.paste(frame)
    ImageDraw.Draw(picture).text(
        (8, frame.height + _CAPTION_PIXELS / 2),
        caption,
        fill=_CAPTION_INK[0] if grey else _CAPTION_INK,
        font=ImageFont.load_default(size=13),
        anchor="lm",
    )
    return picture
