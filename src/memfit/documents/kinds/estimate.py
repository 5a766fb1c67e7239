"""The estimate as JSON and back, by the contract of docs/json.md.

Schema history:
    1  memfit 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.documents.estimate import (
    Assumption,
    Component,
    Estimate,
    Machine,
    PeakLocation,
    PoolEstimate,
    Role,
    Serving,
    ServingEngine,
    StepPeak,
)
from memfit.documents.kinds.fields import size, whole, words
from memfit.documents.kinds.kind import Kind
from memfit.quantities import Basis, ByteRange, Category, Phase


def _to_json(estimate: Estimate) -> dict[str, Any]:
    roles = [
        {"ranks": role.ranks, "count": role.count, "rank": role.rank, "pools": [_pool_to_json(p) for p in role.pools]}
        for role in estimate.roles
    ]
    return {
        "target": dict(estimate.target),
        "machine": {"name": estimate.machine.name, **estimate.machine.details},
        "verdict": estimate.verdict.value,
        "pools": [_pool_to_json(pool) for pool in estimate.pools],
        **({"roles": roles} if roles else {}),
        **({"serving": _serving_to_json(estimate.serving)} if estimate.serving is not None else {}),
        "assumptions": [
            {"slug": item.slug, "text": item.text, "effect_bytes": item.effect_bytes} for item in estimate.assumptions
        ],
        "environment": dict(estimate.environment),
        "cost": dict(estimate.cost),
    }


def _from_json(data: Mapping[str, Any]) -> Estimate:
    machine = dict(data["machine"])
    return Estimate(
        target=dict(data["target"]),
        machine=Machine(name=str(machine.pop("name")), details=machine),
        pools=tuple(_pool_from_json(pool) for pool in data["pools"]),
        assumptions=tuple(
            Assumption(slug=str(item["slug"]), text=str(item["text"]), effect_bytes=size(item["effect_bytes"]))
            for item in data["assumptions"]
        ),
        environment=dict(data.get("environment", {})),
        cost=dict(data.get("cost", {})),
        roles=tuple(
            Role(
                ranks=str(role["ranks"]),
                count=whole(role["count"]),
                rank=whole(role["rank"]),
                pools=tuple(_pool_from_json(pool) for pool in role["pools"]),
            )
            for role in data.get("roles", [])
        ),
        serving=None if data.get("serving") is None else _serving_from_json(data["serving"]),
    )


def _serving_to_json(serving: Serving) -> dict[str, Any]:
    told: dict[str, Any] = {
        "context": serving.context,
        "concurrent": serving.concurrent,
        "request_bytes": serving.request_bytes,
        "fit": serving.fit,
        "fit_expected": serving.fit_expected,
    }
    engine = serving.engine
    if engine is not None:
        low, expected, high = engine.cache_tokens
        told["engine"] = {
            "name": engine.name,
            "version": engine.version,
            "fraction": engine.fraction,
            "requested_bytes": engine.requested_bytes,
            "cache_bytes": _range_to_json(engine.cache_bytes),
            "cache_tokens": {"low": low, "expected": expected, "high": high},
            "concurrency": engine.concurrency,
            "longest": engine.longest,
            "at_once": engine.at_once,
            "refusal": engine.refusal or None,
        }
    return told


def _engine_from_json(data: Mapping[str, Any]) -> ServingEngine:
    tokens = data["cache_tokens"]
    return ServingEngine(
        name=str(data["name"]),
        version=str(data["version"]),
        fraction=float(data["fraction"]),
        requested_bytes=whole(data["requested_bytes"]),
        cache_bytes=_range_from_json(data["cache_bytes"]),
        cache_tokens=(whole(tokens["low"]), whole(tokens["expected"]), whole(tokens["high"])),
        concurrency=float(data["concurrency"]),
        longest=whole(data["longest"]),
        at_once=whole(data["at_once"]),
        refusal=words(data.get("refusal")) or "",
    )


def _serving_from_json(data: Mapping[str, Any]) -> Serving:
    return Serving(
        context=whole(data["context"]),
        concurrent=whole(data["concurrent"]),
        request_bytes=whole(data["request_bytes"]),
        fit=size(data.get("fit")),
        fit_expected=size(data.get("fit_expected")),
        engine=None if data.get("engine") is None else _engine_from_json(data["engine"]),
    )


def _pool_to_json(pool: PoolEstimate) -> dict[str, Any]:
    at = pool.peak_at
    return {
        "pool": pool.pool,
        "capacity_bytes": pool.capacity_bytes,
        "other_processes_bytes": pool.other_processes_bytes,
        "verdict": pool.verdict.value,
        "peak_bytes": _range_to_json(pool.peak_bytes),
        "allocated_peak_bytes": pool.allocated_peak_bytes,
        "requested_peak_bytes": pool.requested_peak_bytes,
        "reserved_peak_bytes": pool.reserved_peak_bytes,
        "breakdown_bytes": pool.breakdown_bytes,
        "components": [
            {
                "category": part.category.value,
                **_range_to_json(part.range),
                "basis": part.basis.value,
                "source": part.source,
            }
            for part in pool.components
        ],
        "peak_at": {
            "phase": None if at.phase is None else at.phase.value,
            "step": at.step,
            "operator": at.operator,
            "module": at.module,
            "where": at.where,
        },
        "steps": [
            {"step": step.step, "peak_bytes": step.peak_bytes, "end_bytes": step.end_bytes} for step in pool.steps
        ],
        "top": [{"bytes": size, "category": category, "where": where} for size, category, where in pool.top],
    }


def _pool_from_json(data: Mapping[str, Any]) -> PoolEstimate:
    at = data["peak_at"]
    return PoolEstimate(
        pool=str(data["pool"]),
        capacity_bytes=size(data["capacity_bytes"]),
        other_processes_bytes=size(data.get("other_processes_bytes")),
        peak_bytes=_range_from_json(data["peak_bytes"]),
        components=tuple(
            Component(
                category=Category(part["category"]),
                range=_range_from_json(part),
                basis=Basis(part["basis"]),
                source=str(part["source"]),
            )
            for part in data["components"]
        ),
        allocated_peak_bytes=size(data["allocated_peak_bytes"]),
        requested_peak_bytes=size(data["requested_peak_bytes"]),
        reserved_peak_bytes=size(data["reserved_peak_bytes"]),
        peak_at=PeakLocation(
            phase=None if at["phase"] is None else Phase(at["phase"]),
            step=size(at["step"]),
            operator=words(at["operator"]),
            module=words(at["module"]),
            where=words(at["where"]),
        ),
        steps=tuple(
            StepPeak(step=whole(step["step"]), peak_bytes=whole(step["peak_bytes"]), end_bytes=whole(step["end_bytes"]))
            for step in data["steps"]
        ),
        top=tuple((whole(item["bytes"]), str(item["category"]), str(item["where"])) for item in data["top"]),
    )


def _range_to_json(value: ByteRange) -> dict[str, int]:
    return {"low": value.low, "expected": value.expected, "high": value.high}


def _range_from_json(data: Mapping[str, Any]) -> ByteRange:
    return ByteRange(low=whole(data["low"]), expected=whole(data["expected"]), high=whole(data["high"]))


KIND = Kind(name="estimate", article="an", schema=1, document=Estimate, to_json=_to_json, from_json=_from_json)
