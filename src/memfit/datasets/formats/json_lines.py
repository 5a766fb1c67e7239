"""JSON lines and JSON lists of records: the records in each window, their keys as columns, how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memfit.datasets.estimating_rows import rows_from
from memfit.datasets.grouping import grouped
from memfit.datasets.opening import UnreadableData
from memfit.datasets.values import Sampled, column
from memfit.datasets.windows import Window, Windows, look
from memfit.documents.data import Column, ColumnKind, Table, TextSize

_CELLS = 300_000
_MOST_KEYS = 5000
_WIDEST = 400

Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    records: list[Record]
    size: int
    broken: int = 0


def read(path: Path) -> Table:
    """What a file of JSON records holds.

    Raises:
        UnreadableData: it is empty, or holds no records.
    """
    windows = look(path)
    name = "json" if windows.head.text.lstrip().startswith("[") else "jsonl"
    if name == "json":
        parts = [_listed(windows.head)]
        windows = replace(windows, places=(), lines=None)
    else:
        parts = [part for window in (windows.head, *windows.places) if (part := _lines(window)).records]
    if not any(part.records for part in parts):
        raise UnreadableData(
            f"{path} holds no JSON records: expected one object a line, or a list of objects", hint=_one_object(windows)
        )
    sizes = [(len(part.records), part.size) for part in parts]
    rows = rows_from(windows, sizes, header_bytes=0)
    columns = _columns([part.records for part in parts], rows.expected, windows.whole)
    taken, broken = sum(number for number, _ in sizes), sum(part.broken for part in parts)
    notes = (*windows.notes, *((f"{broken} lines of the sample are no JSON objects",) if broken else ()))
    form = f"{name}, {windows.compression}" if windows.compression else name
    said = (
        f"all {taken:,} records were read"
        if windows.whole
        else f"a sample: {taken:,} records " + (f"at {len(parts)} places" if len(parts) > 1 else "at its start")
    )
    return Table(name=path.name, form=form, files=1, disk_bytes=path.stat().st_size, rows=rows, columns=columns,
                 sampled=said, notes=notes)  # fmt: skip


def cells_of(path: Path, name: str, *, width_bytes: int) -> list[str]:
    """The texts under one key in the records that windows show, in the file's order; what is no text left out.

    Args:
        path: of the file.
        name: the key.
        width_bytes: of a window.

    Raises:
        UnreadableData: it is empty.
    """
    windows = look(path, width_bytes=width_bytes)
    listed = windows.head.text.lstrip().startswith("[")
    parts = [_listed(windows.head)] if listed else [_lines(window) for window in (windows.head, *windows.places)]
    values = (record.get(name) for part in parts for record in part.records)
    return [value for value in values if isinstance(value, str) and value]


def _one_object(windows: Windows) -> str:
    """What to do with a file that is one object with the records somewhere within it."""
    if not windows.head.text.lstrip().startswith("{"):
        return ""
    return "of one object that holds the list: json.dump(json.load(open(FILE))[KEY], open('records.json', 'w'))"


def _lines(window: Window) -> _Part:
    lines = window.text.splitlines(keepends=True)
    if not window.at_line:
        lines = lines[1:]
    if not window.at_end:
        lines = lines[:-1]
    records, size, broken = [], 0, 0
    for line in lines:
        size += len(line)
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            broken += 1
            continue
        if isinstance(record, dict):
            records.append(record)
        else:
            broken += 1
    return _Part(records=records, size=round(size * window.size / max(len(window.text), 1)), broken=broken)


def _listed(window: Window) -> _Part:
    """The records at the head of a list."""
    decoder, text = json.JSONDecoder(), window.text
    at, records = text.find("[") + 1, []
    start = at
    while True:
        while at < len(text) and text[at] in ", \t\r\n":
            at += 1
        if at >= len(text) or text[at] != "{":
            break
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        records.append(record)
    return _Part(records=records, size=round((at - start) * window.size / max(len(text), 1)))


def _columns(blocks: Sequence[Sequence[Record]], rows: int, whole: bool) -> tuple[Column, ...]:
    names: dict[str, None] = {}
    for block in blocks:
        for record in block:
            if len(names) < _MOST_KEYS:
                names.update(dict.fromkeys(record))
    chosen = list(names)[:: max(-(-len(names) // _WIDEST), 1)]
    quota = max(_CELLS // max(len(chosen), 1) // len(blocks), 20)
    thinned = [block[:quota] for block in blocks]
    every = whole and all(len(block) == len(some) for block, some in zip(blocks, thinned, strict=True))
    found = [_column(name, thinned, rows, every) for name in chosen]
    return grouped(found, len(names))


def _column(name: str, blocks: Sequence[Sequence[Record]], rows: int, whole: bool) -> Column:
    values = [record.get(name) for block in blocks for record in block]
    present = [value for value in values if value is not None]
    texts = [["" if (value := record.get(name)) is None else _text(value) for record in block] for block in blocks]
    found = column(name[:200], Sampled(blocks=texts, rows=rows, whole=whole))
    if not present or all(isinstance(value, bool | int | float) for value in present):
        return found
    if all(isinstance(value, str) for value in present):
        return found if found.text is not None else _as_text(found, present)
    if any(isinstance(value, list | dict) for value in present):
        size = sum(len(_text(value)) for value in present) / len(present)
        return replace(_as_text(found, [_text(value) for value in present]), kind=ColumnKind.NESTED, distinct=None,
                       file_bytes=size)  # fmt: skip
    return replace(found if found.text is not None else _as_text(found, list(map(_text, present))), mixed=True)


def _as_text(found: Column, texts: Sequence[str]) -> Column:
    mean = sum(map(len, texts)) / len(texts)
    long = [len(text) for text in texts if len(text) > 12]
    size = TextSize(mean_bytes=mean, longest_bytes=max(map(len, texts)), long_share=len(long) / len(texts),
                    long_mean_bytes=sum(long) / len(long) if long else 0.0)  # fmt: skip
    return replace(found, kind=ColumnKind.TEXT, text=size, minimum=None, maximum=None, zero_share=0.0, deciles=())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
