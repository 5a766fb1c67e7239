"""A data file's shape in a few figures, for those who estimate what is fitted to it: no weighing, no advice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memfit.documents.data import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a data file holds, as an estimator sees it.

    Args:
        rows: expected number.
        rows_low: at least.
        rows_high: at most.
        columns: how many.
        kinds: of each column or group of like columns: (name, kind, type in the file, how many columns).
        float64_bytes: of the number columns as a NumPy matrix.
        float32_bytes: the same in single precision.
        missing_share: of all cells, 0 to 1.
        zero_share: of the number columns' cells, 0 to 1; None without such.
        cardinalities: expected number of different values of each column of text.
        table: everything that was found out.
    """

    rows: int
    rows_low: int
    rows_high: int
    columns: int
    kinds: tuple[tuple[str, str, str, int], ...]
    float64_bytes: int
    float32_bytes: int
    missing_share: float
    zero_share: float | None
    cardinalities: dict[str, int]
    table: Table


def read_shape(path: str | Path) -> Shape:
    """Read a data file's shape: headers and bounded samples, in about a second and constant memory.

    Args:
        path: a file, a folder or a pattern of shards.

    Raises:
        UnreadableData: it cannot be read, or is no data set.
        DataReaderMissing: the format needs a package that is not installed.

    >>> read_shape("train.csv").rows  # doctest: +SKIP
    1000000
    """
    from memfit.datasets.finding import read_one

    return shape_of(read_one(path))


def shape_of(table: Table) -> Shape:
    """The shape of a table that was read."""
    numbers = sum(column.columns for column in table.columns if column.kind.is_number)
    return Shape(
        rows=table.rows.expected,
        rows_low=table.rows.low,
        rows_high=table.rows.high,
        columns=table.width,
        kinds=tuple((one.name, one.kind.value, one.stored, one.columns) for one in table.columns),
        float64_bytes=8 * table.rows.expected * numbers,
        float32_bytes=4 * table.rows.expected * numbers,
        missing_share=table.missing_share,
        zero_share=table.zero_share,
        cardinalities=_cardinalities(table.columns),
        table=table,
    )


def _cardinalities(columns: tuple[Column, ...]) -> dict[str, int]:
    return {one.name: one.distinct.expected for one in columns if one.text is not None and one.distinct is not None}
