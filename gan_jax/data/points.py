"""Distributions in the plane that are given: points, and files of points or of a mixture."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gan_jax.data._plane import as_plane
from gan_jax.data.synthetic import Distribution, mixture
from gan_jax.errors import UsageError

__all__ = ["empirical", "read_distribution"]

_KEYS = ("centres", "standard_deviation", "weights")
_SEPARATOR = re.compile(r"\s*[,;\t]\s*|\s+")


def empirical(points: ArrayLike, *, name: str = "points") -> Distribution:
    """Make the distribution that has each of some points with the same probability.

    `x = points[i]`, i uniform in [0, N): points are drawn again and again. There is no density.

    Args:
      points: [N, 2], N at least 1. Points far from 0 are best moved to it: what looks at a
        distribution looks at a square around 0.
      name: what it is called.

    Returns:
      The distribution; its extent holds all points.

    Raises:
      ValueError: another shape, or numbers that are not finite.

    Example:
      >>> empirical([[1.0, -2.0]]).sample(jax.random.key(0), 2).tolist()
      [[1.0, -2.0], [1.0, -2.0]]
    """
    places = as_plane(f"{name}: points", points)

    def sample(key: jax.Array, count: int) -> jax.Array:
        which = jax.random.randint(key, (count,), 0, len(places))
        return jnp.asarray(places, jnp.float32)[which]

    extent = float(np.abs(places).max())
    return Distribution(name, sample, None, extent or 1.0)


def read_distribution(path: str | os.PathLike[str]) -> Distribution:
    """Read a distribution from a file: points to draw from, or a mixture.

    The ending says what the file is:

    - `.csv`, `.tsv`, `.txt`: two numbers a line, between them a comma, semicolon, tab or blanks;
      the first line may name the columns, and lines that are empty or begin with `#` are passed
      over. Points are drawn as by `empirical`.
    - `.npy`: an array of points [N, 2], likewise.
    - `.json`: `{"centres": [[x, y], ...], "standard_deviation": s, "weights": [w, ...]}`, the
      weights optional, as `mixture` takes them.

    Args:
      path: the file.

    Returns:
      The distribution, called by the file's name without its ending.

    Raises:
      UsageError: there is no such file, or it is not what its ending says.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], Distribution]] = {
        **dict.fromkeys((".csv", ".tsv", ".txt"), _read_text),
        ".npy": _read_array,
        ".json": _read_mixture,
    }
    read = readers.get(path.suffix.lower())
    if read is None:
        raise UsageError(f"{path}: its ending must be one of {', '.join(readers)}")
    try:
        return read(path)
    except FileNotFoundError:
        raise UsageError(f"{path} is not there") from None
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} can't be read: it is no text in UTF-8") from None
    except ValueError as error:
        raise UsageError(f"{path}: {str(error).splitlines()[0]}") from None


def _read_text(path: Path) -> Distribution:
    points: list[list[float]] = []
    is_first = True
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not (text := line.strip()) or text.startswith("#"):
            continue
        cells = _SEPARATOR.split(text)
        row = [_number(cell) for cell in cells]
        is_header = is_first and all(value is None for value in row)
        is_first = False
        if is_header:
            continue
        if len(row) != 2:
            raise ValueError(f"line {number} has {len(row)} columns, it must have 2: x and y")
        if None in row:
            raise ValueError(f"line {number} has {cells[row.index(None)]!r}, which is no number")
        as_plane(f"line {number}", [row])
        points.append(row)  # type: ignore[arg-type]
    if not points:
        raise ValueError("it has no points, it must have a line of two numbers for each")
    return empirical(points, name=path.stem)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _read_array(path: Path) -> Distribution:
    with path.open("rb") as file:
        try:
            points = np.lib.format.read_array(file, allow_pickle=False)
        except OSError:
            raise
        except Exception as error:  # A damaged file can raise almost anything.
            why = (str(error) or type(error).__name__).splitlines()[0]
            raise ValueError(f"it is no array of points [N, 2] in NumPy's format ({why})") from None
    return empirical(points, name=path.stem)


def _read_mixture(path: Path) -> Distribution:
    accepted = "an object of centres, standard_deviation and, if wanted, weights"
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError) as error:  # numbers too long, lists too deep
        raise ValueError(f"it is no JSON ({error}), it must be {accepted}") from None
    if not isinstance(content, dict):
        raise ValueError(f"it is a {type(content).__name__}, it must be {accepted}")
    for key in content:
        if key not in _KEYS:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"unknown key {key!r}, it must be {accepted}{hint}")
    for key in _KEYS[:2]:
        if key not in content:
            raise ValueError(f"it has no {key!r}, it must be {accepted}")
    return mixture(**content, name=path.stem)
