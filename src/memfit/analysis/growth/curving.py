"""A series that moves smoothly is judged by the curve it follows: growth must beat every curve that ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from memfit.analysis.growth.fitting import Fit, fit_all
from memfit.analysis.growth.judgement import PAGES, Judgement, round_number
from memfit.analysis.growth.proving import careful_slope, goes_on, is_beyond
from memfit.documents import Growth

_GROWING = ("line", "onset", "bend", "settle_line", "accelerating")
_ENDED = ("flat", "filled", "settled", "slowed")
_OPEN = ("filling", "settling", "slowing")
SURE_MARGIN = 10.0  # of BIC between the best growing and the best ending shape
DOUBT_MARGIN = 6.0
SIMPLER = 6.0  # of BIC: what a bent curve must be better by than a line
SURE_SLOPE = 4.0  # standard errors of the slope at the end
DOUBT_SLOPE = 3.0
_WALKING = 0.7  # of memory between neighbours: from here the level wanders between now and the limit


def judge_curves(x: Any, y: Any) -> Judgement:
    """The class of a skeleton: iterations and bytes."""
    span = float(x[-1] - x[0])
    u = (x - x[0]) / span
    return _judge_fits(fit_all(u, y), u, y, span, float(x[0]))


def _judge_fits(fits: dict[str, Fit], u: Any, y: Any, span: float, first: float) -> Judgement:
    rising = [fits[name] for name in _GROWING if fits[name].slope > 0 and not _concave(fits[name])]
    growing = _simplest(rising) if rising else None
    ended = _simplest([fits[name] for name in _ENDED])
    bending = [fit for fit in fits.values() if _concave(fit)]
    slowing = min([*(fits[name] for name in _OPEN), *bending], key=lambda fit: fit.score)
    slows = growing is None or slowing.score < growing.score - SIMPLER
    if growing is not None and not slows:
        margin = ended.score - growing.score
        sureness, rate, error = careful_slope(growing, u, y)
        going = goes_on(growing, u, y)
        sized = rate > PAGES / 4 and growing.slope * 0.3 > 0
        if margin > DOUBT_MARGIN and sureness > DOUBT_SLOPE and going and sized:
            sure = margin > SURE_MARGIN and sureness > SURE_SLOPE and is_beyond(growing, y)
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
        growth=Growth.UNDETERMINED, is_leak=None, confidence=0.5, needs=round_number(max(needs, 0.2) * span),
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
    return round_number(max(lack**power - 1, 0.2) * span)
