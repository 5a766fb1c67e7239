"""A comparison in a terminal: per pool where the measured peak lies, what it consists of on both sides, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.documents import Comparison, PerIteration, PoolComparison, Row, Side
from memfit.quantities import ByteRange, Standing, format_bytes
from memfit.reports import screen
from memfit.reports.text import printable

_COLOURS = {Standing.INSIDE: "green", Standing.BELOW: "yellow", Standing.ABOVE: "red", None: "cyan"}
_INDENT = 2


def write(comparison: Comparison, stream: TextIO) -> None:
    """Print the comparison; the stream's width, colours and encoding are respected."""
    screen.write(report(comparison), stream)


def report(comparison: Comparison) -> RenderableType:
    """The comparison as one renderable."""
    parts: list[RenderableType] = [_headline(comparison), _sides(comparison)]
    for pool in comparison.pools:
        parts += [Text(), _pool(pool, comparison)]
    if comparison.reasons:
        parts += [Text(), Text("why", style="bold"), Padding(_reasons(comparison), (0, 0, 0, _INDENT))]
    return Group(*parts)


def titles(comparison: Comparison) -> tuple[str, str]:
    """What the two columns are called."""
    return ("predicted", "measured") if comparison.of_prediction else ("before", "after")


def summary(pool: PoolComparison) -> str:
    """One pool in a sentence.

    Args:
        pool: of the comparison.
    """
    first, second = pool.peak.first, pool.peak.second
    if first is None or second is None:
        return "not measured" if second is None else "not predicted"
    if pool.standing is None and pool.at_least:
        return f"measured at least {format_bytes(second.expected)}: under the range, but the job was cut short"
    if pool.standing is None:
        change = second.expected - first.expected
        share = f" ({change / first.expected * 100:+.1f} %)" if first.expected else ""
        return f"{signed(change)}{share}"
    span = f"the range {format_bytes(first.low)} to {format_bytes(first.high)}"
    words = {
        Standing.INSIDE: f"inside {span}",
        Standing.ABOVE: f"{format_bytes(second.expected - first.high)} above {span}",
        Standing.BELOW: f"{format_bytes(first.low - second.expected)} below {span}",
    }[pool.standing]
    if pool.error_share is None:
        return f"{words}; at least: the job was cut short"
    return f"{words}; expected {_off(pool.error_share)}"


def signed(size_bytes: int) -> str:
    """A difference with its sign.

    >>> signed(-2 * 1024**2)
    '-2 MiB'
    """
    return f"{'+' if size_bytes > 0 else ''}{format_bytes(size_bytes)}"


def _off(share: float) -> str:
    if abs(share) < 0.0005:
        return "as measured"
    return f"{abs(share) * 100:.1f} % {'over' if share > 0 else 'under'} measured"


def _headline(comparison: Comparison) -> RenderableType:
    colour = _COLOURS[comparison.standing]
    if not comparison.of_prediction:
        return Text.assemble((" BEFORE AND AFTER ", f"bold reverse {colour}"))
    words = {
        Standing.INSIDE: "INSIDE THE RANGE",
        Standing.ABOVE: "ABOVE THE RANGE",
        Standing.BELOW: "BELOW THE RANGE",
        None: "NOT COMPARABLE",
    }[comparison.standing]
    return Text.assemble((f" {words} ", f"bold reverse {colour}"))


def _sides(comparison: Comparison) -> RenderableType:
    table = _grid()
    for title, side in zip(titles(comparison), (comparison.first, comparison.second), strict=True):
        table.add_row(Text(title, style="dim"), Text(_side(side)))
    return table


def _side(side: Side) -> str:
    words = [side.name]
    words += [f"on {side.machine}"] if side.machine else []
    words += [side.started] if side.started else []
    words += [f"{side.iterations} iterations"] if side.iterations else []
    return printable(" · ".join(words))


def _pool(pool: PoolComparison, comparison: Comparison) -> RenderableType:
    title = Text.assemble((printable(pool.pool), "bold"), "  ", (summary(pool), _COLOURS[pool.standing]))
    body: list[RenderableType] = [_table(pool, comparison)]
    body += [Text(f"{_words(row.name)}: {_words(row.note)}", style="dim") for row in pool.categories if row.note]
    if pool.growth is not None:
        body += [Text(), Text(_growth(pool.growth, comparison))]
    return Group(title, Padding(Group(*body), (0, 0, 0, _INDENT)))


def _table(pool: PoolComparison, comparison: Comparison) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for title in (*titles(comparison), "difference"):
        table.add_column(title, justify="right", no_wrap=True)
    _add(table, [pool.peak], bold=True)
    _add(table, [row for row in pool.categories if not _empty(row)])
    _add(table, pool.figures, prefix="peak ")
    _add(table, pool.phases, prefix="in ")
    return table


def _add(table: Table, rows: Iterable[Row], *, prefix: str = "", bold: bool = False) -> None:
    for row in rows:
        change = row.change_bytes
        table.add_row(
            Text(prefix + _words(row.name), style="bold" if bold else ""),
            Text(_size(row.first)),
            Text(_size(row.second)),
            Text("" if change is None else signed(change)),
        )


def _empty(row: Row) -> bool:
    """Nothing on either side: a job without workers has no row of them."""
    return all(side is not None and side.high == 0 for side in (row.first, row.second))


def _words(text: str) -> str:
    return printable(text).replace("_", " ")


def _size(value: ByteRange | None) -> str:
    return "" if value is None else format_bytes(value.expected)


def _growth(growth: PerIteration, comparison: Comparison) -> str:
    sides = zip(titles(comparison), (growth.first_bytes, growth.second_bytes), strict=True)
    told = [f"{title} {signed(round(rate))}" for title, rate in sides if rate is not None]
    verdict = f"; {growth.verdict}" if growth.verdict else ""
    return printable(f"per {growth.unit}: {', '.join(told)} ({growth.figure}){verdict}")


def _reasons(comparison: Comparison) -> RenderableType:
    table = _grid()
    several = len(comparison.pools) > 1
    for reason in comparison.reasons:
        where = f"{printable(reason.pool)}: " if reason.pool and several else ""
        effect = "" if reason.effect_bytes is None else signed(reason.effect_bytes)
        text = Text.assemble(where + printable(reason.text), (f"  [{printable(reason.slug)}]", "dim"))
        table.add_row(Text(effect, justify="right"), text)
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    return table
