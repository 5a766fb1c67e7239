"""From a series taken apart to its class: by its jumps, by its curve, by a handful of teeth, and by its peaks.

The rhythm gives a level or a growing skeleton its name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from memfit.analysis.growth.curving import judge_curves
from memfit.analysis.growth.judgement import PAGES, Judgement, round_number
from memfit.analysis.growth.jumping import judge_stairs
from memfit.analysis.growth.rhythm import Rhythm, is_regular
from memfit.analysis.growth.stairs import Stairs, stairs
from memfit.documents import Growth

FEWEST_READINGS = 20  # below, a warm-up and a leak look alike
FEWEST_POINTS = 8  # teeth or periods, below which no curve is told from another
SMALL_RATE = 2048.0  # bytes per iteration: lists of metrics, handles, log records; a tensor with a graph is more
_SMALL_PART = 0.02  # of the level: what such a list may have gathered
_LEVEL_PART = 0.1  # of a tooth: what floors may differ by and be level


def judge(rhythm: Rhythm, samples: int) -> Judgement:
    """The class of a series taken apart."""
    if samples < FEWEST_READINGS or len(rhythm.x) < 3:
        return _too_short(rhythm, samples)
    found = _judge_line(rhythm, rhythm.x, rhythm.y)
    if found.is_leak is not True:
        tops = _judge_peaks(rhythm)
        if tops is not None and tops.is_leak:
            found = replace(tops, where="peaks")
    return _named(found, rhythm)


def _judge_peaks(rhythm: Rhythm) -> Judgement | None:
    """The tops of teeth and periods, or of spikes, as a series of their own: growth that shows only there."""
    if rhythm.kind != "plain":
        return _judge_points(rhythm.x, rhythm.tops, rhythm.amplitude)
    if rhythm.spikes >= 5:
        heights = rhythm.spike_tops - float(np.median(rhythm.y))
        large = heights > 0.3 * float(np.quantile(heights, 0.9))
        if large.sum() >= 5 and is_regular(rhythm.spike_x[large]):
            return _judge_points(rhythm.spike_x[large], rhythm.spike_tops[large], rhythm.spike_bytes)
    return None


def _too_short(rhythm: Rhythm, samples: int) -> Judgement:
    level = float(np.median(rhythm.y)) if len(rhythm.y) else 0.0
    return Judgement(
        growth=Growth.UNDETERMINED,
        is_leak=None,
        confidence=0.0,
        needs=max(2 * FEWEST_READINGS - samples, FEWEST_READINGS // 2),
        start=level,
        end=level,
    )


def _judge_line(rhythm: Rhythm, x: Any, y: Any) -> Judgement:
    jumps = stairs(rhythm.fine_x, rhythm.fine_y)
    if jumps is not None and _tells(jumps, rhythm):
        return judge_stairs(jumps, rhythm.fine_x, rhythm.fine_y)
    start = _after_release(rhythm.y) if rhythm.kind == "plain" else 0
    return _judge_points(x[start:], y[start:], rhythm.amplitude)


def _after_release(y: Any) -> int:
    """The point after an early drop from a level: what was set up and freed is no part of the growth since."""
    width = 3
    for place in range(width, max(len(y) // 4, width) + 1):
        before, after = float(np.median(y[:place][-width:])), float(np.median(y[place : place + width]))
        fall = before - after
        if fall > 0.25 * float(np.ptp(y)) and abs(before - float(np.median(y[:width]))) < 0.3 * fall:
            return place + width - 1 - int(np.argmin(y[place : place + width][::-1] > after + 0.5 * fall))
    return 0


def _judge_points(x: Any, y: Any, amplitude: float) -> Judgement:
    span = float(x[-1] - x[0])
    if span <= 0 or np.ptp(y) <= max(PAGES / 4, 1e-5 * float(y.max()), 0.03 * amplitude):
        return _constant(y, span)
    if len(x) < FEWEST_POINTS:
        return _judge_few(x, y, span, amplitude)
    return judge_curves(x, y)


def _tells(jumps: Stairs, rhythm: Rhythm) -> bool:
    """Whether there are jumps enough to speak of stairs; a few are left to the curves and their level shifts."""
    if rhythm.kind != "plain" and (jumps.up < 5 or jumps.rise <= 0.9):
        return False
    return jumps.up >= 5 or (jumps.up >= 3 and jumps.regular)


def _constant(y: Any, span: float) -> Judgement:
    level = float(np.median(y))
    return Judgement(
        growth=Growth.CONSTANT, is_leak=False, confidence=0.97, start=level, end=level, spread=float(np.std(y))
    )


def _judge_few(x: Any, y: Any, span: float, amplitude: float) -> Judgement:
    """A handful of teeth or periods: level, or rising by the same each time, or not to be told yet."""
    rises = np.diff(y)
    known: dict[str, Any] = {"start": float(y[0]), "end": float(y[-1]), "spread": float(np.std(rises))}
    if np.ptp(y) <= _LEVEL_PART * amplitude:
        return Judgement(growth=Growth.CONSTANT, is_leak=False, confidence=0.8, **known)
    alike = rises.min() > 0 and rises.std() <= 0.25 * rises.mean()
    if alike and len(rises) >= 4:
        rate = float(y[-1] - y[0]) / span
        error = float(rises.std() / np.sqrt(len(rises)) / (span / len(rises)))
        return Judgement(
            growth=Growth.LINEAR_LEAK, is_leak=True, confidence=0.8, rate=rate, rate_error=max(error, 0.01 * rate),
            **known,
        )  # fmt: skip
    rate = float(y[-1] - y[0]) / span if alike else 0.0
    needs = round_number((FEWEST_POINTS - len(y) + 1) * span / max(len(y) - 1, 1))
    growth = Growth.UNDETERMINED if y[-1] > y[0] else Growth.SHRINKING
    is_leak = None if y[-1] > y[0] else False
    return Judgement(growth=growth, is_leak=is_leak, confidence=0.5, rate=rate, needs=needs, **known)


def _named(found: Judgement, rhythm: Rhythm) -> Judgement:
    """The rhythm gives a growing or a level skeleton its name."""
    if found.is_leak and found.where == "floor" and rhythm.kind == "teeth":
        found = replace(found, growth=Growth.RISING_SAW_TOOTH)
    grown = found.rate * float(rhythm.fine_x[-1] - rhythm.fine_x[0]) if len(rhythm.fine_x) else 0.0
    if found.is_leak and found.rate < SMALL_RATE and grown < _SMALL_PART * max(found.end, 1.0):
        return replace(found, growth=Growth.LOG_ACCUMULATION, is_leak=False)
    if found.growth in (Growth.CONSTANT, Growth.WANDERING) or (
        found.growth is Growth.SEVERAL_STEPS and rhythm.kind != "plain"
    ):
        return replace(found, growth=_event_name(rhythm) or found.growth)
    return found


def _event_name(rhythm: Rhythm) -> Growth | None:
    if rhythm.kind == "teeth":
        return Growth.SAW_TOOTH
    if rhythm.kind == "period" or (rhythm.regular and rhythm.spikes >= 3):
        return Growth.PERIODIC_SPIKES
    if rhythm.head_bytes > 0:
        return Growth.ONE_TIME_STEP
    if rhythm.spikes and rhythm.spike_bytes > 0.01 * float(np.median(rhythm.y)):
        return Growth.TRANSIENT_SPIKE
    return None
