"""Data sets in a terminal: what they hold, what that weighs, what reading peaks at, lighter ways with their code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from memfit.documents.data import Data, Growth, Reading, Room, Table, Way, Weight
from memfit.quantities import format_bytes
from memfit.reports import screen
from memfit.reports.text import printable
from memfit.reports.weighing import column_cells, fits, headline, span, summary, told_room
from memfit.reports.wording import many

_TABLES, _COLUMNS, _PROBLEMS = 5, 12, 8  # that are shown
_INDENT = 2


def write(data: Data, stream: TextIO, *, every: bool = False) -> None:
    """Print the data sets.

    Args:
        data: the document.
        stream: where to; its width, colours and encoding are respected.
        every: show all tables and columns.
    """
    screen.write(report(data, every=every), stream)


def report(data: Data, *, every: bool = False) -> RenderableType:
    """The data sets as one renderable."""
    parts: list[RenderableType] = []
    shown = data.tables if every else data.tables[:_TABLES]
    for position, table in enumerate(shown):
        parts += [*([Text()] if position else []), *_table(table, every, data.room)]
    if len(shown) < len(data.tables):
        parts += [Text(), _more(data.tables[len(shown) :])]
    problems = data.problems if every else data.problems[:_PROBLEMS]
    if problems:
        parts += [Text(), _rows([("not read" if not at else "", printable(one)) for at, one in enumerate(problems)])]
    if len(problems) < len(data.problems):
        parts.append(Padding(Text(f"and {len(data.problems) - len(problems):,} more"), (0, 0, 0, _INDENT)))
    return Group(*parts)


def _table(table: Table, every: bool, room: Room | None) -> Iterator[RenderableType]:
    yield Text.assemble((printable(table.name), "bold"), f"  {headline(table)}")
    yield Text(summary(table))
    yield Text()
    columns = _columns(table, every)
    if columns is not None:
        yield columns
        yield Text()
    if table.weights:
        yield _held(table.weights)
    if table.readings:
        yield Text()
        yield _reading(table.readings, room)
    if table.growths:
        yield Text()
        yield _growing(table.growths)
    if table.ways:
        yield Text()
        yield _lighter(table.ways)
    told = [("sampled" if table.sampled.startswith("a sample") else "read", table.sampled)]
    told += [("note" if not at else "", note) for at, note in enumerate(table.notes)]
    told += [("measured", table.readings[0].source)] if table.readings else []
    told += [("machine", told_room(room))] if room is not None and table.readings else []
    yield Text()
    yield _rows([(label, printable(words)) for label, words in told])


def _columns(table: Table, every: bool) -> RenderableType | None:
    if table.is_array or table.form in ("safetensors", "torch"):
        return None
    shown = table.columns if every else table.columns[:_COLUMNS]
    grid = _grid("column", "kind", ">missing", ">different values", ">range or length")
    for column in shown:
        grid.add_row(*column_cells(column))
    if len(shown) < len(table.columns):
        grid.add_row(f"and {len(table.columns) - len(shown):,} more (--all)", "", "", "", "")
    return Padding(grid, (0, 0, 0, _INDENT))


def _held(weights: Sequence[Weight]) -> RenderableType:
    grid = _grid("held in memory", "", ">expected", ">low … high", "")
    for weight in weights:
        grid.add_row(weight.library, printable(weight.form), format_bytes(weight.held.expected), span(weight.held),
                     weight.covers)  # fmt: skip
    return Padding(grid, (0, 0, 0, _INDENT))


def _reading(readings: Sequence[Reading], room: Room | None) -> RenderableType:
    grid = _grid("peak while reading", ">expected", ">plan with", ">of it the mapped file", "here")
    for reading in readings:
        mapped = format_bytes(reading.mapped_bytes) if reading.mapped_bytes else ""
        peaks = (format_bytes(reading.peak.expected), format_bytes(reading.peak.high))
        grid.add_row(printable(reading.call), *peaks, mapped, fits(reading, room))
    return Padding(grid, (0, 0, 0, _INDENT))


def _growing(growths: Sequence[Growth]) -> RenderableType:
    grid = _grid("preprocessing", ">adds", ">peak with the table", "")
    for growth in growths:
        grid.add_row(printable(growth.step), format_bytes(growth.held.expected), format_bytes(growth.peak.expected),
                     printable(growth.note))  # fmt: skip
    return Padding(grid, (0, 0, 0, _INDENT))


def _lighter(ways: Sequence[Way]) -> RenderableType:
    parts: list[RenderableType] = [Text("lighter ways", style="bold")]
    for way in ways:
        peak = f", peak {format_bytes(way.peak.expected)}" if way.peak is not None else ""
        loses = f"; loses: {printable(way.loses)}" if way.loses else ""
        saved = f"saves {format_bytes(way.saves_bytes)}"
        held = f"{format_bytes(way.held.expected)} held{peak}"
        parts.append(Text.assemble((saved, "green"), f"  {printable(way.text)}: {held}{loses}"))
        code = "\n".join(map(printable, way.code.splitlines()))  # a line that is folded is still Python
        parts.append(Padding(Text(code, style="cyan"), (0, 0, 0, 2 * _INDENT)))
    return Padding(Group(*parts), (0, 0, 0, _INDENT))


def _more(tables: Sequence[Table]) -> Text:
    held = sum(table.weights[0].held.expected for table in tables if table.weights)
    return Text(f"{many(len(tables), 'more table')}, {format_bytes(held)} together (--all shows them)")


def _rows(rows: Sequence[tuple[str, str]]) -> RenderableType:
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, words in rows:
        grid.add_row(label, Text(words))
    return Padding(grid, (0, 0, 0, _INDENT))


def _grid(*heads: str) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        grid.add_column(head.lstrip(">"), justify="right" if head.startswith(">") else "left", overflow="fold")
    return grid
