"""One page that plays recorded games in the plane: a GAN Lab to open from disk."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import zlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gan_jax.files import atomic_write
from gan_jax.lab.recording import Recording

__all__ = ["write_lab"]

_MARGIN = 1.5  # points are kept up to so many half-widths of the view from its middle
_LEVELS = 2047
_ARROW_LEVELS = 63


def write_lab(
    recordings: Sequence[Recording],
    real: ArrayLike,
    path: str | os.PathLike[str],
    *,
    extent: float,
    title: str,
    command: str,
    notes: Sequence[str] = (),
    centres: ArrayLike | None = None,
) -> Path:
    """Write a page that plays recordings side by side: one file that needs no other and no network.

    What is shown is rounded: points to `3 extent / 2047`, probabilities to 1/255 (the optimal
    discriminator's, which are counted, to 1/63), and an arrow's length (which is drawn by its root)
    to 1/63 of the longest. Points farther out than 1.5 `extent` are put there.

    Args:
      recordings: of the same steps; the first two are shown at first.
      real: points of the data, [P, 2].
      path: the file to write.
      extent: half the width of the view, as it was given to the cameras.
      title: the page's name.
      command: what to type to make it again.
      notes: further paragraphs.
      centres: of the data's modes, [K, 2].

    Returns:
      The path of the page.

    Raises:
      ValueError: no recordings, two of a name, recordings of different steps, or arrays that are
        not points.
      OSError: the page cannot be written.
    """
    if not recordings:
        raise ValueError("write_lab: recordings is empty, it must have at least one")
    first = recordings[0]
    for index, other in enumerate(recordings[1:], 1):
        if not np.array_equal(other.steps, first.steps):
            raise ValueError(
                f"write_lab: recording {other.name!r} has other steps than {first.name!r}, "
                "all must have the same"
            )
        if other.name in [earlier.name for earlier in recordings[:index]]:
            raise ValueError(f"write_lab: two recordings are called {other.name!r}")
    if not (extent > 0 and math.isfinite(extent)):
        raise ValueError(f"write_lab: extent is {extent}, it must be above 0")
    view = {
        "extent": extent,
        "margin": _MARGIN,
        "levels": _LEVELS,
        "arrowLevels": _ARROW_LEVELS,
        "steps": first.steps.tolist(),
        "real": _packed(_places(_points("real", real), extent)[None]),
        "centres": [] if centres is None else _points("centres", centres).tolist(),
    }
    folder = Path(__file__).parent
    names = ("page.html", "page.css", "drawing.js", "page.js")
    frame, style, *scripts = ((folder / name).read_text(encoding="utf-8") for name in names)
    script = "\n".join(scripts)
    page = Template(frame).substitute(
        # The page's policy knows its script by this: none else runs.
        digest=base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode(),
        title=escape(title),
        command=escape(command),
        notes=_notes(notes),
        style=style,
        script=script,
        view=_json(view),
        runs="\n".join(
            f'<script type="application/json" class="run">{_json(_run(each, extent))}</script>'
            for each in recordings
        ),
    )
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "replace"))  # a file's name may be no Unicode
    return Path(path)


def _notes(notes: Sequence[str]) -> str:
    paragraphs = "\n".join(f"<p>{escape(note)}</p>" for note in notes if note)
    return f"<section>\n<h2>Notes</h2>\n{paragraphs}\n</section>" if paragraphs else ""


def _json(value: Any) -> str:
    """Return JSON that can stand in a script element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c")


def _points(name: str, points: ArrayLike) -> np.ndarray:
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"write_lab: {name} is of shape {list(points.shape)}, it must be [any, 2]")
    if not np.isfinite(points).all():
        raise ValueError(f"write_lab: {name} has numbers that are not finite")
    return points


def _run(run: Recording, extent: float) -> dict[str, Any]:
    """Return all that the page has of a recording."""
    arrays = {
        "fake": _places(run.fake, extent),
        "manifold": _places(run.manifold, extent),
        "arrows": _lengths(run.arrows),
        "logits": _shares(_sigmoid(run.logits / _scale(run))),
        **({} if run.optimal is None else {"optimal": _shares(run.optimal, levels=63)}),
    }
    return {
        "name": run.name,
        "about": run.about,
        "relative": run.relative,
        "resolution": run.logits.shape[1],
        "side": run.manifold.shape[2],
        "outside": np.sum(np.abs(run.fake).max(axis=-1) > extent, axis=1).tolist(),
        "values": {
            name: [float(f"{v:.5g}") if math.isfinite(v) else None for v in np.ravel(values)]
            for name, values in run.values.items()
        },
        "arrays": {name: _packed(array) for name, array in arrays.items()},
    }


def _places(points: np.ndarray, extent: float) -> np.ndarray:
    """Round points to 2048 levels from one end of the margin to the other."""
    within = np.clip(points / (_MARGIN * extent), -1.0, 1.0)
    return np.round((within + 1) / 2 * _LEVELS).astype(np.uint16)


def _shares(probabilities: np.ndarray, *, levels: int = 255) -> np.ndarray:
    rounded = np.round(levels * np.clip(probabilities, 0.0, 1.0))
    return np.round(rounded * (255 / levels)).astype(np.uint8)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(np.asarray(logits, np.float64) / 2)) / 2


def _scale(run: Recording) -> float:
    """Return what logits are divided by: relative ones fill most of the colours in any unit."""
    return float(np.percentile(np.abs(run.logits), 75)) / 2 or 1.0 if run.relative else 1.0


def _lengths(arrows: np.ndarray) -> np.ndarray:
    """Round arrows whose lengths are the roots of what they were, over that of a long one.

    Gradients span orders of magnitude in a run: the root shows when they vanish and still leaves
    something to see. The hundredth part that is longest is cut to the same length.
    """
    arrows = np.asarray(arrows, np.float64)
    lengths = np.linalg.norm(arrows, axis=-1, keepdims=True)
    longest = np.percentile(lengths, 99) or lengths.max()
    if not longest:
        return np.zeros(arrows.shape, np.int8)
    directions = arrows / np.where(lengths > 0, lengths, 1)
    rooted = directions * np.sqrt(np.minimum(lengths / longest, 1))
    return np.round(_ARROW_LEVELS * rooted).astype(np.int8)


def _packed(frames: np.ndarray) -> dict[str, Any]:
    """Compress whole numbers [T, ...] by what changes from frame to frame.

    Changes go to 0, 1, 2, ... as 0, -1, 1, -2, ..., so that small ones have few bits; of two bytes,
    all the low ones come first.
    """
    bits = 8 * frames.itemsize
    signed = frames.reshape(len(frames), -1).astype(f"int{bits}")
    changes = np.diff(signed, axis=0, prepend=np.zeros_like(signed[:1]))
    folded = ((changes << 1) ^ (changes >> (bits - 1))).astype(f"<u{frames.itemsize}")
    planes = np.frombuffer(folded.tobytes(), np.uint8).reshape(-1, frames.itemsize).T
    return {
        "type": frames.dtype.name,
        "shape": list(frames.shape),
        "data": base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode(),
    }
