"""Many points in little text: differences as variable-length whole numbers, in base64. The page's script unpacks them.

A packed series is {"n": points, "a" and "z": first and last place, "s" and "q": steps of places and values, "d": text}:
per point the place since the one before (the first one's from zero, zigzag), the low value since that of the one before
(zigzag), high less low. Low is rounded down and high up, by less than 1/32768 of the highest value.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

from memfit.reports.levels import Bucket

_VALUE_STEPS = 1 << 15
_PLACE_STEPS = 1 << 21  # steps over the whole length: finer than any zoom that the points allow


def pack(points: Sequence[Bucket], *, whole: bool = False) -> dict[str, Any]:
    """The points, packed.

    Args:
        points: ascending.
        whole: the places are whole numbers and stay exact.
    """
    highest = max((abs(value) for point in points for value in (point.low, point.high)), default=0)
    quantum = 1 << max(0, math.ceil(math.log2(max(highest, 1) / _VALUE_STEPS)))
    length = points[-1].at - points[0].at if points else 0.0
    step = 1.0 if whole else max(length / _PLACE_STEPS, 1e-6)
    data = bytearray()
    place, low = None, 0
    for point in points:
        next_place, next_low = round(point.at / step), point.low // quantum
        next_high = next_low if point.high == point.low else -(-point.high // quantum)
        _put(data, _zigzag(next_place) if place is None else max(next_place - place, 0))
        _put(data, _zigzag(next_low - low))
        _put(data, max(next_high - next_low, 0))
        place, low = next_place if place is None else max(next_place, place), next_low
    ends = {"a": points[0].at if points else 0.0, "z": points[-1].at if points else 0.0}
    return {"n": len(points), **ends, "s": step, "q": quantum, "d": base64.b64encode(data).decode("ascii")}


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _put(data: bytearray, value: int) -> None:
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
