"""Tables in Markdown, as the pages on what was measured have them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev

__all__ = ["spread", "table"]


def spread(values: Sequence[float], digits: int) -> str:
    """Write a mean, and where there are several values their standard deviation.

    Args:
      values: of several seeds.
      digits: after the point.

    Returns:
      Such as `"0.10 ± 0.02"`.

    >>> spread([1.0, 2.0], 1), spread([3.14159], 2)
    ('1.5 ± 0.7', '3.14')
    """
    deviation = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{deviation}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out a table.

    Args:
      head: titles of the columns.
      rows: cells.

    Returns:
      Markdown, without a line break at its end.

    >>> print(table(("mode", "KL"), [("all", "0.1")]))
    | mode | KL |
    | --- | --- |
    | all | 0.1 |
    """
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
