"""Tables cut down to some of their rows, and results of a part stretched to the whole; whatever library made them."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Sequence
from typing import Any


def rows_of(data: Any) -> int:
    """Rows of an array, a frame, a sparse matrix or a list; 0 of anything else."""
    shape = getattr(data, "shape", None)
    if shape:
        return int(shape[0])
    return len(data) if isinstance(data, (list, tuple)) else 0


def columns_of(data: Any) -> int:
    """Columns of the same; 1 where it has rows alone."""
    shape: Any = getattr(data, "shape", ())
    return int(shape[1]) if len(shape) > 1 else 1


def held_by(data: Any) -> int:
    """Bytes of an array, a frame or a sparse matrix; 0 where it does not tell."""
    if hasattr(data, "memory_usage"):
        usage = data.memory_usage(deep=True)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    if hasattr(data, "indptr") and hasattr(data, "data"):
        return int(data.data.nbytes + data.indices.nbytes + data.indptr.nbytes)
    if hasattr(data, "estimated_size"):  # polars
        return int(data.estimated_size())
    size = getattr(data, "nbytes", 0)
    return int(size) if isinstance(size, int) else 0


def longest_row(data: Any) -> int | None:
    """Values of the fullest row of a sparse matrix that is held by rows; None of anything else."""
    pointers = getattr(data, "indptr", None)
    if pointers is None or getattr(data, "format", "") != "csr" or len(pointers) < 2:
        return None
    return int((pointers[1:] - pointers[:-1]).max())


def filled_share(data: Any) -> float | None:
    """Of a sparse matrix, the share of its cells that are stored; None of anything else."""
    shape: Any = getattr(data, "shape", ())
    stored = getattr(data, "nnz", None)
    return stored / shape[0] / shape[1] if stored is not None and len(shape) == 2 and all(shape) else None


def classes_of(target: Any, *, seen: int = 100_000) -> int:
    """How many labels differ among the first of a target; 0 of what has no rows, or fractions."""
    if not rows_of(target) or getattr(getattr(target, "dtype", None), "kind", "i") == "f":
        return 0
    first = target[:seen] if not hasattr(target, "iloc") else target.iloc[:seen]
    with contextlib.suppress(TypeError):  # what cannot be hashed is no label
        return len(set(first.tolist() if hasattr(first, "tolist") else first))
    return 0


def some_of(whole: int, rows: int) -> list[int]:
    """So many of the row numbers, taken evenly and in order; the same every time."""
    return sorted(random.Random(0).sample(range(whole), rows))


def cut(data: Any, whole: int, chosen: Sequence[int]) -> Any:
    """Those rows of what has as many as the data; anything else as it is.

    >>> cut(["a", "b", "c"], 3, [0, 2]), cut("abc", 3, [0, 2]), cut([1, 2], 3, [0, 2])
    (['a', 'c'], 'abc', [1, 2])
    """
    if isinstance(data, str) or rows_of(data) != whole:
        return data
    if isinstance(data, (list, tuple)):
        return type(data)(data[row] for row in chosen)
    if hasattr(data, "iloc"):
        return data.iloc[chosen]
    if hasattr(data, "tocsr") and "scipy" in sys.modules:
        return data.tocsr()[chosen]
    return data[chosen]


def stretched(result: Any, part: int, whole: int) -> Any:
    """What a part of the rows gave, repeated until it is as long as the whole: predictions, labels, new columns.

    >>> stretched(["x", "y"], 2, 5), stretched({"score": 1}, 2, 5)
    (['x', 'y', 'x', 'y', 'x'], {'score': 1})
    """
    if part >= whole or not part or rows_of(result) != part:
        return result
    return cut(result, part, [row % part for row in range(whole)])
