"""A recording as the plain data that a picture of it needs: what to say, in words and figures. Draws nothing.

Trusts the document's numbers; every text from it is made printable here, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from memfit.documents import Event, Iterations, Limit, PhaseTotal, Process, Recording, Series
from memfit.quantities import format_bytes
from memfit.reports import levels
from memfit.reports.ended import Ended, ended
from memfit.reports.holders import near_the_peak
from memfit.reports.text import printable
from memfit.reports.wording import duration, many, percent

_SPARK_POINTS = 60
_PROBES = ("gc", "malloc_trim")  # what a probe freed is no holder


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitView:
    """A limit and what of it was there for the job: its bytes less what others held at the start."""

    name: str
    limit_bytes: int
    room_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPeak:
    """One pool of the job over the whole recording.

    Args:
        name: "host", "cuda:0".
        peak_bytes: the highest the job held there.
        peak_at_s: when; None when it lies between samples.
        end_bytes: what it held when last read.
        limits: those of the pool, the tightest first.
        share: of the tightest limit's room, 0 to 1 and beyond; None without a limit.
        figures: peaks of the other series of the job in this pool, by name.
        spark: the highest of about sixty equal parts.
    """

    name: str
    peak_bytes: int
    peak_at_s: float | None
    end_bytes: int | None
    limits: tuple[LimitView, ...]
    share: float | None
    figures: tuple[tuple[str, int], ...]
    spark: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseView:
    """A phase of one process over the whole recording."""

    process: str
    name: str
    count: int
    seconds: float
    high_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IterationsView:
    """The iterations of one process: how many, how long, and what each column was at the first, last and highest."""

    process: str
    unit: str
    count: int
    mean_s: float | None
    columns: tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HolderView:
    """One holder of memory that was found in a process near the peak."""

    category: str
    what: str
    held_bytes: int
    grows: bool | None
    where: str
    process: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessView:
    """One process in the job's tree; ``depth`` 0 is a root."""

    depth: int
    pid: int
    name: str
    command: str
    role: str
    rank: int | None
    node: int
    start_s: float
    end_s: float | None
    peak_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventView:
    """Something that happened, with the process it happened to in words."""

    at_s: float
    slug: str
    process: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    """A whole recording, ready to draw."""

    command: str
    started: str
    seconds: float
    ended: Ended
    headline: str
    pools: tuple[PoolPeak, ...]
    phases: tuple[PhaseView, ...]
    iterations: tuple[IterationsView, ...]
    holders: tuple[HolderView, ...]
    processes: tuple[ProcessView, ...]
    events: tuple[EventView, ...]
    machine: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def view(recording: Recording) -> RecordingView:
    """Everything the report says about a recording, in plain data."""
    pools = tuple(peak for name in recording.pools if (peak := _pool(recording, name)) is not None)
    named = {process.pid: process_name(process) for process in recording.processes}
    return RecordingView(
        command=printable(recording.title) or "a job",
        started=printable(recording.started),
        seconds=recording.seconds,
        ended=ended(recording.ending),
        headline=_headline(pools, recording),
        pools=pools,
        phases=tuple(_phase(total, named) for total in recording.phase_totals),
        iterations=tuple(_iterations(rows, named) for rows in recording.iterations if rows.numbers),
        holders=tuple(_holders(recording, pools, named)),
        processes=tuple(tree(recording.processes)),
        events=tuple(_event(event, named) for event in recording.events),
        machine=settings(recording.machine),
        environment=settings(recording.environment),
        notes=tuple(printable(note) for note in recording.notes),
    )


def _holders(recording: Recording, pools: tuple[PoolPeak, ...], named: Mapping[int, str]) -> Iterable[HolderView]:
    for one in near_the_peak(recording, (pool.peak_at_s for pool in pools)):
        if one.held_bytes is None or one.look in _PROBES:
            continue
        yield HolderView(
            category=printable(one.category).replace("_", " "),
            what=printable(one.label) + (f" × {one.count:,}" if one.count != 1 else ""),
            held_bytes=one.held_bytes,
            grows=one.grows,
            where=printable(one.where),
            process=named.get(one.pid, str(one.pid)),
        )


def process_name(process: Process) -> str:
    """A process in words: its role and rank, or its program, and its number."""
    rank = "" if process.rank is None else f" rank {process.rank}"
    node = f" on node {process.node}" if process.node else ""
    return printable(f"{process.role or process.name}{rank}{node} ({process.pid})")


def main_series(recording: Recording, pool: str) -> Series | None:
    """What the job held in a pool; of a pool without that figure, the first series that the job has there."""
    own = [series for series in recording.series if series.pool == pool and series.scope == "job" and series.high_bytes]
    wanted = "held" if pool.endswith("host") else "used"
    return next((series for series in own if series.name == wanted), own[0] if own else None)


def limits_of(recording: Recording, pool: str) -> tuple[LimitView, ...]:
    """The limits of a pool, the tightest first."""
    found = [_limit(limit) for limit in recording.limits if limit.pool == pool]
    return tuple(sorted(found, key=lambda limit: limit.room_bytes))


