"""How many rows a text file has, from the rows of a few places: a ratio estimate with its range."""

from __future__ import annotations

import math
from collections.abc import Sequence

from memfit.datasets.windows import Windows
from memfit.documents.data import Count
from memfit.quantities import Basis

_SPREAD = 3.0  # standard errors on either side
_LEAST_SPREAD = 0.002
_HEAD_ALONE = 0.1  # assumed: how much rows further on may differ from those at the start, where that alone was seen


def rows_from(windows: Windows, parts: Sequence[tuple[int, int]], *, header_bytes: int) -> Count:
    """The rows of the whole file.

    Args:
        windows: what was seen of it; its counted lines without the header.
        parts: of each place: how many rows it holds, and their bytes.
        header_bytes: before the first row.
    """
    seen, size = (sum(part[at] for part in parts) for at in (0, 1))
    if windows.whole:
        return Count.exactly(seen)
    if not seen:
        return Count(low=0, expected=0, high=max(windows.total.high // 2, 1), basis=Basis.EXTRAPOLATED)
    if windows.lines is not None:
        counted = max(windows.lines, seen)
        return Count(low=max(round(counted * 0.999), seen), expected=counted, high=counted + 1, basis=Basis.COMPUTED)
    mean = max(size / seen, 1.0)
    alone = _HEAD_ALONE if windows.compression or len(parts) < 3 else 0.0
    spread = max(_SPREAD * _standard_error(parts, mean) / mean, _LEAST_SPREAD) + alone
    total = windows.total
    low, expected, high = (max(one - header_bytes, 0) / mean for one in (total.low, total.expected, total.high))
    least = max(round(low / (1 + spread)), seen)
    middle = max(round(expected), least)
    return Count(low=least, expected=middle, high=max(round(high * (1 + spread)), middle), basis=Basis.EXTRAPOLATED)


def _standard_error(parts: Sequence[tuple[int, int]], mean: float) -> float:
    """Of the mean row width, as a ratio over places (Cochran, Sampling Techniques, 6.4)."""
    if len(parts) < 2:
        return 0.0
    square = sum((size - mean * rows) ** 2 for rows, size in parts)
    return math.sqrt(square / (len(parts) - 1) / len(parts)) / (sum(rows for rows, _ in parts) / len(parts))
