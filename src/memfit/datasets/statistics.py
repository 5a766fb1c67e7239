"""The statistics of a data file's columns, plain and flat: what one needs to make synthetic rows like the file's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memfit.datasets.finding import read_one
from memfit.documents.data import Column, ColumnKind, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """What a sample and the file's own statistics say of a column, or of several alike.

    Args:
        name: of the column; of a group, what it stands for.
        kind: of the values.
        stored: the type that the file declares; "" where the file is text.
        columns: how many columns it stands for: those of a table wider than 200 stand together by kind.
        missing_share: of cells that are missing, 0 to 1.
        zero_share: of all cells that are zero or false, 0 to 1.
        distinct: expected number of different values; None where it was not looked at.
        is_key: hardly a value repeats.
        commonest_share: of the values that are there, the share of the one seen most; None where unknown.
        minimum: of numbers; None where unknown.
        maximum: of numbers; None where unknown.
        deciles: of numbers, the nine that cut them into tenths; () where unknown. With the ends they give the
            distribution: draw u from 0 … 1 and interpolate.
        text_bytes: mean length of texts in UTF-8; None for all else.
    """

    name: str
    kind: ColumnKind
    stored: str
    columns: int
    missing_share: float
    zero_share: float
    distinct: int | None
    is_key: bool
    commonest_share: float | None
    minimum: float | None
    maximum: float | None
    deciles: tuple[float, ...]
    text_bytes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """A data file's rows and columns.

    Args:
        rows: expected number.
        rows_low: at least.
        rows_high: at most.
        columns: those of the file, in its order.
        sampled: what was read to say this, in a sentence.
    """

    rows: int
    rows_low: int
    rows_high: int
    columns: tuple[ColumnStatistics, ...]
    sampled: str

    def column(self, name: str) -> ColumnStatistics | None:
        """The column of that name, or None."""
        return next((one for one in self.columns if one.name == name and one.columns == 1), None)


_KEY = 0.95  # of the rows: above it a column is a key


def read_statistics(path: str | Path) -> Statistics:
    """Read the statistics of a data file's columns: headers and bounded samples, in about a second.

    Args:
        path: a file, a folder or a pattern of shards.

    Raises:
        UnreadableData: it cannot be read, or is no data set.
        DataReaderMissing: the format needs a package that is not installed.

    >>> read_statistics("train.csv").column("age").deciles  # doctest: +SKIP
    (21.0, 25.0, 29.0, 33.0, 38.0, 43.0, 50.0, 57.0, 66.0)
    """
    return statistics_of(read_one(path))


def statistics_of(table: Table) -> Statistics:
    """The statistics of a table that was read."""
    rows = table.rows
    return Statistics(
        rows=rows.expected,
        rows_low=rows.low,
        rows_high=rows.high,
        columns=tuple(_column(column, rows.expected) for column in table.columns),
        sampled=table.sampled,
    )


def _column(column: Column, rows: int) -> ColumnStatistics:
    distinct = column.distinct.expected if column.distinct is not None else None
    present = max(rows * (1 - column.missing_share), 1)
    return ColumnStatistics(
        name=column.name, kind=column.kind, stored=column.stored, columns=column.columns,
        missing_share=column.missing_share, zero_share=column.zero_share, distinct=distinct,
        is_key=distinct is not None and distinct > _KEY * present and rows > 1,
        commonest_share=column.commonest_share, minimum=column.minimum, maximum=column.maximum, deciles=column.deciles,
        text_bytes=column.text.mean_bytes if column.text is not None else None,
    )  # fmt: skip
