"""Data sets in a terminal: what they hold, what that weighs, what reading peaks at, lighter ways with their code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from memfit.documents.data import Column, ColumnKind, Count, Data, Growth, Reading, Table, Way, Weight
from memfit.quantities import ByteRange, format_bytes
from memfit.reports import screen
from memfit.reports.text import printable
from memfit.reports.wording import many, percent

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
        parts += [*([Text()] if position else []), *_table(table, every)]
    if len(shown) < len(data.tables):
        parts += [Text(), _more(data.tables[len(shown) :])]
    problems = data.problems if every else data.problems[:_PROBLEMS]
    if problems:
        parts += [Text(), _rows([("not read" if not at else "", printable(one)) for at, one in enumerate(problems)])]
    if len(problems) < len(data.problems):
        parts.append(Padding(Text(f"and {len(data.problems) - len(problems):,} more"), (0, 0, 0, _INDENT)))
    return Group(*parts)


def _table(table: Table, every: bool) -> Iterator[RenderableType]:
    yield _headline(table)
    yield Text(_summary(table))
    yield Text()
    columns = _columns(table, every)
    if columns is not None:
        yield columns
        yield Text()
    if table.weights:
        yield _held(table.weights)
    if table.readings:
        yield Text()
        yield _reading(table.readings)
    if table.growths:
        yield Text()
        yield _growing(table.growths)
    if table.ways:
        yield Text()
        yield _lighter(table.ways)
    told = [("sampled" if table.sampled.startswith("a sample") else "read", table.sampled)]
    told += [("note" if not at else "", note) for at, note in enumerate(table.notes)]
    told += [("measured", table.readings[0].source)] if table.readings else []
    yield Text()
    yield _rows([(label, printable(words)) for label, words in told])


def _headline(table: Table) -> Text:
    """The one sentence that most came for: on disk, in memory at the peak, and the lightest way."""
    words: list[tuple[str, str]] = [(printable(table.name), "bold")]
    on_disk = f"  {format_bytes(table.disk_bytes)} on disk"
    usual = table.readings[0] if table.readings else None
    if usual is not None:
        on_disk += f": {format_bytes(usual.peak.expected)} at the peak of {_short(usual)}"
        on_disk += f", {format_bytes(usual.held.expected)} held"
    return Text.assemble(*words, on_disk)


def _short(reading: Reading) -> str:
    return printable(reading.call.split("(")[0])


def _summary(table: Table) -> str:
    files = f"{many(table.files, 'file')} of " if table.files > 1 else ""
    words = [f"{files}{printable(table.form)}", f"{_count(table.rows)} rows"]
    if table.shape:
        words.append("shape " + " × ".join(f"{side:,}" for side in table.shape))
    else:
        words.append(many(table.width, "column"))
    if table.missing_share:
        words.append(f"{percent(table.missing_share)} missing")
    if table.zero_share is not None and table.zero_share > 0.1:
        words.append(f"{percent(table.zero_share)} of the numbers are zero")
    return " · ".join(words)


def _columns(table: Table, every: bool) -> RenderableType | None:
    if table.is_array or table.form in ("safetensors", "torch"):
        return None
    shown = table.columns if every else table.columns[:_COLUMNS]
    grid = _grid("column", "kind", ">missing", ">different values", ">range or length")
    for column in shown:
        grid.add_row(*_column(column))
    if len(shown) < len(table.columns):
        grid.add_row(f"and {len(table.columns) - len(shown):,} more (--all)", "", "", "", "")
    return Padding(grid, (0, 0, 0, _INDENT))


def _column(column: Column) -> tuple[str, str, str, str, str]:
    name = printable(column.name)
    kind = f"{column.kind.value}, mixed" if column.mixed else column.kind.value
    kind += f" ({printable(column.stored)})" if column.stored else ""
    return (
        (name if len(name) <= 28 else name[:27] + "…") + (f" (×{column.columns:,})" if column.columns > 1 else ""),
        kind,
        percent(column.missing_share) if column.missing_share else "",
        "" if column.distinct is None or column.kind is ColumnKind.FLOAT else _count(column.distinct),
        _extent(column),
    )


def _extent(column: Column) -> str:
    if column.text is not None:
        return f"{column.text.mean_bytes:,.0f} bytes, longest {column.text.longest_bytes:,}"
    if column.minimum is None or column.maximum is None or column.kind is ColumnKind.BOOLEAN:
        return ""
    return f"{column.minimum:,.6g} … {column.maximum:,.6g}"


def _held(weights: Sequence[Weight]) -> RenderableType:
    grid = _grid("held in memory", "", ">expected", ">low … high", "")
    for weight in weights:
        grid.add_row(weight.library, printable(weight.form), format_bytes(weight.held.expected), _span(weight.held),
                     weight.covers)  # fmt: skip
    return Padding(grid, (0, 0, 0, _INDENT))


def _reading(readings: Sequence[Reading]) -> RenderableType:
    grid = _grid("peak while reading", ">expected", ">plan with", ">of it the mapped file")
    for reading in readings:
        mapped = format_bytes(reading.mapped_bytes) if reading.mapped_bytes else ""
        grid.add_row(
            printable(reading.call), format_bytes(reading.peak.expected), format_bytes(reading.peak.high), mapped
        )
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
        parts.append(Padding(Text(printable(way.code), style="cyan"), (0, 0, 0, 2 * _INDENT)))
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


def _count(count: Count) -> str:
    if count.is_exact or count.high - count.low <= 0.01 * count.expected:
        return f"{count.expected:,}" if count.is_exact else f"about {count.expected:,}"
    return f"about {_round(count.expected)} ({_round(count.low)} … {_round(count.high)})"


def _round(number: int) -> str:
    return f"{float(f'{number:.3g}'):,.0f}"


def _span(size: ByteRange) -> str:
    if size.low == size.high:
        return "exactly"
    return f"{format_bytes(size.low)} … {format_bytes(size.high)}"
