"""Tidy tables in files: one row a run, one column a hyper-parameter or figure, CSV or Parquet."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Literal

from gan_jax.errors import RunError, UsageError
from gan_jax.files import atomic_write

__all__ = ["check_table_path", "read_table", "write_table"]

_ENDINGS = (".csv", ".parquet")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf|nan")


def check_table_path(path: str | os.PathLike[str]) -> None:
    """Raise unless a table can have this name, before anything is spent on what it is to hold.

    Args:
      path: the file to be.

    Raises:
      UsageError: the name ends in neither `.csv` nor `.parquet`.
    """
    if Path(path).suffix not in _ENDINGS:
        raise UsageError(f"{path} is no name of a table: it must end in {' or '.join(_ENDINGS)}")


def write_table(rows: Sequence[Mapping[str, Any]], path: str | os.PathLike[str]) -> None:
    """Write a table, whole or not at all.

    Columns come in the order in which the rows first have them. Each is of one type: whole numbers,
    numbers, booleans or text; a whole number among numbers becomes one of them. NaN, `None` and
    what a row does not have are empty cells, or `null` in Parquet. CSV does not keep types: text
    that could be numbers or booleans comes back as such, and empty text as missing.

    Args:
      rows: name to value, one mapping a run.
      path: the file to make or replace, its ending says the format; missing folders are made.

    Raises:
      UsageError: the name ends in neither `.csv` nor `.parquet`.
      ValueError: there are no rows, a column mixes types, or a value is none of them.
      OSError: the file cannot be written.
    """
    check_table_path(path)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError(f"{path}: a table must have rows, and columns with names")
    columns = {name: _one_type(name, [_plain(row.get(name)) for row in rows]) for name in names}
    with atomic_write(path) as file:
        (_write_csv if Path(path).suffix == ".csv" else _write_parquet)(columns, file)


def read_table(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read a table.

    Args:
      path: a file that `write_table` wrote, or one like it.

    Returns:
      One dictionary a row, all with all columns. What is missing is NaN in a column of numbers, and
      `None` in one of booleans or text.

    Raises:
      UsageError: the name ends in neither `.csv` nor `.parquet`.
      RunError: the file does not hold a whole table.
      OSError: the file cannot be read.
    """
    check_table_path(path)
    content = Path(path).read_bytes()
    try:
        columns = (_read_csv if Path(path).suffix == ".csv" else _read_parquet)(content)
        columns = {name: _one_type(name, values) for name, values in columns.items()}
    except (ValueError, OSError, csv.Error) as error:
        why = " ".join(str(error).split())
        raise RunError(f"{path} does not hold a whole table: {why}") from None
    filled = [_fill(values) for values in columns.values()]
    return [dict(zip(columns, values, strict=True)) for values in zip(*filled, strict=True)]


def _plain(value: Any) -> Any:
    """Return a value as Python's, None for what is not a number."""
    plain = value.item() if getattr(value, "ndim", None) == 0 else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def _one_type(name: str, values: list[Any]) -> list[Any]:
    """Return a column's values, all of one type where not None."""
    known = [value for value in values if value is not None]
    types = {type(value) for value in known}
    if any(type(value) is int and not -(2**63) <= value < 2**63 for value in known):
        raise ValueError(f"column {name!r} has whole numbers that do not fit into 64 bits")
    if types == {int, float}:
        return [None if value is None else float(value) for value in values]
    if len(types) > 1 or types - {bool, int, float, str}:
        shown = " and ".join(sorted(kind.__name__ for kind in types))
        raise ValueError(f"column {name!r} has {shown}: it must have numbers, booleans or text")
    return values


def _fill(values: list[Any]) -> list[Any]:
    """Put NaN where a column of numbers has nothing."""
    if any(isinstance(value, (bool, str)) for value in values):
        return values
    return [math.nan if value is None else value for value in values]


def _write_csv(columns: Mapping[str, list[Any]], file: IO[bytes]) -> None:
    text = _csv_text(columns, csv.QUOTE_MINIMAL)
    # The writer does not quote a carriage return, which readers take for the end of a line.
    text = _csv_text(columns, csv.QUOTE_ALL) if "\r" in text else text
    file.write(text.encode())


def _csv_text(columns: Mapping[str, list[Any]], quoting: Literal[0, 1]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=quoting)
    writer.writerow(columns)
    spelled = {True: "true", False: "false"}
    for row in zip(*columns.values(), strict=True):
        writer.writerow([spelled[cell] if isinstance(cell, bool) else cell for cell in row])
    return text.getvalue()


def _read_csv(content: bytes) -> dict[str, list[Any]]:
    text = content.decode("utf-8-sig")
    if not text.endswith("\n"):
        raise ValueError("its last line has no end")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    names = next(reader)
    if not names or "" in names or len(set(names)) != len(names):
        raise ValueError("its first line does not name every column, each by a name of its own")
    rows = []
    for cells in reader:
        if len(cells) != len(names):
            counts = f"{len(cells)} cells for {len(names)} columns"
            raise ValueError(f"line {reader.line_num} has {counts}")
        rows.append(cells)
    if not rows:
        raise ValueError("it has no rows")
    return {name: _parse(cells) for name, cells in zip(names, zip(*rows, strict=True), strict=True)}


def _parse(cells: Sequence[str]) -> list[Any]:
    """Give the cells of a column the narrowest type that fits all."""
    full = [cell for cell in cells if cell]
    convert: Any = str
    if all(map(_WHOLE.fullmatch, full)):
        convert = int
    elif all(map(_NUMBER.fullmatch, full)):
        convert = float
    elif set(full) <= {"true", "false"}:
        convert = "true".__eq__
    return [_plain(convert(cell)) if cell else None for cell in cells]


def _write_parquet(columns: Mapping[str, list[Any]], file: IO[bytes]) -> None:
    import pyarrow
    import pyarrow.parquet

    kinds = {bool: "bool", int: "int64", float: "float64", str: "string"}
    arrays = {}
    for name, values in columns.items():
        kind = next((type(value) for value in values if value is not None), float)
        arrays[name] = pyarrow.array(values, kinds[kind])
    pyarrow.parquet.write_table(pyarrow.table(arrays), file)


def _read_parquet(content: bytes) -> dict[str, list[Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(pyarrow.BufferReader(content)).read()
    except pyarrow.ArrowException as error:
        raise ValueError(error) from None
    if not table.num_rows or len(set(table.column_names)) != max(table.num_columns, 1):
        raise ValueError("it has no rows, or two columns of one name")
    return {
        name: [_plain(value) for value in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
