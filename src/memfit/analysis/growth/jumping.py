"""A series that moves in jumps is judged by its jumps: how many, how regular, and whether they go on."""

from __future__ import annotations

from typing import Any

import numpy as np

from memfit.analysis.growth.judgement import Judgement, round_number
from memfit.analysis.growth.rhythm import noise
from memfit.analysis.growth.stairs import Stairs
from memfit.documents import Growth


def judge_stairs(jumps: Stairs, x: Any, y: Any) -> Judgement:
    """The class of a series with these jumps."""
    span = float(x[-1] - x[0])
    known: dict[str, Any] = {
        "start": jumps.levels[0], "end": jumps.levels[-1], "levels": jumps.levels, "stairs": jumps,
        "spread": noise(y),
    }  # fmt: skip
    climbs = jumps.rise >= 0.7
    goes_on = climbs and jumps.waiting <= (1.5 if jumps.regular else 4.0) and jumps.lateness >= -2.0
    if goes_on and jumps.up >= 4 and (jumps.regular or (jumps.up >= 7 and jumps.rise >= 0.9)):
        rate, error = _stair_rate(jumps, span)
        confidence = min(0.99, 0.75 + 0.03 * jumps.up)
        return Judgement(
            growth=Growth.STEPWISE_LEAK, is_leak=True, confidence=confidence, rate=rate, rate_error=error,
            walk=_stair_walk(jumps, span), **known,
        )  # fmt: skip
    slows = jumps.lateness < -2.2 or jumps.waiting > (1.5 if jumps.regular else 5.0)
    if climbs and not slows and jumps.up >= 3 and (jumps.regular or jumps.up >= 5):
        distance = span / jumps.up
        return Judgement(
            growth=Growth.UNDETERMINED, is_leak=None, confidence=0.5, needs=round_number(4 * distance), **known
        )
    if jumps.up >= 5 and slows and climbs:
        return Judgement(growth=Growth.SATURATING, is_leak=False, confidence=0.85, **known)
    growth = Growth.ONE_TIME_STEP if len(jumps.heights) == 1 else Growth.SEVERAL_STEPS
    if jumps.rise <= -0.7:
        growth = Growth.SHRINKING
    return Judgement(growth=growth, is_leak=False, confidence=0.95 if len(jumps.heights) < 3 else 0.85, **known)


def _stair_walk(jumps: Stairs, span: float) -> float:
    """Regular jumps differ in height alone; irregular ones come by chance as well."""
    heights = np.array(jumps.heights)
    each = float(np.std(heights)) if jumps.regular else float(np.sqrt(np.mean(heights**2)))
    return each * float(np.sqrt(jumps.up / span))


def _stair_rate(jumps: Stairs, span: float) -> tuple[float, float]:
    ups = [(place, h) for place, h in zip(jumps.places, jumps.heights, strict=True)]
    places = np.array([place for place, _ in ups])
    heights = np.array([height for _, height in ups])
    usual = float(np.median(heights[heights > 0]))
    kept = heights < 4 * usual  # a jump far above the others is a step of its own
    places, heights = places[kept], heights[kept]
    length = float(places[-1] - places[0])
    rate = float(heights[1:].sum() / length) if length > 0 else float(heights.sum() / span)
    relative = np.sqrt((np.std(heights) / max(heights.mean(), 1.0)) ** 2 + _relative_spread(np.diff(places)) ** 2)
    return rate, float(max(rate * relative / np.sqrt(len(heights)), 0.01 * rate))


def _relative_spread(values: Any) -> float:
    return float(np.std(values) / max(np.mean(values), 1e-12)) if len(values) else 1.0