def settings(values: Mapping[str, Any], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Names and values as text, nested ones with dotted names; empty values are left out."""
    found: list[tuple[str, str]] = []
    for name, value in values.items():
        label = prefix + printable(name)
        if isinstance(value, Mapping):
            found += settings(value, f"{label}.") if prefix.count(".") < 3 else []
        elif value is not None and value != "" and value != []:
            found.append((label.replace("_", " "), _setting(str(name), value)))
    return tuple(found)


def tree(processes: Iterable[Process]) -> Iterable[ProcessView]:
    """The processes, children under their parents; whoever has no known parent is a root."""
    every = list(processes)
    known = {(process.node, process.pid) for process in every}
    children: dict[tuple[int, int | None], list[Process]] = {}
    for process in every:
        parent = process.parent_pid if (process.node, process.parent_pid) in known else None
        children.setdefault((process.node, None if parent == process.pid else parent), []).append(process)
    nodes = sorted({process.node for process in every})
    waiting = [(child, 0) for node in reversed(nodes) for child in reversed(children.get((node, None), []))]
    shown: set[int] = set()
    while waiting or len(shown) < len(every):
        # Parents that are each other's children would never be reached from a root: they become roots themselves.
        process, depth = waiting.pop() if waiting else (next(p for p in every if id(p) not in shown), 0)
        if id(process) in shown:
            continue
        shown.add(id(process))
        yield _process(process, depth)
        waiting += [(child, depth + 1) for child in reversed(children.get((process.node, process.pid), []))]


def _pool(recording: Recording, name: str) -> PoolPeak | None:
    main, peak_bytes = main_series(recording, name), recording.peak_bytes(name)
    if main is None:
        return None
    peak_bytes = (main.peak_bytes or 0) if peak_bytes is None else peak_bytes
    limits = limits_of(recording, name)
    own = (series for series in recording.series if series.pool == name and series.scope == "job")
    return PoolPeak(
        name=printable(name),
        peak_bytes=peak_bytes,
        peak_at_s=levels.peak_at(main) if main.peak_bytes == peak_bytes else None,
        end_bytes=main.last_bytes[-1] if main.last_bytes else None,
        limits=limits,
        share=peak_bytes / limits[0].room_bytes if limits and limits[0].room_bytes > 0 else None,
        figures=tuple((printable(s.name), s.peak_bytes) for s in own if s.peak_bytes is not None and s is not main),
        spark=tuple(bucket.high for bucket in levels.of_series(main, _SPARK_POINTS)),
    )


def _limit(limit: Limit) -> LimitView:
    return LimitView(
        name=printable(limit.name),
        limit_bytes=limit.limit_bytes,
        room_bytes=max(limit.limit_bytes - limit.others_bytes, 0),
    )


def _headline(pools: tuple[PoolPeak, ...], recording: Recording) -> str:
    """The peaks in a sentence, the pool nearest to its limit first."""
    if not pools:
        return "No memory of the job was read."
    nearest = sorted(pools, key=lambda pool: -(pool.share or 0))
    return f"At its peak the job held {' and '.join(map(_peak_words, nearest[:3]))}."


def _peak_words(pool: PoolPeak) -> str:
    words = f"{format_bytes(pool.peak_bytes)} on {pool.name}"
    if pool.share is None:
        return words
    limit = pool.limits[0]
    others = " that others left" if limit.room_bytes != limit.limit_bytes else ""
    return f"{words} ({percent(pool.share)} of the {format_bytes(limit.room_bytes)}{others}, {limit.name})"


def _phase(total: PhaseTotal, named: Mapping[int, str]) -> PhaseView:
    return PhaseView(
        process=named.get(total.pid, str(total.pid)),
        name=printable(total.name),
        count=total.count,
        seconds=total.seconds,
        high_bytes=total.high_bytes,
    )


def _iterations(rows: Iterations, named: Mapping[int, str]) -> IterationsView:
    done = rows.numbers[-1] - rows.numbers[0]
    columns = tuple(
        (printable(name), values[0], values[-1], max(max(values), max(rows.columns.get(f"{name}_high") or values)))
        for name, values in rows.columns.items()
        if values and not name.endswith(("_high", "_low"))
    )
    return IterationsView(
        process=named.get(rows.pid, str(rows.pid)),
        unit=printable(rows.unit),
        count=rows.numbers[-1],
        mean_s=(rows.seconds[-1] - rows.seconds[0]) / done if done > 0 else None,
        columns=columns,
    )


def _process(process: Process, depth: int) -> ProcessView:
    return ProcessView(
        depth=depth,
        pid=process.pid,
        name=printable(process.name),
        command=printable(process.command),
        role=printable(process.role),
        rank=process.rank,
        node=process.node,
        start_s=process.start_s,
        end_s=process.end_s,
        peak_bytes=process.peak_rss_bytes,
    )


def _event(event: Event, named: Mapping[int, str]) -> EventView:
    process = "" if event.pid is None else named.get(event.pid, str(event.pid))
    return EventView(at_s=event.at_s, slug=printable(event.slug), process=process, text=printable(event.text))


def _setting(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith("_bytes"):
        return format_bytes(value)
    if isinstance(value, list | tuple):
        return printable(", ".join(map(str, value)))
    return printable(value)


def summary(seen: RecordingView) -> str:
    """How long it ran and what it did, in a sentence."""
    did = [many(rows.count, rows.unit) for rows in seen.iterations[:1]]
    lasted = duration(seen.seconds)
    parts = [*([] if lasted in seen.ended.text else [lasted]), *did, many(len(seen.processes), "process", "processes")]
    return ", ".join(part for part in parts if part)
