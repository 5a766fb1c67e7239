"""Documents to JSON and back. Trusts nothing it reads: no pickle, no eval, unknown kinds and newer schemas are refused.

Schema history:
    1  the estimate (memfit 0.1)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memfit.documents.estimate import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate, StepPeak
from memfit.errors import InvalidDocument
from memfit.quantities import Basis, ByteRange, Category, Phase

SCHEMA = 1
_LARGEST_DOCUMENT_BYTES = 256 << 20  # an estimate is some kilobytes; a file beyond this is something else


def to_json(estimate: Estimate) -> dict[str, Any]:
    """The estimate as plain JSON values, by the contract of docs/json.md."""
    return {
        "schema": SCHEMA,
        "kind": "estimate",
        "target": dict(estimate.target),
        "machine": {"name": estimate.machine.name, **estimate.machine.details},
        "verdict": estimate.verdict.value,
        "pools": [_pool_to_json(pool) for pool in estimate.pools],
        "assumptions": [
            {"slug": item.slug, "text": item.text, "effect_bytes": item.effect_bytes} for item in estimate.assumptions
        ],
        "environment": dict(estimate.environment),
        "cost": dict(estimate.cost),
    }


def from_json(data: Any) -> Estimate:
    """Read an estimate from plain JSON values.

    Raises:
        InvalidDocument: another kind, a newer schema, or a field that is missing or of the wrong type.
    """
    if not isinstance(data, Mapping) or "schema" not in data or "kind" not in data:
        raise InvalidDocument("this is no memfit document: it has no 'schema' and 'kind'")
    if data["schema"] != SCHEMA:
        raise InvalidDocument(
            f"the document has schema {data['schema']!r}, this memfit reads schema {SCHEMA}",
            hint="read it with the memfit that wrote it, or a newer one",
            slug="newer-schema",
        )
    if data["kind"] != "estimate":
        raise InvalidDocument(f"the document is a {data['kind']!r}, expected an 'estimate'")
    try:
        machine = dict(data["machine"])
        return Estimate(
            target=dict(data["target"]),
            machine=Machine(name=str(machine.pop("name")), details=machine),
            pools=tuple(_pool_from_json(pool) for pool in data["pools"]),
            assumptions=tuple(
                Assumption(slug=str(item["slug"]), text=str(item["text"]), effect_bytes=_size(item["effect_bytes"]))
                for item in data["assumptions"]
            ),
            environment=dict(data.get("environment", {})),
            cost=dict(data.get("cost", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidDocument(f"the estimate is damaged: {type(error).__name__}: {error}") from error


def save(estimate: Estimate, path: str | Path) -> None:
    """Write the estimate to a file: whole or not at all."""
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    draft.write_text(json.dumps(to_json(estimate), indent=1) + "\n", encoding="utf-8")
    draft.replace(target)


def load(path: str | Path) -> Estimate:
    """Read a saved estimate.

    Raises:
        InvalidDocument: the file is missing, too large, or no estimate.
    """
    target = Path(path)
    try:
        if target.stat().st_size > _LARGEST_DOCUMENT_BYTES:
            raise InvalidDocument(f"{target} is {target.stat().st_size} bytes: too large to be a memfit document")
        return from_json(json.loads(target.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidDocument(f"cannot read {target}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number of thousands of digits
        raise InvalidDocument(f"{target} is no JSON: {error}") from error


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
        capacity_bytes=_size(data["capacity_bytes"]),
        other_processes_bytes=_size(data.get("other_processes_bytes")),
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
        allocated_peak_bytes=_size(data["allocated_peak_bytes"]),
        requested_peak_bytes=_size(data["requested_peak_bytes"]),
        reserved_peak_bytes=_size(data["reserved_peak_bytes"]),
        peak_at=PeakLocation(
            phase=None if at["phase"] is None else Phase(at["phase"]),
            step=_size(at["step"]),
            operator=_words(at["operator"]),
            module=_words(at["module"]),
            where=_words(at["where"]),
        ),
        steps=tuple(
            StepPeak(
                step=_whole(step["step"]), peak_bytes=_whole(step["peak_bytes"]), end_bytes=_whole(step["end_bytes"])
            )
            for step in data["steps"]
        ),
        top=tuple((_whole(item["bytes"]), str(item["category"]), str(item["where"])) for item in data["top"]),
    )


def _range_to_json(value: ByteRange) -> dict[str, int]:
    return {"low": value.low, "expected": value.expected, "high": value.high}


def _range_from_json(data: Mapping[str, Any]) -> ByteRange:
    return ByteRange(low=_whole(data["low"]), expected=_whole(data["expected"]), high=_whole(data["high"]))


def _size(value: Any) -> int | None:
    return None if value is None else _whole(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def _words(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected text or null, got {value!r}")
    return value
