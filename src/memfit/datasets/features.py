"""What the peak of reading depends on: bytes of the file, of numbers, of texts, of Python objects on the way."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from memfit.datasets import cells
from memfit.documents.data import Column, ColumnKind, Table

_STEP = 16  # pymalloc's
_NUMBER_OBJECT = 32  # an int up to 60 bits, and a float of 24 bytes, in malloc's steps
_SMALL_INTEGERS = 262  # -5 … 256 are shared (CPython, _PY_NSMALLNEGINTS and _PY_NSMALLPOSINTS)
_BY_COLUMN = ("number_bytes", "arrow_bytes", "text_bytes", "lone_text_bytes", "text_cells", "owned_bytes")
_CHUNK = 1 << 20  # cells that pandas' C reader takes at a time: TextReader._read_low_memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Of one table, expected values.

    Args:
        file_bytes: on disk.
        number_bytes: of what is no text, as pandas holds it.
        arrow_bytes: of what is no text, as Arrow holds it.
        text_bytes: of the texts, in UTF-8.
        lone_text_bytes: of those whose values hardly repeat, which no dictionary in a file shortens.
        text_cells: how many texts, missing ones included.
        owned_bytes: of the texts as Python objects, those that pandas 2 shares counted once, with their pointers.
        value_bytes: of all cells as Python objects.
        record_bytes: of the rows as Python dicts, with their keys.
        chunk_bytes: of the file's text that pandas' C reader takes at a time.
        cells: how many cells in all.
        rows: how many rows.
    """

    file_bytes: float
    number_bytes: float
    arrow_bytes: float
    text_bytes: float
    lone_text_bytes: float
    text_cells: float
    owned_bytes: float
    value_bytes: float
    record_bytes: float
    chunk_bytes: float
    cells: float
    rows: float


def features(table: Table, *, from_text: bool, dates: bool = False) -> Features:
    """The features of a table.

    Args:
        table: with its columns.
        from_text: the reader must guess the types.
        dates: and guesses dates, too.
    """
    rows = table.rows.expected
    totals = dict.fromkeys(_BY_COLUMN, 0.0)
    for column in table.columns:
        for name, size in _of_column(column, rows, from_text, dates).items():
            totals[name] += size * column.columns
    values = rows * sum(one.columns * _value(one) for one in table.columns)
    return Features(
        file_bytes=table.disk_bytes, **totals, value_bytes=values,
        record_bytes=rows * _record(table), chunk_bytes=_chunk_bytes(table), cells=rows * table.width, rows=rows,
    )  # fmt: skip


def is_text(column: Column, *, from_text: bool, dates: bool = False) -> bool:
    """Whether readers hold the column as text."""
    if column.text is None or column.stored.startswith("dictionary"):
        return False
    if dates and column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
        return False
    return column.kind is ColumnKind.TEXT or from_text


def _of_column(column: Column, rows: int, from_text: bool, dates: bool) -> dict[str, float]:
    if not is_text(column, from_text=from_text, dates=dates) or column.text is None:
        laws = {"number_bytes": cells.pandas_dates if dates else cells.pandas_str, "arrow_bytes": cells.pandas_arrow}
        costs = {name: law(column, from_text=from_text) for name, law in laws.items()}
        return {name: rows * cost.row + cost.fixed for name, cost in costs.items()}
    text = rows * (1 - column.missing_share) * column.text.mean_bytes
    lone = min(1.0, column.distinct.expected / rows) if column.distinct is not None and rows else 1.0
    owned = cells.pandas_object(column, from_text=from_text, rows=rows)
    return {
        "text_bytes": text,
        "lone_text_bytes": text * lone,
        "text_cells": float(rows),
        "owned_bytes": rows * owned.row,
    }


def _value(column: Column) -> float:
    """A cell as a Python object; None, truths and small numbers are shared."""
    present = 1 - column.missing_share
    if column.text is not None:
        return present * column.text.object_bytes
    if column.kind is ColumnKind.BOOLEAN or column.kind is ColumnKind.EMPTY:
        return 0.0
    low, high = column.minimum, column.maximum
    if column.kind is ColumnKind.INTEGER and low is not None and high is not None and low > -_SMALL_INTEGERS:
        present *= max(0.0, 1 - _SMALL_INTEGERS / (high - low + 1))
    return present * _NUMBER_OBJECT


def _record(table: Table) -> float:
    """A row as a dict of its own keys, as pandas' JSON reader makes it."""
    keys = sum(column.columns * _rounded(sys.getsizeof(column.name)) for column in table.columns)
    return sys.getsizeof(dict.fromkeys(range(min(table.width, 10_000)))) + _STEP + keys


def _chunk_bytes(table: Table) -> float:
    lines = 2
    while lines * 2 < _CHUNK / max(table.width, 1):
        lines *= 2
    rows = max(table.rows.expected, 1)
    width = sum(column.columns * (column.file_bytes + 1) for column in table.columns)
    return min(lines, rows) * width


def _rounded(size: int) -> int:
    return (size + _STEP - 1) // _STEP * _STEP
