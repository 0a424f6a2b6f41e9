"""The one order of scores: the best first, ties as they come, what is not a number last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

__all__ = ["best_first"]


def best_first(
    scores: Sequence[float] | np.ndarray, *, mode: Literal["max", "min"] = "max"
) -> np.ndarray:
    """Return the places of scores, the best first.

    A NaN is behind every number, infinite ones too; of equal scores the first comes first.

    Args:
      scores: numbers [N].
      mode: `"max"` if larger is better, `"min"` if smaller is.

    Returns:
      Indices [N].

    Raises:
      ValueError: `scores` is not one-dimensional or `mode` is another.

    Example:
      >>> best_first([1.0, float("nan"), 3.0, 3.0]).tolist()
      [2, 3, 0, 1]
    """
    import numpy as np

    if mode not in ("max", "min"):
        raise ValueError(f"mode is {mode!r}: it must be 'max' or 'min'")
    values = np.asarray(scores, np.float64)
    if values.ndim != 1:
        raise ValueError(f"scores are {list(values.shape)}: they must be [N]")
    # NumPy sorts NaN last, whatever its sign.
    return np.argsort(-values if mode == "max" else values, kind="stable")
