"""What distributions in the plane are checked by."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["TAIL", "as_count", "as_plane", "as_points", "as_positive"]

# So many standard deviations around its mean hold nearly all of a normal distribution.
TAIL = 4.0
# Of what is squared, in float32.
_SMALLEST, _LARGEST = 1e-15, 1e15


def as_count(name: str, value: Any) -> int:
    """Check that something is a whole number from 1.

    Args:
      name: what to call it in a message.
      value: what it is.

    Returns:
      The number.

    Raises:
      ValueError: it is anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} is {value!r}, it must be a whole number from 1")
    return int(value)


def as_positive(name: str, value: Any) -> float:
    """Check that something is a finite number above 0.

    Args:
      name: what to call it in a message.
      value: what it is.

    Returns:
      The number.

    Raises:
      ValueError: it is anything else, or not from 1e-15 to 1e15.
    """
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 < value < math.inf:
        raise ValueError(f"{name} is {value!r}, it must be a finite number above 0")
    if not _SMALLEST <= value <= _LARGEST:
        raise ValueError(f"{name} is {value!r}, it must be from {_SMALLEST:g} to {_LARGEST:g}")
    return float(value)


def as_plane(name: str, points: Any) -> np.ndarray:
    """Check that something is points in the plane.

    Args:
      name: what to call it in a message.
      points: numbers [N, 2], N at least 1.

    Returns:
      float64 [N, 2].

    Raises:
      ValueError: it is anything else, or has a number that is not finite or above 1e15.
    """
    try:
        array = np.asarray(points)
    except ValueError:
        raise ValueError(f"{name} must be numbers [N, 2], not rows of different lengths") from None
    if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != 2 or not len(array):
        raise ValueError(
            f"{name} must be numbers [N, 2], N at least 1, not {array.dtype} {list(array.shape)}"
        )
    wrong = np.argwhere(~(np.abs(array.astype(np.float64)) <= _LARGEST))
    if len(wrong):
        row, column = wrong[0]
        most = f"finite, and at most {_LARGEST:g}" if np.isfinite(array[row, column]) else "finite"
        raise ValueError(f"{name} must be {most}, row {row + 1} has {array[row, column]:g}")
    return array.astype(np.float64)


def as_points(points: jax.Array) -> jax.Array:
    """Check what a density is asked of, and give it at least float32.

    Args:
      points: [N, 2].

    Returns:
      Floats [N, 2]; float64 stays float64.

    Raises:
      ValueError: the shape is another.
    """
    points = jnp.asarray(points)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"log_density takes points [N, 2], not {list(points.shape)}")
    if jnp.issubdtype(points.dtype, jnp.complexfloating):
        raise ValueError(f"log_density takes real numbers, not {points.dtype}")
    return points.astype(jnp.promote_types(points.dtype, jnp.float32))
