"""A recording in a terminal: how it ended, each pool's peak against its limit with its course, iterations, processes.

Draws what `recorded` says and nothing else; piped, it is plain text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.documents import Recording
from memfit.quantities import MIB, format_bytes
from memfit.reports import screen
from memfit.reports.bars import bar
from memfit.reports.recorded import HolderView, PoolPeak, RecordingView, summary, view
from memfit.reports.sparkline import sparkline
from memfit.reports.wording import duration, many, percent, signed

_TONES = {"good": "green", "warn": "yellow", "bad": "red", "neutral": "cyan"}
_INDENT = 2
_METER = 24
_MOST_ROWS = 12
_MOST_PROCESSES = 6
_MOST_HOLDERS = 8
_WORTH_A_ROW = MIB
_MOST_POOLS = 6  # those nearest to their limits


def write(recording: Recording, stream: TextIO) -> None:
    """Print the whole report; the stream's width, colours and encoding are respected."""
    screen.write(report(view(recording), width=screen.console(stream).width), stream)


def report(seen: RecordingView, *, width: int) -> RenderableType:
    """The report as one renderable, for that many columns."""
    parts: list[RenderableType] = [_headline(seen)]
    nearest = sorted(seen.pools, key=lambda pool: -(pool.share or 0))[:_MOST_POOLS]
    for pool in (pool for pool in seen.pools if pool in nearest):
        parts += [Text(), _pool(pool, width - _INDENT)]
    parts += [Text(), Text(left, style="dim")] if (left := _left_out(seen.pools, nearest)) else []
    for title, table in _tables(seen):
        parts += [Text(), Text(title, style="bold"), Padding(table, (0, 0, 0, _INDENT))]
    parts += [Text(note, style="dim") for note in (("", *seen.notes) if seen.notes else ())]
    return Group(*parts)


def _left_out(pools: tuple[PoolPeak, ...], shown: list[PoolPeak]) -> str:
    """The pools that are not shown, in a line."""
    rest = [pool for pool in pools if pool not in shown]
    if not rest:
        return ""
    span = f"{format_bytes(min(pool.peak_bytes for pool in rest))} to {format_bytes(max(p.peak_bytes for p in rest))}"
    return f"… {many(len(rest), 'more pool')}, peaks from {span}"


def _headline(seen: RecordingView) -> RenderableType:
    colour = _TONES[seen.ended.tone]
    badge = Text(f" {seen.ended.badge.upper()} ", style=f"bold reverse {colour}")
    return Group(
        Text.assemble(badge, "  ", (seen.command, "bold")),
        Text(seen.headline),
        Text(f"{seen.ended.text} ({summary(seen)})", style=colour),
    )


def _pool(pool: PoolPeak, width: int) -> RenderableType:
    title = Text.assemble((pool.name, "bold"), "  peak ", (format_bytes(pool.peak_bytes), "bold"))
    if pool.peak_at_s is not None:
        title.append(f" after {duration(pool.peak_at_s)}")
    if pool.end_bytes is not None:
        title.append(f", {format_bytes(pool.end_bytes)} at the end", style="dim")
    table = _grid()
    for limit in pool.limits:
        share = pool.peak_bytes / limit.room_bytes if limit.room_bytes else 1.0
        drawn = Text(bar(share, min(_METER, max(width - 50, 6))), style="red" if share > 0.9 else "green", no_wrap=True)
        table.add_row(drawn, Text(f"{percent(share)} of {format_bytes(limit.room_bytes)}, {limit.name}"))
    body: list[RenderableType] = [table] if pool.limits else []
    if len(pool.spark) > 1:
        body.append(Text(sparkline(pool.spark, width, bottom=0), style="cyan", no_wrap=True))
    if pool.figures:
        body.append(Text(" · ".join(f"{name} {format_bytes(size)}" for name, size in pool.figures), style="dim"))
    return Group(title, Padding(Group(*body), (0, 0, 0, _INDENT)))


def _tables(seen: RecordingView) -> Iterable[tuple[str, RenderableType]]:
    if seen.iterations:
        yield "iterations", _iterations(seen)
    if seen.phases:
        yield "phases", _phases(seen)
    if holders := [one for one in seen.holders if one.held_bytes >= _WORTH_A_ROW][:_MOST_HOLDERS]:
        yield "held near the peak", _holders(holders)
    if len(seen.processes) > 1:
        yield "processes", _processes(seen)
    if seen.events:
        yield "events", _events(seen)


def _iterations(seen: RecordingView) -> RenderableType:
    parts: list[RenderableType] = []
    for one in seen.iterations[:_MOST_PROCESSES]:
        each = "" if one.mean_s is None else f", {duration(one.mean_s)} each"
        parts.append(Text(f"{one.process}: {many(one.count, one.unit)}{each}"))
        table = _headed("figure", "first", "last", "highest", f"per {one.unit}")
        for name, first, last, highest in one.columns[:_MOST_ROWS]:
            per = (last - first) / (one.count - 1) if one.count > 1 else None
            table.add_row(*map(Text, (name, *map(format_bytes, (first, last, highest)), signed(per))))
        if one.columns:
            parts.append(Padding(table, (0, 0, 0, _INDENT)))
    left = len(seen.iterations) - _MOST_PROCESSES
    return Group(
        *parts, *([Text(f"… {many(left, 'more process', 'more processes')}", style="dim")] if left > 0 else [])
    )


def _phases(seen: RecordingView) -> Table:
    table = _headed("phase", "stays", "altogether", "highest", "process")
    ranked = sorted(seen.phases, key=lambda phase: -(phase.high_bytes or 0))
    for phase in ranked[:_MOST_ROWS]:
        figures = (f"{phase.count:,}", duration(phase.seconds), format_bytes(phase.high_bytes), phase.process)
        table.add_row(*map(Text, (phase.name, *figures)))
    return _closed(table, len(ranked))


def _holders(holders: list[HolderView]) -> Table:
    table = _headed("category", "what", "size", "growth", "process")
    for one in holders:
        growth = {True: "grows", False: "steady", None: ""}[one.grows]
        what = f"{one.what} ({one.where})" if one.where else one.what
        table.add_row(*map(Text, (one.category, what, format_bytes(one.held_bytes), growth, one.process)))
    return table


def _processes(seen: RecordingView) -> Table:
    table = _headed("process", "pid", "role", "highest", "command")
    for one in seen.processes[:_MOST_ROWS]:
        role = one.role + ("" if one.rank is None else f" {one.rank}")
        words = ("  " * min(one.depth, 6) + one.name, str(one.pid), role, format_bytes(one.peak_bytes))
        table.add_row(*map(Text, words), Text(one.command, style="dim", no_wrap=True, overflow="ellipsis"))
    return _closed(table, len(seen.processes))


def _events(seen: RecordingView) -> Table:
    table = _headed("at", "event", "what was seen")
    for event in seen.events[-_MOST_ROWS:]:
        text = f"{event.process}: {event.text}" if event.process else event.text
        table.add_row(*map(Text, (duration(event.at_s), event.slug, text)))
    return table


def _headed(*titles: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="ellipsis" if title in ("process", "figure") else "fold")
    return table


def _closed(table: Table, count: int) -> Table:
    if count > _MOST_ROWS:
        table.add_row(Text(f"… {count - _MOST_ROWS:,} more", style="dim"))
    return table


def _grid() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    return table
