"""The statistics of a data file's columns → what the probes' synthetic columns are made like."""

from __future__ import annotations

from memfit.datasets.statistics import ColumnStatistics, Statistics
from memfit.documents.data import ColumnKind
from memfit.probing.child.likeness import ColumnLike

_WHOLE = (ColumnKind.INTEGER, ColumnKind.BOOLEAN)


def likenesses(found: Statistics, label: str | None) -> tuple[tuple[ColumnLike, ...], ColumnLike | None]:
    """What the columns are like, and what the target is like.

    Args:
        found: of the file.
        label: the target's column; None where none was named: then every column is data.
    """
    columns = [
        likeness(column) for column in found.columns if column.name != label or column.columns > 1
        for _ in range(column.columns)
    ]  # fmt: skip
    target = found.column(label) if label is not None else None
    return tuple(columns), likeness(target) if target is not None else None


def likeness(column: ColumnStatistics) -> ColumnLike:
    """A column as one number: what is no number is taken by its codes."""
    if column.kind is ColumnKind.EMPTY:
        return ColumnLike(quantiles=(0.0, 0.0), distinct=1, missing=column.missing_share)
    quantiles: tuple[float, ...] = ()
    if column.kind.is_number and column.minimum is not None and column.maximum is not None:
        low, high = column.minimum, column.maximum
        inner = tuple(min(max(each, low), high) for each in column.deciles)
        quantiles = (low, *inner, high)
    return ColumnLike(
        quantiles=quantiles,
        whole=column.kind in _WHOLE,
        distinct=column.distinct,
        missing=column.missing_share,
        zeros=column.zero_share if column.kind.is_number else 0.0,
        commonest=column.commonest_share,
    )
