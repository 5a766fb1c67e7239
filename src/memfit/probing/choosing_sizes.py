"""Which sizes a sweep probes: from small up to a share of the target, further where that is cheap and shows more."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from memfit.probing.law import TRUSTED_BYTES, Point, fit_law
from memfit.probing.planning import Plan
from memfit.probing.watching import Reading
from memfit.quantities import MIB

_FIRST_SHARE = 1 / 1024  # of the target: the first probe
_LARGEST_SHARE = 1 / 5  # of the target: no probe beyond, so that probing stays far below the job itself
# Of a target that n² decides a fifth shows a twenty-fifth, which drowns in first-call overhead: half of it takes a
# quarter of the memory, and is tried where it takes little time.
_LARGEST_SHARE_OF_SQUARES = 1 / 2
_LEAP = 8  # times a size that shows nothing
_LEAP_OF_SQUARES = 3
_LITTLE_S = 10.0
_HALF_TAKES = 0.5  # of the whole, at most; a square alone takes a quarter
_LITTLE_BYTES = 128 * MIB  # what takes no more is probed up to half of it, whatever its law
_ENOUGH_TO_TELL = 3  # points
_PAST = 1.1  # times a size beyond which another way of working is known
_PAST_SHARE = 0.6  # of the target, at most


def sizes(plan: Plan, readings: Sequence[Reading]) -> Iterator[int]:
    """The given sizes; or from small up to a share of the target, faster while too little is seen.

    Args:
        plan: what is wanted.
        readings: what the sizes before have shown; it grows meanwhile.
    """
    if plan.sizes is not None:
        yield from plan.sizes
        return
    target = plan.target or 1
    largest = max(math.ceil(target * _LARGEST_SHARE), min(plan.smallest, target))
    passed = max((each for each in plan.switches if each < largest / 2), default=0)
    size = min(max(math.ceil(target * _FIRST_SHARE), plan.smallest), largest)
    while True:
        yield size
        if size >= largest:
            break
        size = min(_next(size, readings[-1], passed, _LEAP_OF_SQUARES if "n2" in plan.terms else _LEAP), largest)
    further: dict[int, Callable[[Plan, Sequence[Reading], int], bool]] = {}
    further |= {math.ceil(target * _LARGEST_SHARE_OF_SQUARES): _worth_half}
    further |= {math.ceil(each * _PAST): _is_little for each in plan.switches if each * _PAST < target * _PAST_SHARE}
    for each, worth in sorted(further.items()):
        if each > readings[-1].size and worth(plan, readings, each):
            yield each


def points_of(plan: Plan, readings: Sequence[Reading]) -> list[Point]:
    """What the probes that succeeded have shown, without what is known to follow no law of the size."""
    told = ((each.size, each.rise_bytes) for each in readings if each.rise_bytes is not None)
    return [Point(size=size, rise_bytes=max(rise - plan.histograms_at(size), 0)) for size, rise in told]


def _next(size: int, last: Reading, passed: int, leap: int) -> int:
    """Double; leap from what is too small to show anything; past a switch at once, once the cost is known."""
    small = last.rise_bytes is None or last.rise_bytes < TRUSTED_BYTES
    following = size * leap if small and last.wall_s < 2 else size * 2
    return max(following, math.ceil(passed * 1.1)) if last.rise_bytes is not None and last.seconds < 2 else following


def _worth_half(plan: Plan, readings: Sequence[Reading], half: int) -> bool:
    """Of squares where it takes a part of the whole; of all else where it takes little."""
    if "n2" not in plan.terms:
        return _is_little(plan, readings, half) or _is_little_by_law(plan, readings, half)
    points = points_of(plan, readings)
    if not points or not _is_quick(readings[-1], half):
        return False
    law = fit_law(points, terms=plan.terms, caps_bytes=plan.caps_bytes)
    return law.at(half) < _HALF_TAKES * law.at(plan.target or 1)  # a cache that is full by then: no need


def _is_little(plan: Plan, readings: Sequence[Reading], size: int) -> bool:
    """Whether a size takes little time and memory, even where both grow with the square."""
    last = readings[-1]
    if last.rise_bytes is None or not _is_quick(last, size):
        return False
    return max(last.rise_bytes, TRUSTED_BYTES) * (size / last.size) ** 2 < _LITTLE_BYTES


def _is_little_by_law(plan: Plan, readings: Sequence[Reading], size: int) -> bool:
    """The same of what is known to fill on the way, and grows by a line at most: its law tells from three points on."""
    last = readings[-1]
    solid = [point for point in points_of(plan, readings) if point.rise_bytes >= TRUSTED_BYTES]
    if last.rise_bytes is None or len(solid) < _ENOUGH_TO_TELL or last.size >= plan.fills:
        return False
    rise = fit_law(solid, terms=plan.terms, caps_bytes=plan.caps_bytes).range_at(size).high
    return rise < _LITTLE_BYTES and last.wall_s * size / last.size < _LITTLE_S


def _is_quick(last: Reading, size: int) -> bool:
    return last.wall_s * (size / last.size) ** 2 < _LITTLE_S
