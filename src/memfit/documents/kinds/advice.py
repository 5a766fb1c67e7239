"""Advice as JSON and back, by the contract of docs/json.md.

Schema history:
    1  memfit 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memfit.documents.advice import Advice, Change, Hint, LargestBatch, Plan
from memfit.documents.estimate import Assumption
from memfit.documents.kinds.fields import number, size, text, truth, whole
from memfit.documents.kinds.kind import Kind
from memfit.quantities import ByteRange


def _to_json(advice: Advice) -> dict[str, Any]:
    told: dict[str, Any] = _lists(asdict(advice))
    told["fits_now"] = advice.fits_now
    return told


def _lists(value: Any) -> Any:
    """The same with lists for tuples, as JSON has them."""
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _from_json(data: Mapping[str, Any]) -> Advice:
    batch = data["largest_batch"]
    return Advice(
        target=dict(data["target"]),
        machine=text(data["machine"]),
        pool=text(data["pool"]),
        budget_bytes=size(data["budget_bytes"]),
        now_bytes=_range(data["now_bytes"]),
        plans=tuple(_plan(plan) for plan in data["plans"]),
        floor_bytes=_range(data["floor_bytes"]),
        floor_holds={text(name): whole(value) for name, value in data["floor_holds"].items()},
        largest_batch=None if batch is None else _largest_batch(batch),
        hints=tuple(_hint(hint) for hint in data["hints"]),
        assumptions=tuple(
            Assumption(slug=text(each["slug"]), text=text(each["text"]), effect_bytes=size(each["effect_bytes"]))
            for each in data["assumptions"]
        ),
        cost=dict(data["cost"]),
        now_measured_bytes=size(data.get("now_measured_bytes")),
    )


def _plan(data: Mapping[str, Any]) -> Plan:
    return Plan(
        changes=tuple(_change(change) for change in data["changes"]),
        peak_bytes=_range(data["peak_bytes"]),
        fits=truth(data["fits"]),
        time_factor=number(data["time_factor"]),
        measured_bytes=size(data["measured_bytes"]),
        arguments=tuple(text(word) for word in data["arguments"]),
        environment={text(name): text(value) for name, value in data["environment"].items()},
        host_bytes=_range_or_none(data.get("host_bytes")),
    )


def _change(data: Mapping[str, Any]) -> Change:
    words = {name: text(data[name]) for name in ("slug", "title", "costs", "how", "where", "results")}
    return Change(saves_bytes=whole(data["saves_bytes"]), time_factor=number(data["time_factor"]), **words)


def _largest_batch(data: Mapping[str, Any]) -> LargestBatch:
    return LargestBatch(
        name=text(data["name"]),
        now=whole(data["now"]),
        batch=whole(data["batch"]),
        peak_bytes=_range_or_none(data["peak_bytes"]),
        next_peak_bytes=_range_or_none(data["next_peak_bytes"]),
        likely_batch=whole(data["likely_batch"]),
        accumulation=whole(data["accumulation"]),
        how=text(data["how"]),
        runs_bytes={text(name): whole(value) for name, value in data.get("runs_bytes", {}).items()},
    )


def _hint(data: Mapping[str, Any]) -> Hint:
    words = {name: text(data[name]) for name in ("slug", "text", "how", "where")}
    return Hint(saves_bytes=size(data["saves_bytes"]), **words)


def _range(data: Mapping[str, Any]) -> ByteRange:
    return ByteRange(low=whole(data["low"]), expected=whole(data["expected"]), high=whole(data["high"]))


def _range_or_none(data: Mapping[str, Any] | None) -> ByteRange | None:
    return None if data is None else _range(data)


KIND = Kind(name="advice", article="a piece of", schema=1, document=Advice, to_json=_to_json, from_json=_from_json)
