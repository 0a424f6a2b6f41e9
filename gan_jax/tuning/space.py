"""What one hyper-parameter may be: a range or a choice of numbers, and how a person writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, TypeAlias

from gan_jax.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Axis", "Choice", "Range", "parse_axis"]

_ACCEPTED = "write values as 0.01,0.1,1 or a range as low:high, low:high:log or low:high:log:points"
_MOST = 1_000_000


@dataclass(frozen=True)
class Range:
    """All numbers from one to another.

    `str` of it is what `parse_axis` reads.

    Attributes:
      low: the smallest.
      high: the largest.
      log: whether equal factors count the same, not equal differences.
      integer: whether only whole numbers count.
      points: how many points a grid has here; what the grid says if None.

    Raises:
      ValueError: `low` is not below `high`, or not above 0 where `log`; a bound is not finite, or
        not whole where `integer`; `points` is not from 2 to a million.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    points: int | None = None

    def __post_init__(self) -> None:
        """Check the bounds."""
        for name in ("low", "high"):
            object.__setattr__(self, name, _checked(getattr(self, name), integer=self.integer))
        if not self.low < self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}: low must be below high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low}: it must be above 0 where the range is log")
        if self.points is not None:
            _check_points(self.points)

    def __str__(self) -> str:
        log, points = ":log" * self.log, "" if self.points is None else f":{self.points}"
        return f"{self.low}:{self.high}{log}{points}"

    def grid(self, points: int | None = None) -> np.ndarray:
        """Return evenly spaced numbers, both ends among them.

        They are rounded to 12 digits, so that a table says 0.3 and not 0.30000000000000004.

        Args:
          points: how many, where the range itself does not say; fewer come where there are not as
            many whole numbers.

        Returns:
          Rising numbers [points], int64 where `integer`, else float64.

        Raises:
          ValueError: no number of points is said, or it is not from 2 to a million.

        Example:
          >>> Range(1e-4, 1e-2, log=True).grid(3).tolist()
          [0.0001, 0.001, 0.01]
        """
        import numpy as np

        count = points if self.points is None else self.points
        if count is None:
            raise ValueError(f"range {self} says no number of points for a grid: write {self}:5")
        _check_points(count)
        values = (np.geomspace if self.log else np.linspace)(self.low, self.high, count)
        if self.integer:
            return np.unique(np.rint(values).astype(np.int64))
        rounded = np.array([float(f"{value:.12g}") for value in values])
        rounded[[0, -1]] = self.low, self.high
        return rounded

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw numbers uniformly, or uniformly in the logarithm where `log`.

        Args:
          generator: where randomness comes from; it gives one number for each drawn.
          count: how many.

        Returns:
          Numbers [count], int64 where `integer`, else float64.

        Example:
          >>> import numpy as np
          >>> Range(1, 3, integer=True).draw(np.random.default_rng(0), 6).tolist()
          [2, 1, 1, 1, 3, 3]
        """
        import numpy as np

        # Half a step more on both sides gives the first and the last whole number their share.
        margin = 0.5 if self.integer else 0.0
        ends = np.array([self.low - margin, self.high + margin])
        low, high = np.log(ends) if self.log else ends
        values = low + (high - low) * generator.random(count)
        values = np.exp(values) if self.log else values
        values = np.clip(np.rint(values) if self.integer else values, self.low, self.high)
        return values.astype(np.int64 if self.integer else np.float64)


@dataclass(frozen=True)
class Choice:
    """One of some numbers.

    `str` of it is what `parse_axis` reads.

    Attributes:
      values: the numbers, in the order that a grid has them.

    Raises:
      ValueError: there are none, one is not finite, or one is there twice.
    """

    values: Sequence[float]

    def __post_init__(self) -> None:
        """Check the values."""
        object.__setattr__(self, "values", tuple(_checked(value) for value in self.values))
        if not self.values:
            raise ValueError("a choice must have at least one value")
        twice = [value for value in self.values if self.values.count(value) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is there more than once")

    def __str__(self) -> str:
        return ",".join(map(str, self.values))

    def grid(self, points: int | None = None) -> np.ndarray:
        """Return all values.

        Args:
          points: not looked at; a range needs it.

        Returns:
          The values [N], int64 where all are whole numbers, else float64.
        """
        import numpy as np

        return np.asarray(self.values)

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Draw values, each as likely as the others.

        Args:
          generator: where randomness comes from; it gives one number for each drawn.
          count: how many.

        Returns:
          Values [count], of the type that `grid` has.
        """
        values = self.grid()
        return values[(generator.random(count) * len(values)).astype(int)]


Axis: TypeAlias = Range | Choice
"""What one hyper-parameter may be."""


def parse_axis(text: str, *, integer: bool = False) -> Axis:
    """Read what one hyper-parameter may be.

    Whole numbers of a choice stay whole: `1,2,5` is a choice of integers and `1.0,2,5` is not.

    Args:
      text: values as `0.01,0.1,1` or `0.5`, or a range as `0:1`, `1e-4:1e-2:log`, or
        `1e-4:1e-2:log:5` with the number of points that a grid has there.
      integer: whether the hyper-parameter is a whole number.

    Returns:
      A `Choice` or a `Range`.

    Raises:
      UsageError: the text is neither, or a number in it is not accepted.

    Example:
      >>> parse_axis("1e-4:1e-2:log")
      Range(low=0.0001, high=0.01, log=True, integer=False, points=None)
      >>> parse_axis("1,2,5")
      Choice(values=(1, 2, 5))
      >>> parse_axis("1:0")
      Traceback (most recent call last):
      gan_jax.errors.UsageError: axis '1:0': low is 1 and high is 0: low must be below high
    """
    try:
        if ":" not in text:
            return Choice([_number(word, integer) for word in text.split(",")])
        low, high, *rest = text.split(":")
        log = bool(rest) and rest[0].strip() == "log"
        words = rest[log:]
        if len(words) > 1:
            raise ValueError(f"{':'.join(rest)!r} does not follow a range; {_ACCEPTED}")
        points = _points(words[0]) if words else None
        return Range(_number(low, integer), _number(high, integer), log, integer, points)
    except ValueError as error:
        raise UsageError(f"axis {text!r}: {error}") from None


def _number(word: str, integer: bool) -> float:
    """Read a number, whole if it is written so."""
    try:
        return int(word)
    except ValueError:
        pass
    try:
        value = float(word)
    except ValueError:
        raise ValueError(f"{word.strip()!r} is not a number; {_ACCEPTED}") from None
    return _checked(value, integer=integer)


def _points(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        said = f"{word.strip()!r} is neither log nor a number of points"
        raise ValueError(f"{said}; {_ACCEPTED}") from None


def _check_points(points: int) -> None:
    if isinstance(points, bool) or not isinstance(points, Integral) or not 2 <= points <= _MOST:
        raise ValueError(f"points is {points}: it must be a whole number from 2 to {_MOST}")


def _checked(value: float, *, integer: bool = False) -> float:
    """Return a finite number, as Python's int or float."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{value!r} is not a number")
    if isinstance(value, Integral):
        if not -(2**63) <= int(value) < 2**63:
            raise ValueError(f"{value} is out of range: a whole number must fit into 64 bits")
        return int(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    if integer and not float(value).is_integer():
        raise ValueError(f"{value} is not a whole number")
    return int(value) if integer else float(value)
