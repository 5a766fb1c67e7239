"""What the columns of sparse data are like, by values that were seen: how far each is filled, and how many differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from memfit.probing.scaling import ColumnsAlike

# Of the values of a column that were seen: where more of them differ, no value is taken to be like another.
_MOST_DIFFER = 0.5
# Looked at in a script's own process, which is measured: Python holds some 100 bytes for each meanwhile.
MOST_VALUES = 1 << 16


def columns_alike(columns: Sequence[int], values: Sequence[float], rows: int) -> tuple[ColumnsAlike, ...]:
    """Those that store anything, the ones alike together.

    Args:
        columns: of each stored value.
        values: themselves.
        rows: in which they are stored.

    >>> columns_alike([0, 7, 7, 7], [1.0, 2.0, 2.0, 2.0], rows=10)
    (ColumnsAlike(number=1, filled=0.1, distinct=None), ColumnsAlike(number=1, filled=0.3, distinct=1))
    """
    stored = Counter(columns)
    different = Counter(column for column, _ in set(zip(columns, values, strict=True)))
    groups = Counter((stored[column], different[column]) for column in sorted(stored))
    return tuple(
        ColumnsAlike(number, count / rows, distinct if distinct <= _MOST_DIFFER * count else None)
        for (count, distinct), number in groups.items()
    )


def stored_columns_of(table: Any) -> tuple[ColumnsAlike, ...]:
    """Those of a sparse matrix of SciPy, by its first rows; () of anything else, which has all its cells.

    One that is not held by rows is not converted: its columns are taken to be filled alike.
    """
    if not hasattr(table, "nnz") or not getattr(table, "shape", None) or not table.nnz:
        return ()
    rows, width = table.shape
    if getattr(table, "format", "") != "csr":
        return (ColumnsAlike(int(width), table.nnz / rows / width),)
    some = max(int(MOST_VALUES * rows // table.nnz), 1)
    part = table[:some]
    return columns_alike(part.indices.tolist(), part.data.tolist(), part.shape[0])
