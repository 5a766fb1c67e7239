"""The diagnosis as JSON and back, by the contract of docs/json.md. The worst series stands at the top once more.

Schema history:
    1  memfit 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memfit.documents.diagnosis import Diagnosis, Growth, Hindrance, Horizon, Interval, LimitReached, SeriesDiagnosis
from memfit.documents.kinds.fields import number, number_or_none, size, text, truth, whole, words
from memfit.documents.kinds.kind import Kind


def _to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    worst = _series_to_json(diagnosis.worst)
    shown = ("growth", "is_leak", "confidence", "bytes_per_iteration", "bytes_per_second", "limit_reached", "evidence")
    return {
        "target": dict(diagnosis.target),
        **{name: worst[name] for name in shown},
        "series": [_series_to_json(item) for item in diagnosis.series],
        "environment": dict(diagnosis.environment),
        "hindrances": [asdict(each) for each in diagnosis.hindrances],
    }


def _from_json(data: Mapping[str, Any]) -> Diagnosis:
    return Diagnosis(
        target=dict(data["target"]),
        series=tuple(_series_from_json(item) for item in data["series"]),
        environment=dict(data.get("environment", {})),
        hindrances=tuple(
            Hindrance(
                what=text(each["what"]),
                slows=truth(each["slows"]),
                share=number_or_none(each["share"]),
                text=text(each["text"]),
            )
            for each in data.get("hindrances", ())
        ),
    )


def _series_to_json(item: SeriesDiagnosis) -> dict[str, Any]:
    horizon = item.horizon
    return {
        "pool": item.pool,
        "name": item.name,
        "growth": item.growth.value,
        "is_leak": item.is_leak,
        "confidence": item.confidence,
        "bytes_per_iteration": _interval_to_json(item.bytes_per_iteration),
        "bytes_per_second": _interval_to_json(item.bytes_per_second),
        "limit_reached": _limit_to_json(item.limit_reached),
        "horizon": {"samples": horizon.samples, "iterations": horizon.iterations, "seconds": horizon.seconds},
        "evidence": item.evidence,
        "culprit": item.culprit,
        "advice": list(item.advice),
        "needs_iterations": item.needs_iterations,
        "start_bytes": item.start_bytes,
        "end_bytes": item.end_bytes,
        "peak_bytes": item.peak_bytes,
        "levels_bytes": list(item.levels_bytes),
        "curve_bytes": list(item.curve_bytes),
        "notes": list(item.notes),
    }


def _series_from_json(data: Mapping[str, Any]) -> SeriesDiagnosis:
    horizon = data["horizon"]
    return SeriesDiagnosis(
        pool=text(data["pool"]),
        name=text(data["name"]),
        growth=Growth(data["growth"]),
        is_leak=truth(data["is_leak"]),
        confidence=number(data["confidence"]),
        bytes_per_iteration=_interval_from_json(data["bytes_per_iteration"]),
        bytes_per_second=_interval_from_json(data["bytes_per_second"]),
        limit_reached=_limit_from_json(data["limit_reached"]),
        horizon=Horizon(
            samples=whole(horizon["samples"]),
            iterations=number(horizon["iterations"]),
            seconds=number_or_none(horizon["seconds"]),
        ),
        evidence=text(data["evidence"]),
        culprit=words(data["culprit"]),
        advice=tuple(text(item) for item in data["advice"]),
        needs_iterations=size(data["needs_iterations"]),
        start_bytes=whole(data["start_bytes"]),
        end_bytes=whole(data["end_bytes"]),
        peak_bytes=whole(data["peak_bytes"]),
        levels_bytes=tuple(whole(item) for item in data["levels_bytes"]),
        curve_bytes=tuple(whole(item) for item in data["curve_bytes"]),
        notes=tuple(text(item) for item in data["notes"]),
    )


def _limit_to_json(limit: LimitReached | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    after = _interval_to_json(limit.after)
    return {"limit": limit.limit, "limit_bytes": limit.limit_bytes, "unit": limit.unit, "after": after}


def _limit_from_json(data: Mapping[str, Any] | None) -> LimitReached | None:
    if data is None:
        return None
    after = _interval_from_json(data["after"])
    if after is None:
        raise TypeError("expected an interval, got null")
    return LimitReached(
        limit=text(data["limit"]), limit_bytes=whole(data["limit_bytes"]), unit=text(data["unit"]), after=after
    )


def _interval_to_json(interval: Interval | None) -> dict[str, float | None] | None:
    return None if interval is None else {"low": interval.low, "expected": interval.expected, "high": interval.high}


def _interval_from_json(data: Mapping[str, Any] | None) -> Interval | None:
    if data is None:
        return None
    return Interval(low=number(data["low"]), expected=number(data["expected"]), high=number_or_none(data["high"]))


KIND = Kind(name="diagnosis", article="a", schema=1, document=Diagnosis, to_json=_to_json, from_json=_from_json)
