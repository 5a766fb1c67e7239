"""From a skeleton and its rhythm to a class: growth must beat every shape that ends, survive the removal of level
shifts, hold under noise that remembers, go on in the last part, and have a size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memfit.analysis.growth.fitting import Fit, fit_all, slope_under
from memfit.analysis.growth.rhythm import Rhythm, is_regular, noise
from memfit.analysis.growth.stairs import Stairs, stairs
from memfit.documents import Growth

FEWEST_READINGS = 20  # below, a warm-up and a leak look alike
FEWEST_POINTS = 8  # teeth or periods, below which no curve is told from another
_GROWING = ("line", "onset", "bend", "settle_line", "accelerating")
_ENDED = ("flat", "filled", "settled", "slowed")
_OPEN = ("filling", "settling", "slowing")
SURE_MARGIN = 10.0  # of BIC between the best growing and the best ending shape
DOUBT_MARGIN = 6.0
SIMPLER = 6.0  # of BIC: what a bent curve must be better by than a line
SURE_SLOPE = 4.0  # standard errors of the slope at the end
DOUBT_SLOPE = 3.0
_LATEST_ONSET = 0.75  # of the series: growth that began later has not been seen for long enough
_WALKING = 0.7  # of memory between neighbours: from here the level wanders between now and the limit
_STILL_GROWING = 0.4  # of the expected growth must be seen in the last 30 %
SMALL_RATE = 2048.0  # bytes per iteration: lists of metrics, handles, log records; a tensor with a graph is more
_SMALL_PART = 0.02  # of the level: what such a list may have gathered
_LEVEL_PART = 0.1  # of a tooth: what floors may differ by and be level
_PAGES = 16384.0  # bytes: growth below four pages over all is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a skeleton says.

    Args:
        growth: the class.
        is_leak: whether it grows without an end; None when that cannot be told.
        confidence: 0 to 1.
        rate: bytes per iteration at the end.
        rate_error: its standard error.
        curvature: bytes per iteration squared, where the growth accelerates.
        walk: standard deviation that the level gathers in one iteration, for forecasts.
        spread: standard deviation of the readings around the curve.
        end: the level at the end in bytes.
        start: at the start.
        settles_at: where a saturating curve ends.
        levels: the levels of a series that moves in steps.
        needs: how many more iterations would tell.
        since: the iteration from which it grows, where that is not the first.
        where: "floor" or "peaks".
        stairs: the jumps, where there are some.
    """

    growth: Growth
    is_leak: bool | None
    confidence: float
    rate: float = 0.0
    rate_error: float = 0.0
    curvature: float = 0.0
    walk: float = 0.0
    spread: float = 0.0
    end: float = 0.0
    start: float = 0.0
    settles_at: float | None = None
    levels: tuple[float, ...] = ()
    needs: int | None = None
    since: float | None = None
    where: str = "floor"
    stairs: Stairs | None = None


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
        return _judge_stairs(jumps, rhythm.fine_x, rhythm.fine_y)
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
    if span <= 0 or np.ptp(y) <= max(_PAGES / 4, 1e-5 * float(y.max()), 0.03 * amplitude):
        return _constant(y, span)
    if len(x) < FEWEST_POINTS:
        return _judge_few(x, y, span, amplitude)
    u = (x - x[0]) / span
    return _judge_fits(fit_all(u, y), u, y, span, float(x[0]))


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


# --- jumps ---------------------------------------------------------------------------------------------------------


def _judge_stairs(jumps: Stairs, x: Any, y: Any) -> Judgement:
    span = float(x[-1] - x[0])
    known: dict[str, Any] = {
        "start": jumps.levels[0], "end": jumps.levels[-1], "levels": jumps.levels, "stairs": jumps,
        "spread": noise(y),
    }  # fmt: skip
    climbs = jumps.rise >= 0.7
    goes_on = climbs and jumps.waiting <= (1.5 if jumps.regular else 4.0) and jumps.lateness >= -2.0
    if goes_on and jumps.up >= 4 and (jumps.up >= 7 or jumps.regular):
        rate, error = _stair_rate(jumps, span)
        confidence = min(0.99, 0.75 + 0.03 * jumps.up)
        return Judgement(
            growth=Growth.STEPWISE_LEAK, is_leak=True, confidence=confidence, rate=rate, rate_error=error,
            walk=_stair_walk(jumps, span), **known,
        )  # fmt: skip
    slows = jumps.lateness < -2.2 or jumps.waiting > (1.5 if jumps.regular else 5.0)
    if climbs and not slows and jumps.up >= 3 and (jumps.regular or jumps.up >= 6):
        distance = span / jumps.up
        return Judgement(growth=Growth.UNDETERMINED, is_leak=None, confidence=0.5, needs=_whole(4 * distance), **known)
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
    needs = _whole((FEWEST_POINTS - len(y) + 1) * span / max(len(y) - 1, 1))
    growth = Growth.UNDETERMINED if y[-1] > y[0] else Growth.SHRINKING
    is_leak = None if y[-1] > y[0] else False
    return Judgement(growth=growth, is_leak=is_leak, confidence=0.5, rate=rate, needs=needs, **known)


