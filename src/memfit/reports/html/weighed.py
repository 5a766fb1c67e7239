"""The sections of a weighing of data sets: peaks, what each table holds and peaks at, lighter ways with their code."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents.data import Data, Reading, Room, Table, Way
from memfit.quantities import Verdict, format_bytes
from memfit.reports import weighing
from memfit.reports.html import parts
from memfit.reports.html.parts import Cell, Mark, Section, Tile
from memfit.reports.html.predicted import TONES, badge
from memfit.reports.text import printable
from memfit.reports.wording import many

_MOST_TABLES, _MOST_COLUMNS, _MOST_PROBLEMS = 12, 200, 100
_UNFOLDED_COLUMNS = 16


def title(data: Data) -> str:
    """What was weighed."""
    return printable(data.target.get("name", "data sets"))


def verdict(data: Data) -> Verdict | None:
    """Whether the heaviest table, read the usual way, fits; None where that is not known."""
    usual = next((table.readings[0] for table in data.tables if table.readings), None)
    return None if usual is None or data.room is None else data.room.verdict(usual.peak)


def headlines(data: Data) -> Iterable[str]:
    """A sentence for each of the heaviest tables, and one for what was not read."""
    for table in data.tables[:3]:
        yield f"{printable(table.name)}: {weighing.headline(table)}."
    if data.problems:
        yield f"{many(len(data.problems), 'thing')} could not be read."


def sections(data: Data) -> Iterable[Section]:
    """Peaks, then a section for each table, then what was not read and what the figures hold for."""
    tiles = tuple(_tile(table, data.room) for table in data.tables[:_MOST_TABLES] if table.readings)
    if tiles:
        yield Section(name="peaks", title="Peaks while reading, to plan with", tiles=tiles)
    for number, table in enumerate(data.tables[:_MOST_TABLES]):
        yield _section(number, table, data.room)
    left = len(data.tables) - _MOST_TABLES
    if data.problems or left > 0:
        more = (f"{many(left, 'more table')} in the document.",) if left > 0 else ()
        problems = tuple(map(printable, data.problems[:_MOST_PROBLEMS]))
        yield Section(name="not-read", title="Not read, not shown", notes=(*problems, *more))
    yield Section(name="weighed-for", title="What the figures hold for", facts=tuple(_surroundings(data)))


def _surroundings(data: Data) -> Iterable[tuple[str, str]]:
    if data.room is not None:
        yield "machine", weighing.told_room(data.room)
    yield "versions", ", ".join(f"{printable(name)} {printable(found)}" for name, found in data.environment.items())
    yield "peaks", "above what the process holds after its imports"


def _tile(table: Table, room: Room | None) -> Tile:
    usual = table.readings[0]
    peak = usual.peak
    details = [f"expected {format_bytes(peak.expected)}, at least {format_bytes(peak.low)}",
               f"{format_bytes(usual.held.expected)} held afterwards", printable(usual.call)]  # fmt: skip
    if room is None:
        return Tile(label=printable(table.name), value=format_bytes(peak.high), details=tuple(details))
    scale = max(room.limit_bytes, room.others_bytes + peak.high)
    verdict = room.verdict(peak)
    marks = (Mark(share=(room.others_bytes + peak.expected) / scale, name="expected"),
             Mark(share=room.limit_bytes / scale, name=room.bound_by))  # fmt: skip
    found = (
        ("other", room.others_bytes / scale),
        ("used", peak.low / scale),
        ("range", (peak.high - peak.low) / scale),
    )
    return Tile(
        label=printable(table.name), value=format_bytes(peak.high), details=(badge(verdict), *details), parts=found,
        marks=marks, meter=f"{', '.join(details)}, {weighing.told_room(room)}", tone=_tone(verdict),
    )  # fmt: skip


def _section(number: int, table: Table, room: Room | None) -> Section:
    tables = [*_reading(table, room), *_ways(table), *_held(table), *_growths(table), *_columns(table)]
    return Section(
        name=f"table-{number}",
        title=printable(table.name),
        lead=f"{weighing.summary(table)}. {printable(table.sampled)}.",
        tables=tuple(tables),
        notes=tuple(map(printable, table.notes)),
    )


def _reading(table: Table, room: Room | None) -> Iterable[parts.Table]:
    if not table.readings:
        return
    top = max(reading.peak.high for reading in table.readings)
    rows = tuple(
        (
            Cell(text=printable(reading.call), code=True),
            _size(reading.peak.expected, top),
            _size(reading.peak.high),
            Cell(text=format_bytes(reading.mapped_bytes) if reading.mapped_bytes else "", number=True),
            _fits(reading, room),
            _size(reading.held.expected),
            Cell(text=printable(reading.source)),
        )
        for reading in table.readings
    )
    columns = ("call", "expected", "plan with", "of it the mapped file", "here", "held afterwards", "from")
    yield parts.Table(title="Peak while reading", columns=columns, rows=rows)


def _fits(reading: Reading, room: Room | None) -> Cell:
    return Cell(text=weighing.fits(reading, room), tone="" if room is None else _tone(room.verdict(reading.peak)))


def _ways(table: Table) -> Iterable[parts.Table]:
    if table.ways:
        top = max(way.saves_bytes for way in table.ways)
        columns = ("what to do", "saves", "held", "peak", "code", "what is given up")
        yield parts.Table(title="Lighter ways", columns=columns, rows=tuple(_way(way, top) for way in table.ways))


def _way(way: Way, top: int) -> tuple[Cell, ...]:
    code = "\n".join(map(printable, way.code.splitlines()))
    peak = _size(way.peak.expected) if way.peak is not None else Cell(text="—", number=True)
    return (Cell(text=printable(way.text)), _size(way.saves_bytes, top), _size(way.held.expected), peak,
            Cell(text=code, code=True), Cell(text=printable(way.loses)))  # fmt: skip


def _held(table: Table) -> Iterable[parts.Table]:
    if table.weights:
        top = max(weight.held.expected for weight in table.weights)
        rows = tuple(
            (Cell(text=weight.library), Cell(text=printable(weight.form)), _size(weight.held.expected, top),
             Cell(text=weighing.span(weight.held)), Cell(text=printable(weight.covers)))
            for weight in table.weights
        )  # fmt: skip
        yield parts.Table(
            title="Held in memory", columns=("library", "as", "expected", "low … high", "of it"), rows=rows
        )


def _growths(table: Table) -> Iterable[parts.Table]:
    if table.growths:
        rows = tuple(
            (Cell(text=printable(growth.step), code=True), _size(growth.held.expected), _size(growth.peak.expected),
             _size(growth.peak.high), Cell(text=printable(growth.note)))
            for growth in table.growths
        )  # fmt: skip
        columns = ("step", "adds", "peak with the table", "plan with", "what decides it")
        yield parts.Table(title="Preprocessing", columns=columns, rows=rows)


def _columns(table: Table) -> Iterable[parts.Table]:
    if table.is_array or table.form in ("safetensors", "torch") or not table.columns:
        return
    rows = []
    for column in table.columns[:_MOST_COLUMNS]:
        name, kind, missing, distinct, extent = weighing.column_cells(column)
        rows.append((Cell(text=name, code=True), Cell(text=kind), Cell(text=missing, number=True),
                     Cell(text=distinct, number=True), Cell(text=extent, number=True)))  # fmt: skip
    left = len(table.columns) - _MOST_COLUMNS
    yield parts.Table(
        title="Columns", columns=("column", "kind", "missing", "different values", "range or length"),
        rows=tuple(rows), more=f"{many(left, 'more column')} in the document." if left > 0 else "",
        folded=len(rows) > _UNFOLDED_COLUMNS,
    )  # fmt: skip


def _tone(verdict: Verdict) -> str:
    return TONES[verdict].replace("neutral", "")


def _size(size_bytes: int, top: int = 0) -> Cell:
    return Cell(text=format_bytes(size_bytes), number=True, share=size_bytes / top if top else None)
