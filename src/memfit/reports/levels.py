"""A long series as few points: neighbours become one bucket that keeps the lowest and the highest of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memfit.documents import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Some neighbouring points of a series.

    Args:
        at: where it ends: seconds, or the number of an iteration.
        low: the lowest in it, in bytes.
        high: the highest.
    """

    at: float
    low: int
    high: int


def buckets(at: Sequence[float], low: Sequence[int], high: Sequence[int], most: int) -> list[Bucket]:
    """The series in at most ``most`` buckets of equal numbers of points, ascending; no peak is lost.

    Points whose place is not finite are left out, and one that lies before its forerunner is moved up to it.

    >>> buckets([0.0, 1.0, 2.0, 3.0], [5, 1, 2, 3], [6, 1, 9, 3], 2)
    [Bucket(at=1.0, low=1, high=6), Bucket(at=3.0, low=2, high=9)]
    """
    count = min(len(at), len(low), len(high))
    width = max(1, math.ceil(count / max(most, 1)))
    found: list[Bucket] = []
    latest = -math.inf
    for start in range(0, count, width):
        end = min(start + width, count)
        place = float(at[end - 1])
        if not math.isfinite(place):
            continue
        latest = max(latest, place)
        lows, highs = low[start:end], high[start:end]
        bottom, top = min(lows), max(highs)
        found.append(Bucket(at=latest, low=min(bottom, top), high=max(bottom, top)))
    return found


def of_series(series: Series, most: int) -> list[Bucket]:
    """A recorded series in at most that many buckets."""
    return buckets(series.seconds, series.low_bytes, series.high_bytes, most)


def peak_at(series: Series) -> float | None:
    """When a series was at its highest, in seconds; None when it was never read or no clock told."""
    if not series.high_bytes:
        return None
    at = float(series.seconds[series.high_bytes.index(max(series.high_bytes))])
    return at if math.isfinite(at) else None