# --- curves --------------------------------------------------------------------------------------------------------


def _judge_fits(fits: dict[str, Fit], u: Any, y: Any, span: float, first: float) -> Judgement:
    rising = [fits[name] for name in _GROWING if fits[name].slope > 0 and not _concave(fits[name])]
    growing = _simplest(rising) if rising else None
    ended = _simplest([fits[name] for name in _ENDED])
    bending = [fit for fit in fits.values() if _concave(fit)]
    slowing = min([*(fits[name] for name in _OPEN), *bending], key=lambda fit: fit.score)
    slows = growing is None or slowing.score < growing.score - SIMPLER
    if growing is not None and not slows:
        margin = ended.score - growing.score
        sureness, rate, error = _careful_slope(growing, u, y)
        going = _going_on(growing, u, y)
        sized = rate > _PAGES / 4 and growing.slope * 0.3 > 0
        if margin > DOUBT_MARGIN and sureness > DOUBT_SLOPE and going and sized:
            sure = margin > SURE_MARGIN and sureness > SURE_SLOPE and _beyond(growing, y)
            return _growing(growing, u, y, span, first, margin, sureness, error, sure=sure)
    ending = slowing if slows and slowing.score < ended.score - SIMPLER else ended
    return _ending(ending, growing, u, span)


def _concave(fit: Fit) -> bool:
    """A parabola that rises ever more slowly: on its way to an end, if it has one."""
    return fit.shape.family == "accelerating" and 0 < fit.slope < fit.smooth[-1] - fit.smooth[0]


def _simplest(fits: list[Fit]) -> Fit:
    """The best of the fits, or the first (a line) where it is nearly as good."""
    best = min(fits, key=lambda fit: fit.score)
    return fits[0] if fits[0].score <= best.score + SIMPLER else best


def _careful_slope(fit: Fit, u: Any, y: Any) -> tuple[float, float, float]:
    """Slope over error, slope and error, with the memory of the noise corrected for its bias in short series."""
    terms = 1 + fit.shape.cost + len(fit.shifts)
    memory = min(1.0, fit.memory + terms * (1 + fit.memory) / len(u)) if fit.memory else 0.0
    slope, error = slope_under(fit, u, y, memory)
    error = max(error, 1e-9)
    return min(slope / error, fit.sureness), slope, error


def _going_on(fit: Fit, u: Any, y: Any) -> bool:
    """Whether the last 30 % of the series still grow as the curve says, level shifts aside."""
    rest = y - (fit.fitted - fit.smooth)
    last = u >= 0.7
    if last.sum() < 4:
        last = np.arange(len(u)) >= len(u) - 4
    half = last.sum() // 2
    seen = float(np.median(rest[last][-half:]) - np.median(rest[last][:half]))
    told = float(np.median(fit.smooth[last][-half:]) - np.median(fit.smooth[last][:half]))
    return told > 0 and seen >= _STILL_GROWING * told and not _given_back(fit)


