"""The comparison as JSON and back, by the contract of docs/json.md.

Schema history:
    1  memfit 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.documents.comparison import Comparison, PerIteration, PoolComparison, Reason, Row, Side
from memfit.documents.kinds.fields import size, whole, words
from memfit.documents.kinds.kind import Kind
from memfit.quantities import ByteRange, Standing


def _to_json(comparison: Comparison) -> dict[str, Any]:
    return {
        "first": _side_to_json(comparison.first),
        "second": _side_to_json(comparison.second),
        "standing": _name(comparison.standing),
        "pools": [_pool_to_json(pool) for pool in comparison.pools],
        "reasons": [
            {"slug": item.slug, "text": item.text, "pool": item.pool, "effect_bytes": item.effect_bytes}
            for item in comparison.reasons
        ],
    }


def _from_json(data: Mapping[str, Any]) -> Comparison:
    return Comparison(
        first=_side_from_json(data["first"]),
        second=_side_from_json(data["second"]),
        pools=tuple(_pool_from_json(pool) for pool in data["pools"]),
        reasons=tuple(
            Reason(
                slug=str(item["slug"]),
                text=str(item["text"]),
                pool=words(item["pool"]),
                effect_bytes=size(item["effect_bytes"]),
            )
            for item in data["reasons"]
        ),
    )


def _side_to_json(side: Side) -> dict[str, Any]:
    return {
        "kind": side.kind,
        "name": side.name,
        "machine": side.machine,
        "started": side.started,
        "iterations": side.iterations,
    }


def _side_from_json(data: Mapping[str, Any]) -> Side:
    return Side(
        kind=str(data["kind"]),
        name=str(data["name"]),
        machine=str(data["machine"]),
        started=str(data["started"]),
        iterations=size(data["iterations"]),
    )


def _pool_to_json(pool: PoolComparison) -> dict[str, Any]:
    return {
        "pool": pool.pool,
        "peak": _row_to_json(pool.peak),
        "standing": _name(pool.standing),
        "at_least": pool.at_least,
        "error_share": None if pool.error_share is None else round(pool.error_share, 6),
        "categories": [_row_to_json(row) for row in pool.categories],
        "figures": [_row_to_json(row) for row in pool.figures],
        "phases": [_row_to_json(row) for row in pool.phases],
        "growth": None
        if pool.growth is None
        else {
            "figure": pool.growth.figure,
            "unit": pool.growth.unit,
            "first_bytes": pool.growth.first_bytes,
            "second_bytes": pool.growth.second_bytes,
            "verdict": pool.growth.verdict,
        },
    }


def _pool_from_json(data: Mapping[str, Any]) -> PoolComparison:
    return PoolComparison(
        pool=str(data["pool"]),
        peak=_row_from_json(data["peak"]),
        standing=None if data["standing"] is None else Standing(data["standing"]),
        at_least=_flag(data["at_least"]),
        categories=tuple(_row_from_json(row) for row in data["categories"]),
        figures=tuple(_row_from_json(row) for row in data["figures"]),
        phases=tuple(_row_from_json(row) for row in data["phases"]),
        growth=None if data["growth"] is None else _growth_from_json(data["growth"]),
    )


def _growth_from_json(data: Mapping[str, Any]) -> PerIteration:
    return PerIteration(
        figure=str(data["figure"]),
        unit=str(data["unit"]),
        first_bytes=_rate(data["first_bytes"]),
        second_bytes=_rate(data["second_bytes"]),
        verdict=str(data["verdict"]),
    )


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {value!r}")
    return value


def _rate(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"expected a number, got {value!r}")
    return float(value)


def _row_to_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "first": _range_to_json(row.first),
        "second": _range_to_json(row.second),
        "note": row.note,
    }


def _row_from_json(data: Mapping[str, Any]) -> Row:
    return Row(
        name=str(data["name"]),
        first=_range_from_json(data["first"]),
        second=_range_from_json(data["second"]),
        note=str(data["note"]),
    )


def _range_to_json(value: ByteRange | None) -> dict[str, int] | None:
    return None if value is None else {"low": value.low, "expected": value.expected, "high": value.high}


def _range_from_json(data: Mapping[str, Any] | None) -> ByteRange | None:
    if data is None:
        return None
    return ByteRange(low=whole(data["low"]), expected=whole(data["expected"]), high=whole(data["high"]))


def _name(standing: Standing | None) -> str | None:
    return None if standing is None else standing.value


KIND = Kind(name="comparison", article="a", schema=1, document=Comparison, to_json=_to_json, from_json=_from_json)
