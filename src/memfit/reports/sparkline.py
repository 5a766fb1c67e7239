"""A series in one line of block characters."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[int], cells: int, *, bottom: int | None = None) -> str:
    """The series from its lowest value, or from ``bottom``, to its highest; each cell shows the highest of its part.

    >>> sparkline([1, 1, 2, 3, 4, 4], 3)
    '▁▆█'
    """
    if not values or cells < 1:
        return ""
    count = min(cells, len(values))
    parts = [values[at * len(values) // count : (at + 1) * len(values) // count] for at in range(count)]
    highest = [max(part) for part in parts]
    low = min(values) if bottom is None else min(bottom, *values)
    span = max(max(values) - low, 1)
    return "".join(_EIGHTHS[min((value - low) * len(_EIGHTHS) // span, len(_EIGHTHS) - 1)] for value in highest)
