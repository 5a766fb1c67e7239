"""What the peak of reading depends on: bytes of the file, of the numbers, of the texts, and their number."""

from __future__ import annotations

from dataclasses import dataclass

from memfit.datasets import cells
from memfit.documents.data import Column, ColumnKind, Table


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
        object_bytes: of the texts as Python objects, each its own.
        cells: how many cells in all.
        rows: how many rows.
    """

    file_bytes: float
    number_bytes: float
    arrow_bytes: float
    text_bytes: float
    lone_text_bytes: float
    text_cells: float
    object_bytes: float
    cells: float
    rows: float


def features(table: Table, *, from_text: bool) -> Features:
    """The features of a table."""
    rows = table.rows.expected
    numbers = arrow = text = lone = texts = objects = 0.0
    for column in table.columns:
        if is_text(column, from_text=from_text):
            assert column.text is not None
            present = rows * column.columns * (1 - column.missing_share)
            text += present * column.text.mean_bytes
            lone += present * column.text.mean_bytes * _lone_share(column, rows)
            texts += rows * column.columns
            objects += present * column.text.object_bytes
        else:
            cost, bare = (law(column, from_text=from_text) for law in (cells.pandas_str, cells.pandas_arrow))
            numbers += column.columns * (rows * cost.row + cost.fixed)
            arrow += column.columns * (rows * bare.row + bare.fixed)
    return Features(
        file_bytes=table.disk_bytes, number_bytes=numbers, arrow_bytes=arrow, text_bytes=text,
        lone_text_bytes=lone, text_cells=texts, object_bytes=objects,
        cells=rows * table.width, rows=rows,
    )  # fmt: skip


def is_text(column: Column, *, from_text: bool) -> bool:
    """Whether readers hold the column as text."""
    if column.text is None or column.stored.startswith("dictionary"):
        return False
    return column.kind is ColumnKind.TEXT or from_text


def _lone_share(column: Column, rows: int) -> float:
    return min(1.0, column.distinct.expected / rows) if column.distinct is not None and rows else 1.0
