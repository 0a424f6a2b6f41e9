"""What the pages on what was measured share."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

__all__ = ["spread", "table", "write_page"]


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


def write_page(path: Path, page: Callable[[Any], str], results: Path, *, measure: str) -> int:
    """Write a page of results.

    Args:
      path: of the page.
      page: makes it of what the results' file holds, a list that is not empty.
      results: a JSON file.
      measure: the command that makes it.

    Returns:
      The exit code: 1 where there are no results, which is said.
    """
    rows = json.loads(results.read_text(encoding="utf-8")) if results.exists() else []
    if not rows:
        print(f"{results} has no results: {measure} makes them", file=sys.stderr)
        return 1
    path.write_text(page(rows), encoding="utf-8")
    return 0
