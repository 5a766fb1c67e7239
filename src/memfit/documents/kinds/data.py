"""The weighing of data sets as JSON and back, by the contract of docs/json.md.

Schema history:
    1  memfit 0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from memfit.documents.data import (
    Column,
    ColumnKind,
    Count,
    Data,
    Dialect,
    Growth,
    Reading,
    Room,
    Table,
    TextSize,
    Way,
    Weight,
)
from memfit.documents.kinds.fields import number, number_or_none, text, truth, whole
from memfit.documents.kinds.kind import Kind
from memfit.quantities import Basis, ByteRange


def _to_json(data: Data) -> dict[str, Any]:
    return {
        "target": dict(data.target),
        "tables": [_table_to_json(table) for table in data.tables],
        "problems": list(data.problems),
        "environment": dict(data.environment),
        "room": None if data.room is None else asdict(data.room),
    }


def _from_json(data: Mapping[str, Any]) -> Data:
    return Data(
        target=dict(data["target"]),
        tables=tuple(_table_from_json(table) for table in data["tables"]),
        problems=_texts(data["problems"]),
        environment=dict(data["environment"]),
        room=None if data.get("room") is None else _room(data["room"]),
    )


def _room(data: Mapping[str, Any]) -> Room:
    swap = data["swap_free_bytes"]
    return Room(
        bound_by=text(data["bound_by"]),
        limit_bytes=whole(data["limit_bytes"]),
        others_bytes=whole(data["others_bytes"]),
        swap_free_bytes=None if swap is None else whole(swap),
    )


def _table_to_json(table: Table) -> dict[str, Any]:
    """The fields, and what follows from them, so that readers need not add up."""
    told = {name: _plain(getattr(table, name)) for name in (field.name for field in fields(table))}
    derived = {"width": table.width, "missing_share": table.missing_share, "zero_share": table.zero_share}
    return {**told, **derived}


def _table_from_json(data: Mapping[str, Any]) -> Table:
    return Table(
        name=text(data["name"]),
        path=text(data.get("path", "")),
        form=text(data["form"]),
        files=whole(data["files"]),
        disk_bytes=whole(data["disk_bytes"]),
        rows=_count(data["rows"]),
        columns=tuple(map(_column, data["columns"])),
        shape=tuple(map(whole, data["shape"])),
        sampled=text(data["sampled"]),
        weights=tuple(map(_weight, data["weights"])),
        readings=tuple(map(_reading, data["readings"])),
        growths=tuple(map(_growth, data["growths"])),
        ways=tuple(map(_way, data["ways"])),
        notes=_texts(data["notes"]),
        dialect=_dialect(data.get("dialect", {})),
    )


def _dialect(data: Mapping[str, Any]) -> Dialect:
    return Dialect(
        separator=text(data.get("separator", ",")),
        encoding=text(data.get("encoding", "")),
        header=bool(truth(data.get("header", True))),
        missing=_texts(data.get("missing", ())),
    )


def _column(data: Mapping[str, Any]) -> Column:
    return Column(
        name=text(data["name"]),
        kind=ColumnKind(data["kind"]),
        stored=text(data["stored"]),
        columns=whole(data["columns"]),
        missing_share=number(data["missing_share"]),
        zero_share=number(data["zero_share"]),
        distinct=None if data["distinct"] is None else _count(data["distinct"]),
        minimum=number_or_none(data["minimum"]),
        maximum=number_or_none(data["maximum"]),
        text=None if data["text"] is None else _text_size(data["text"]),
        mixed=bool(truth(data["mixed"])),
        file_bytes=number(data["file_bytes"]),
        deciles=tuple(map(number, data.get("deciles", ()))),
        commonest_share=number_or_none(data.get("commonest_share")),
    )


def _text_size(data: Mapping[str, Any]) -> TextSize:
    names = [field.name for field in fields(TextSize) if field.name != "longest_bytes"]
    return TextSize(longest_bytes=whole(data["longest_bytes"]), **{name: number(data[name]) for name in names})


def _weight(data: Mapping[str, Any]) -> Weight:
    return Weight(
        library=text(data["library"]), form=text(data["form"]), held=_range(data["held"]), covers=text(data["covers"])
    )


def _reading(data: Mapping[str, Any]) -> Reading:
    return Reading(
        call=text(data["call"]),
        library=text(data["library"]),
        peak=_range(data["peak"]),
        held=_range(data["held"]),
        mapped_bytes=whole(data["mapped_bytes"]),
        basis=Basis(data["basis"]),
        source=text(data["source"]),
    )


def _growth(data: Mapping[str, Any]) -> Growth:
    return Growth(
        step=text(data["step"]), held=_range(data["held"]), peak=_range(data["peak"]), note=text(data["note"])
    )


def _way(data: Mapping[str, Any]) -> Way:
    return Way(
        slug=text(data["slug"]),
        text=text(data["text"]),
        code=text(data["code"]),
        held=_range(data["held"]),
        peak=None if data["peak"] is None else _range(data["peak"]),
        saves_bytes=whole(data["saves_bytes"]),
        loses=text(data["loses"]),
    )


def _count(data: Mapping[str, Any]) -> Count:
    low, expected, high = (whole(data[name]) for name in ("low", "expected", "high"))
    return Count(low=low, expected=expected, high=high, basis=Basis(data["basis"]))


def _range(data: Mapping[str, Any]) -> ByteRange:
    return ByteRange(low=whole(data["low"]), expected=whole(data["expected"]), high=whole(data["high"]))


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(text(value) for value in values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, ByteRange | Column | Count | Dialect | Growth | Reading | Way | Weight):
        return _values(asdict(value))
    return value


def _values(value: Any) -> Any:
    """Enumerations as their words."""
    if isinstance(value, dict):
        return {name: _values(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Basis | ColumnKind) else value


KIND = Kind(name="data", article="a", schema=1, document=Data, to_json=_to_json, from_json=_from_json)
