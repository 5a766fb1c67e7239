"""One memory with its companion series, from readings to a diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from memfit.analysis.growth import companions
from memfit.analysis.growth.forecast import limit_reached, short
from memfit.analysis.growth.judgement import Judgement
from memfit.analysis.growth.judging import judge
from memfit.analysis.growth.rhythm import Rhythm, take_apart
from memfit.analysis.growth.series import Series, clean, numbers
from memfit.analysis.growth.wording import words
from memfit.documents import Diagnosis, Growth, Horizon, Interval, SeriesDiagnosis, worst_first
from memfit.errors import UsageError

_CURVE_POINTS = 160
_QUANTILE = 1.64  # standard errors: nine times in ten
_SLACK = 0.02  # of a rate, whatever its error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    series: Series
    rhythm: Rhythm
    judgement: Judgement
    limited: bool = True  # what does not run out (summed resident sizes, live bytes) meets no limit


def diagnose(
    readings: Any,
    *,
    seconds: Any,
    iterations: Any,
    companions_of: Mapping[str, Any],
    limits: Mapping[str, int],
    pool: str,
    name: str,
    notes: tuple[str, ...],
    target: Mapping[str, Any],
) -> Diagnosis:
    """The diagnosis of one memory; the arguments are those of memfit.analysis.diagnose_series."""
    first = _judged(readings, seconds, iterations, name, notes)
    found = [(name, first)]
    for kind, values in companions_of.items():
        if values is not None:
            found.append(_with(kind, readings, values, first, found, seconds, iterations, name))
    main = found[0][1]
    return Diagnosis(
        target=target,
        series=worst_first(tuple(_told(label, item, limits, pool) for label, item in [(name, main), *found[1:]])),
    )


def _with(
    kind: str, readings: Any, values: Any, first: _Judged, found: list[tuple[str, _Judged]], seconds: Any,
    iterations: Any, name: str,
) -> tuple[str, _Judged]:  # fmt: skip
    """Judge a companion, and let it change what is said of the first series."""
    own = numbers(values, f"{kind} bytes")
    main = numbers(readings, name)
    if len(own) != len(main):
        raise UsageError(
            f"there are {len(main)} {name} and {len(own)} {kind} readings: expected one for each", slug="series-lengths"
        )
    if kind == "swap":
        both = _judged(main + own, seconds, iterations, f"{name} + swap")
        return f"{name} + swap", replace(both, judgement=companions.with_swap(first.judgement, both.judgement))
    label = {"peak": f"{name} peaks", "summed": f"{name}, summed resident", "live": f"{name}, live"}[kind]
    other = replace(_judged(own, seconds, iterations, label), limited=kind == "peak")
    if kind == "summed":
        changed = companions.shared(first.judgement, other.judgement, other.judgement.end)
        found[0] = (name, replace(first, judgement=changed))
    if kind == "live":
        found[0] = (name, replace(first, judgement=companions.retained(found[0][1].judgement, other.judgement)))
    return label, other


def _judged(readings: Any, seconds: Any, iterations: Any, name: str, notes: tuple[str, ...] = ()) -> _Judged:
    series = clean(readings, seconds=seconds, iterations=iterations, name=name, notes=notes)
    rhythm = take_apart(series)
    return _Judged(series=series, rhythm=rhythm, judgement=judge(rhythm, series.samples))


def _told(name: str, item: _Judged, limits: Mapping[str, int], pool: str) -> SeriesDiagnosis:
    series, rhythm, judgement = item.series, item.rhythm, item.judgement
    pace = _seconds_per_iteration(series)
    said = words(judgement, rhythm, series.samples)
    rate = _rate(judgement)
    per_second = None if rate is None or pace is None else _scaled(rate, 1 / pace)
    return SeriesDiagnosis(
        pool=pool,
        name=name,
        growth=judgement.growth,
        is_leak=judgement.is_leak,
        confidence=round(judgement.confidence, 3),
        horizon=_horizon(series),
        evidence=said.evidence,
        bytes_per_iteration=rate,
        bytes_per_second=per_second,
        limit_reached=_date(judgement, rhythm, limits if item.limited else {}, pace),
        culprit=said.culprit,
        advice=said.advice,
        needs_iterations=judgement.needs,
        start_bytes=_whole(judgement.start),
        end_bytes=_whole(judgement.end),
        peak_bytes=_whole(series.high.max()) if len(series.high) else 0,
        levels_bytes=tuple(_whole(level) for level in judgement.levels),
        curve_bytes=_curve(series),
        notes=series.notes,
    )


def _date(judgement: Judgement, rhythm: Rhythm, limits: Mapping[str, int], pace: float | None) -> Any:
    """A date where the shape gives one; copies between workers end where nothing is shared any more."""
    if judgement.growth is Growth.COPY_ON_WRITE and judgement.settles_at is not None:
        limits = {name: size for name, size in limits.items() if size <= judgement.settles_at}
    dated = judgement.is_leak or judgement.growth in (
        Growth.LOG_ACCUMULATION, Growth.COPY_ON_WRITE, Growth.ALLOCATOR_RETENTION,
    )  # fmt: skip
    reached = len(rhythm.y) and any(float(rhythm.tops.max()) >= size for size in limits.values())
    return limit_reached(judgement, rhythm, limits, pace) if (dated or reached) and limits else None


def _rate(judgement: Judgement) -> Interval | None:
    if judgement.rate == 0 or judgement.growth in (Growth.SATURATING, Growth.CONSTANT):
        return None
    width = _QUANTILE * judgement.rate_error + _SLACK * abs(judgement.rate)
    return Interval(
        low=short(judgement.rate - width), expected=short(judgement.rate), high=short(judgement.rate + width)
    )


def _scaled(interval: Interval, factor: float) -> Interval:
    high = None if interval.high is None else short(interval.high * factor)
    return Interval(low=short(interval.low * factor), expected=short(interval.expected * factor), high=high)


def _seconds_per_iteration(series: Series) -> float | None:
    """The pace of the later half; None where times are unknown or stand still."""
    if series.seconds is None or len(series.x) < 2:
        return None
    half = len(series.x) // 2
    steps = float(series.x[-1] - series.x[half])
    passed = float(series.seconds[-1] - series.seconds[half])
    return passed / steps if steps > 0 and passed > 0 else None


def _horizon(series: Series) -> Horizon:
    known = series.seconds is not None and len(series.x) > 0
    return Horizon(
        samples=series.samples,
        iterations=float(series.x[-1] - series.x[0]) if len(series.x) else 0.0,
        seconds=float(np.ptp(series.seconds)) if known else None,
    )


def _curve(series: Series) -> tuple[int, ...]:
    """The series thinned for drawing: the highest reading of each part."""
    if not len(series.high):
        return ()
    count = min(len(series.high), _CURVE_POINTS)
    edges = np.linspace(0, len(series.high), count + 1).astype(int)[:-1]
    return tuple(_whole(value) for value in np.maximum.reduceat(series.high, edges))


def _whole(value: float) -> int:
    return round(float(value))