def _beyond(fit: Fit, y: Any) -> bool:
    """Whether the growth has lasted, and is more than the series fell before: what swings comes up again as well."""
    if fit.shape.family in ("onset", "bend") and fit.shape.bent > _LATEST_ONSET:
        return False
    width = max(len(y) // 30, 1)
    calm = np.array([np.median(y[max(at - width, 0) : at + width + 1]) for at in range(len(y))])
    fallen = float((np.maximum.accumulate(calm) - calm).max())
    return float(fit.smooth[-1] - fit.smooth.min()) > fallen


def _given_back(fit: Fit) -> bool:
    """Whether a level shift took back half of what had grown, and the level has not come above that since."""
    for place, size in zip(fit.shifts, fit.shift_bytes, strict=True):
        before = float(fit.fitted[:place].max())
        if size < 0 and -size > 0.5 * (before - fit.fitted[0]) and fit.fitted[-1] < before - 0.5 * size:
            return True
    drops = [-size for size in fit.shift_bytes if size < 0]
    return len(drops) >= 2 and sum(drops) > 0.5 * float(fit.smooth[-1] - fit.smooth[0])


def _growing(
    fit: Fit, u: Any, y: Any, span: float, first: float, margin: float, sureness: float, error: float, *, sure: bool
) -> Judgement:
    accelerating = fit.shape.family == "accelerating"
    knot = fit.shape.bent if fit.shape.family in ("onset", "bend") else 0.0
    curvature = 2 * (fit.slope - (fit.smooth[-1] - fit.smooth[0])) / span**2 if accelerating else 0.0
    return Judgement(
        growth=_smooth_name(accelerating and curvature > 0, sure),
        is_leak=True if sure else None,
        confidence=_confidence(margin, sureness),
        rate=fit.slope / span,
        rate_error=max(error, fit.slope_error) / span,
        curvature=float(curvature),
        walk=fit.error * np.sqrt(len(u) / span) if fit.memory >= _WALKING else 0.0,
        spread=fit.spread,
        start=float(fit.fitted[0]),
        end=float(fit.fitted[-1]),
        since=first + knot * span if knot > 0.1 else None,
        needs=None if sure else _needed(sureness, span, fit.memory),
    )


def _smooth_name(accelerating: bool, sure: bool) -> Growth:
    if not sure:
        return Growth.UNDETERMINED
    return Growth.ACCELERATING if accelerating else Growth.LINEAR_LEAK


def _ending(fit: Fit, growing: Fit | None, u: Any, span: float) -> Judgement:
    family, bent = fit.shape.family, fit.shape.bent
    known: dict[str, Any] = {
        "start": float(fit.fitted[0]), "end": float(fit.fitted[-1]), "spread": fit.spread,
        "walk": fit.error * np.sqrt(len(u) / span) if fit.memory >= _WALKING else 0.0,
    }  # fmt: skip
    margin = (growing.score - fit.score) if growing is not None else 20.0
    confidence = _confidence(max(margin, 0.0) + 6, 6.0)
    if family == "flat":
        return _flat(fit, known, confidence)
    rise = float(fit.smooth[-1] - fit.smooth[0])
    if rise <= 0:
        return Judgement(growth=Growth.SHRINKING, is_leak=False, confidence=confidence, rate=fit.slope / span, **known)
    if family in _ENDED:
        return Judgement(
            growth=Growth.SATURATING, is_leak=False, confidence=confidence,
            settles_at=_settles_at(fit), rate=fit.slope / span, **known,
        )  # fmt: skip
    needs = {"filling": bent - 0.6, "settling": 3 * bent - 1}.get(family, 2.0)
    return Judgement(
        growth=Growth.UNDETERMINED, is_leak=None, confidence=0.5, needs=_whole(max(needs, 0.2) * span),
        settles_at=_settles_at(fit), rate=fit.slope / span, rate_error=fit.slope_error / span, **known,
    )  # fmt: skip


def _settles_at(fit: Fit) -> float | None:
    if fit.shape.family in ("settled", "settling"):
        return float(fit.fitted[-1] + fit.slope * fit.shape.bent)
    return float(fit.fitted[-1]) if fit.shape.family in ("filled", "filling") else None


def _flat(fit: Fit, known: dict[str, Any], confidence: float) -> Judgement:
    if fit.memory >= 0.95:
        return Judgement(growth=Growth.WANDERING, is_leak=False, confidence=min(confidence, 0.9), **known)
    if not fit.shifts:
        return Judgement(growth=Growth.CONSTANT, is_leak=False, confidence=confidence, **known)
    levels = fit.smooth[0] + np.concatenate([[0.0], np.cumsum(fit.shift_bytes)])
    growth = Growth.ONE_TIME_STEP if len(fit.shifts) == 1 else Growth.SEVERAL_STEPS
    if len(fit.shifts) >= 3 and min(fit.shift_bytes) < 0 < max(fit.shift_bytes):
        growth = Growth.WANDERING
    return Judgement(
        growth=growth, is_leak=False, confidence=confidence, levels=tuple(float(it) for it in levels), **known
    )


def _confidence(margin: float, sureness: float) -> float:
    """From the weaker of the two proofs, 0.5 where they say nothing; never certain."""
    weaker = min(margin / 2, sureness - 2)
    return float(np.clip(1 / (1 + np.exp(-weaker)), 0.5, 0.99))


def _needed(sureness: float, span: float, memory: float) -> int:
    lack = SURE_SLOPE * 1.3 / max(sureness, 1.0)
    power = 2.0 if memory >= 0.95 else 2 / 3  # how the error of a slope falls with the length
    return _whole(max(lack**power - 1, 0.2) * span)


def _whole(iterations: float) -> int:
    """A round number of iterations: "about so many" is not known to the last digit."""
    digits = max(int(np.floor(np.log10(max(iterations, 1.0)))), 0)
    unit = 10**digits if digits == 0 else 10 ** (digits - 1) * 5
    return int(np.ceil(iterations / unit) * unit)


# --- names ---------------------------------------------------------------------------------------------------------


def _named(found: Judgement, rhythm: Rhythm) -> Judgement:
    """The rhythm gives a growing or a level skeleton its name."""
    if found.is_leak and found.where == "floor" and rhythm.kind == "teeth":
        found = replace(found, growth=Growth.RISING_SAW_TOOTH)
    grown = found.end - found.start
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
