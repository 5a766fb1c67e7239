"""From a rate and a limit to a date with an interval that should hold nine times in ten; none where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from memfit.analysis.growth.judgement import Judgement
from memfit.analysis.growth.rhythm import Rhythm
from memfit.documents import Interval, LimitReached

_WIDTH = 2.2  # standard deviations to either side
_SLACK = 0.03  # of the rate: no leak is a straight line for ever
_RECURRING = 3  # spikes
_FARTHEST = 1e5  # lengths of the series: a date beyond that is none


def limit_reached(
    judgement: Judgement, rhythm: Rhythm, limits: Mapping[str, int], seconds_per_iteration: float | None
) -> LimitReached | None:
    """The limit that is reached first, if any is.

    Args:
        judgement: how the series behaves.
        rhythm: the series taken apart: its peaks reach a limit before its level does.
        limits: bytes of each limit, by name.
        seconds_per_iteration: None gives the date in iterations.
    """
    found = [(name, size, _after(judgement, rhythm, size)) for name, size in limits.items()]
    dated = [(name, size, after) for name, size, after in found if after is not None]
    if not dated:
        return None
    name, size, after = min(dated, key=lambda item: item[2].expected)
    scale = seconds_per_iteration or 1.0
    return LimitReached(
        limit=name,
        limit_bytes=int(size),
        unit="iterations" if seconds_per_iteration is None else "seconds",
        after=Interval(
            low=short(after.low * scale),
            expected=short(after.expected * scale),
            high=None if after.high is None else short(after.high * scale),
        ),
    )


def short(value: float) -> float:
    """A figure to six digits: more are noise.

    >>> short(980000.00000008)
    980000.0
    """
    return float(f"{value:.6g}")


def _after(judgement: Judgement, rhythm: Rhythm, limit: int) -> Interval | None:
    """Iterations from the end until the limit is reached."""
    peak = float(max(rhythm.tops.max(), rhythm.fine_y.max()))
    if peak >= limit:
        return Interval(low=0.0, expected=0.0, high=0.0)
    if judgement.rate <= 0:
        return None
    span = float(rhythm.fine_x[-1] - rhythm.fine_x[0])
    ahead = np.concatenate([[0.0], np.geomspace(span / 1e4, span * _FARTHEST, 6000)])
    above = _headroom(judgement, rhythm)
    level = judgement.end + judgement.rate * ahead
    bent = level + 0.5 * max(judgement.curvature, 0.0) * ahead**2
    doubt = _WIDTH * np.sqrt(
        judgement.spread**2
        + _stair(judgement) ** 2
        + judgement.walk**2 * ahead
        + (judgement.rate_error**2 + (_SLACK * judgement.rate) ** 2) * ahead**2
    )
    low, expected = _first(bent + above + doubt, ahead, limit), _first(bent + above, ahead, limit)
    high = _first((level if judgement.curvature > 0 else bent) + above * 0.3 - doubt, ahead, limit)
    if expected is None or low is None:
        return None
    return Interval(low=min(low, expected), expected=expected, high=None if high is None else max(high, expected))


def _headroom(judgement: Judgement, rhythm: Rhythm) -> float:
    """How far the readings rise above the level at the end: teeth, regular spikes, noise."""
    if judgement.where == "peaks":
        return 0.0
    last = max(len(rhythm.x) // 3, 1)
    above = float(np.median(rhythm.tops[-last:] - rhythm.y[-last:]))
    if rhythm.kind == "plain":
        above = min(above, 3 * judgement.spread)
    return max(above, _spikes_above(rhythm), 0.0)


def _spikes_above(rhythm: Rhythm) -> float:
    """How high the large ones of recurring spikes reach: one of the next will touch the limit first."""
    if rhythm.spikes < _RECURRING:
        return 0.0
    heights = rhythm.spike_tops - np.interp(rhythm.spike_x, rhythm.x, rhythm.y)
    large = float(np.quantile(heights, 0.9))
    return float(np.median(heights[heights >= 0.3 * large])) if large > 0 else 0.0


def _stair(judgement: Judgement) -> float:
    if judgement.stairs is None:
        return 0.0
    return float(np.median(np.abs(judgement.stairs.heights))) / _WIDTH


def _first(curve: np.ndarray, ahead: np.ndarray, limit: int) -> float | None:
    """Where the curve first reaches the limit; None where it never does."""
    reached = np.flatnonzero(curve >= limit)
    if not len(reached):
        return None
    at = int(reached[0])
    if at == 0:
        return float(ahead[0])
    part = (limit - curve[at - 1]) / max(curve[at] - curve[at - 1], 1e-12)
    return float(ahead[at - 1] + part * (ahead[at] - ahead[at - 1]))
