"""A long series as a few hundred points that keep its valleys and its peaks."""

from __future__ import annotations

import math
from collections.abc import Sequence

POINTS = 400


def thinned(
    at: Sequence[float], low: Sequence[int], last: Sequence[int], high: Sequence[int], points: int = POINTS
) -> list[list[float]]:
    """Rows ``[at, low, last, high]``, at most ``points``: neighbours are merged, the lowest and the highest are kept.

    >>> thinned([1, 2, 3, 4], [5, 4, 7, 6], [5, 4, 7, 6], [5, 9, 7, 8], points=2)
    [[2, 4, 4, 9], [4, 6, 6, 8]]
    """
    if not at:
        return []
    size = math.ceil(len(at) / points)
    rows: list[list[float]] = []
    for start in range(0, len(at), size):
        end = min(start + size, len(at))
        here = slice(start, end)
        rows.append([round(at[end - 1], 3), min(low[here]), last[end - 1], max(high[here])])
    return rows
