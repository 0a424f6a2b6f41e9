"""What a table says: figures over seeds, the best rows, and the table as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gan_jax.errors import UsageError
from gan_jax.tuning.ranking import best_first

if TYPE_CHECKING:
    import numpy as np

__all__ = ["best_rows", "markdown_table", "summarize"]

_Row = TypeVar("_Row", bound=Mapping[str, Any])


def summarize(
    rows: Sequence[Mapping[str, Any]],
    *,
    by: Sequence[str],
    values: Sequence[str],
    omit_nan: bool = False,
) -> list[dict[str, Any]]:
    """Put together the rows that agree in some columns, as the seeds of one setting do.

    Each value gets columns `NAME_mean`, `NAME_standard_deviation` (of a sample: divided by one less
    than the count, NaN if there is one), `NAME_median`, `NAME_minimum`, `NAME_maximum` and
    `NAME_count`, how many rows have a number there; `runs` is how many rows there are. One row
    without a number makes the others NaN, since a setting of which some runs diverge has no mean.

    Args:
      rows: a table.
      by: columns whose values the rows of one group share.
      values: columns of numbers.
      omit_nan: whether to tell of the rows that have a number only.

    Returns:
      One row a group, in the order in which the groups first come.

    Raises:
      UsageError: a column is in no row.
      ValueError: one of `values` has something other than numbers.

    Example:
      >>> rows = [dict(rate=0.1, seed=s, modes=m) for s, m in enumerate([20, 25, 24])]
      >>> found, = summarize(rows, by=["rate"], values=["modes"])
      >>> found["rate"], found["modes_mean"], found["modes_median"], found["runs"]
      (0.1, 23.0, 24.0, 3)
    """
    import numpy as np

    _check_columns(rows, [*by, *values])
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(_missing_as_none(row.get(name)) for name in by), []).append(row)
    summaries = []
    for shared, members in groups.items():
        summary: dict[str, Any] = {**dict(zip(by, shared, strict=True)), "runs": len(members)}
        for name in values:
            numbers = np.array([_number(name, row.get(name)) for row in members])
            summary.update({f"{name}_{k}": v for k, v in _statistics(numbers, omit_nan).items()})
        summaries.append(summary)
    return summaries


def best_rows(
    rows: Sequence[_Row],
    column: str,
    *,
    count: int = 5,
    mode: Literal["max", "min"] = "max",
) -> list[_Row]:
    """Return the rows with the best figures, the best first.

    Rows without a number come last; of equal ones the first comes first.

    Args:
      rows: a table.
      column: the figure's column.
      count: how many rows at most.
      mode: `"max"` if larger is better, `"min"` if smaller is.

    Returns:
      The rows themselves.

    Raises:
      UsageError: the column is in no row.
      ValueError: it has something other than numbers, or `mode` is another.
    """
    _check_columns(rows, [column])
    order = best_first([_number(column, row.get(column)) for row in rows], mode=mode)
    return [rows[place] for place in order[:count]]


def markdown_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, *, digits: int = 4
) -> str:
    """Write a table in Markdown, as a README has it.

    Args:
      rows: a table.
      columns: which columns, in which order; all as they first come if None.
      digits: how many significant digits numbers that are not whole have.

    Returns:
      The lines, without a line break at the end.

    Raises:
      UsageError: a column is in no row.

    Example:
      >>> print(markdown_table([{"rate": 1e-3, "modes": 25}, {"rate": 0.1}]))
      | rate | modes |
      | ---: | ---: |
      | 0.001 | 25 |
      | 0.1 |  |
    """
    names = (
        list(dict.fromkeys(name for row in rows for name in row)) if columns is None else columns
    )
    _check_columns(rows, names)
    texts = {name for name in names if any(isinstance(row.get(name), str) for row in rows)}
    lines = [[_cell(name, digits) for name in names]]
    lines.append([":---" if name in texts else "---:" for name in names])
    lines += [[_cell(row.get(name), digits) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _statistics(numbers: np.ndarray, omit_nan: bool) -> dict[str, Any]:
    import numpy as np

    known = numbers[~np.isnan(numbers)]
    told = known if omit_nan else numbers
    if not told.size:
        told = np.array([math.nan])
    # Infinities among the numbers make NaN, which says enough.
    with np.errstate(invalid="ignore"):
        return {
            "mean": float(told.mean()),
            "standard_deviation": float(told.std(ddof=1)) if told.size > 1 else math.nan,
            "median": float(np.median(told)),
            "minimum": float(told.min()),
            "maximum": float(told.max()),
            "count": int(known.size),
        }


def _missing_as_none(value: Any) -> Any:
    # NaN is not equal to itself, and would make a group of every row.
    return None if value != value else value


def _number(column: str, value: Any) -> float:
    """Return a cell as a number, NaN if there is nothing in it."""
    if value is None:
        return math.nan
    try:
        return float(value + 0)
    except TypeError:
        raise ValueError(f"column {column!r} has {value!r}: it must have numbers") from None


def _check_columns(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    known = list(dict.fromkeys(name for row in rows for name in row))
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise UsageError(
            f"no row has a column {unknown[0]!r}: there are {', '.join(known) or 'none'}"
        )


def _cell(value: Any, digits: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{value:.{digits}g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
