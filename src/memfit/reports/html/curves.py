"""The charts of a recording: which series go where, what is drawn at first, how many points each may have."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence

from memfit.documents import Estimate, Holding, Iterations, PhaseSpan, Process, Recording, Series
from memfit.quantities import format_bytes
from memfit.reports.html.packing import pack
from memfit.reports.html.parts import Chart, Level, Line, Timeline
from memfit.reports.levels import Bucket, buckets, of_series, peak_at
from memfit.reports.recorded import limits_of, main_series, process_name
from memfit.reports.text import printable
from memfit.reports.wording import duration, many

MOST_POOLS = 32  # drawn; a page with more would open slowly
_ALL_POINTS = 230_000  # of all series together; some 6 bytes each in the page
_MOST_POINTS = 40_000  # of one series
_MOST_SPANS = 4_000
_MOST_MARKS = 6_000
_MOST_PROCESSES = 8
_MOST_COLUMNS = 8
_MOST_CATEGORIES = 8
_STACKS = ("anonymous", "file", "shared")
_SHOWN = ("held", "used", "rss", "reserved", "allocated")


class Curves:
    """Makes the charts of one recording, sharing the points between all of its series."""

    def __init__(self, recording: Recording, estimate: Estimate | None = None) -> None:
        self._recording = recording
        self._estimate = estimate
        self._named = {process.pid: process for process in recording.processes}
        columns = sum(min(len(rows.columns), 2 * _MOST_COLUMNS) for rows in recording.iterations[:_MOST_PROCESSES])
        own = sum(series.scope.startswith("process:") for series in recording.series)
        series = sum(map(_drawn_in_pools, recording.series)) + min(own, _MOST_PROCESSES)
        self._points = min(_MOST_POINTS, _ALL_POINTS // max(series + columns, 1))

    def pools(self) -> Iterable[Chart]:
        """For each pool: its curves over time, and what they consist of where that is known."""
        for number, pool in enumerate(self._recording.pools[:MOST_POOLS]):
            if main_series(self._recording, pool) is None:
                continue
            yield self._pool(f"pool-{number}", pool)
            stack = self._stack(f"kinds-{number}", pool)
            if stack is not None:
                yield stack
        yield from self._holdings()

    def processes(self) -> Chart | None:
        """The processes' own curves, those with the highest peaks."""
        own = [series for series in self._recording.series if series.scope.startswith("process:") and series.high_bytes]
        own = sorted(own, key=lambda series: -(series.peak_bytes or 0))
        name = own[0].name if own else ""
        own = [series for series in own if series.name == name][:_MOST_PROCESSES]
        lines = [self._line(series, self._process(series.scope), f"n{i}", True) for i, series in enumerate(own)]
        if not lines:
            return None
        return Chart(
            name="processes-chart",
            title=f"Each process ({printable(name)})",
            caption="What each process held over time; pages that processes share count in each of them.",
            x="time",
            lines=tuple(lines),
        )

    def iterations(self) -> Iterable[Chart]:
        """For each process that counted iterations: its columns by iteration."""
        usable = [rows for rows in self._recording.iterations if len(rows.numbers) > 1 and rows.columns]
        for number, rows in enumerate(sorted(usable, key=lambda rows: -len(rows.numbers))[:_MOST_PROCESSES]):
            yield self._iterations(f"iterations-{number}", rows)

    def timeline(self) -> Timeline:
        """Phases and iterations over time, of the process that has most of them."""
        spans = _of_one_process(self._recording.phases)
        kept = sorted(spans, key=lambda span: -((span.end_s or self._recording.seconds) - span.start_s))[:_MOST_SPANS]
        names = sorted({span.name for span in kept}, key=lambda name: min(s.start_s for s in kept if s.name == name))
        rows = max(self._recording.iterations, key=lambda rows: len(rows.numbers), default=None)
        marks = [] if rows is None else buckets(rows.seconds, rows.numbers, rows.numbers, _MOST_MARKS)
        left = len(spans) - len(kept)
        return Timeline(
            seconds=self._recording.seconds if math.isfinite(self._recording.seconds) else 0.0,
            phases=tuple((printable(name), self._spans(kept, name)) for name in names),
            marks=pack([Bucket(at=mark.at, low=mark.high, high=mark.high) for mark in marks]),
            unit="" if rows is None else printable(rows.unit),
            note=f"{many(left, 'short stay', 'short stays')} in phases left out of the drawing" if left else "",
        )

    def _spans(self, spans: Sequence[PhaseSpan], name: str) -> tuple[tuple[float, float], ...]:
        """The stays in one phase; one that was open at the end lasts to the end."""
        own = ((s.start_s, self._recording.seconds if s.end_s is None else s.end_s) for s in spans if s.name == name)
        finite = ((start, end) for start, end in own if math.isfinite(start) and math.isfinite(end))
        return tuple(sorted((round(start, 4), round(max(end, start), 4)) for start, end in finite))

    def _pool(self, name: str, pool: str) -> Chart:
        own = [series for series in self._recording.series if series.pool == pool and _drawn_in_pools(series)]
        own.sort(key=lambda series: (series.scope != "job", _rank(series.name)))
        main = main_series(self._recording, pool)
        lines = []
        for series in own:
            if series.scope == "job" and series.name in _STACKS:
                continue
            label = printable(series.name if series.scope == "job" else f"{series.scope}: {series.name}")
            role = series.name if series.scope == "job" else f"{series.scope}-{series.name}"
            lines.append(self._line(series, label, printable(role), _at_first(series, main)))
        at = None if main is None else peak_at(main)
        return Chart(
            name=name,
            title=printable(pool),
            caption=_caption(pool, main),
            x="time",
            lines=tuple(lines),
            levels=(*self._limits(pool), *self._predicted(pool)),
            peak=None if at is None or main is None else (at, main.peak_bytes or 0),
        )

    def _limits(self, pool: str) -> Iterable[Level]:
        for limit in limits_of(self._recording, pool):
            whole = limit.room_bytes == limit.limit_bytes
            label = f"{limit.name}{'' if whole else ','} {format_bytes(limit.room_bytes)}{'' if whole else ' left'}"
            yield Level(label=label, kind="limit", low=limit.room_bytes, high=limit.room_bytes)

    def _predicted(self, pool: str) -> Iterable[Level]:
        for predicted in () if self._estimate is None else self._estimate.pools:
            if predicted.pool == pool:
                peak = predicted.peak_bytes
                yield Level(
                    label="predicted peak", kind="predicted", low=peak.low, high=peak.high, expected=peak.expected
                )

    def _stack(self, name: str, pool: str) -> Chart | None:
        found = (self._recording.one(pool, "job", kind) for kind in _STACKS)
        lines = tuple(self._line(s, s.name, s.name, True) for s in found if s is not None and s.peak_bytes)
        if len(lines) < 2:
            return None
        return Chart(
            name=name,
            title=f"{printable(pool)}: kinds of pages",
            caption="Anonymous pages are the job's own; file pages can be read again; shared ones are shared memory.",
            x="time",
            lines=lines,
            stacked=True,
        )

    def _holdings(self) -> Iterable[Chart]:
        by_pid: dict[int, list[Holding]] = {}
        for holding in self._recording.holdings:
            if holding.held_bytes is not None and holding.look == "tensors":
                by_pid.setdefault(holding.pid, []).append(holding)
        for number, (pid, found) in enumerate(list(by_pid.items())[:_MOST_PROCESSES]):
            looks = sorted({holding.at_s for holding in found})
            sums: dict[str, dict[float, int]] = {}
            for holding in found:
                at = sums.setdefault(holding.category, dict.fromkeys(looks, 0))
                at[holding.at_s] += holding.held_bytes or 0
            if len(looks) > 1:
                yield self._categories(f"categories-{number}", pid, looks, sums)

    def _categories(self, name: str, pid: int, looks: list[float], sums: dict[str, dict[float, int]]) -> Chart:
        ranked = sorted(sums.items(), key=lambda item: -max(item[1].values()))
        kept = ranked[:_MOST_CATEGORIES]
        if len(ranked) > _MOST_CATEGORIES:
            rest = {at: sum(values[at] for _, values in ranked[_MOST_CATEGORIES:]) for at in looks}
            kept.append(("everything else", rest))
        lines = [
            self._drawn(looks, list(v.values()), printable(k).replace("_", " "), printable(k), True) for k, v in kept
        ]
        return Chart(
            name=name,
            title=f"{self._process(f'process:{pid}')}: what the tensors are for",
            caption="Found by looking at the process between iterations, now and then.",
            x="time",
            lines=tuple(lines),
            stacked=True,
        )

    def _iterations(self, name: str, rows: Iterations) -> Chart:
        plain = [column for column in rows.columns if not column.endswith(("_low", "_high"))][:_MOST_COLUMNS]
        lines = []
        for number, column in enumerate(plain):
            values, label = rows.columns[column], printable(column)
            lines.append(self._drawn(rows.numbers, values, label, label.rsplit("/", 1)[-1], number < 4))
            highest = rows.columns.get(f"{column}_high")
            if highest:
                lines.append(self._drawn(rows.numbers, highest, f"{label}, highest within", "", False))
        return Chart(
            name=name,
            title=f"{self._process(f'process:{rows.pid}')}: by {printable(rows.unit)}",
            caption=f"At the end of each {printable(rows.unit)}, or of several where they were quick or were merged.",
            x="iteration",
            lines=tuple(lines),
            unit=printable(rows.unit),
        )

    def _line(self, series: Series, label: str, role: str, shown: bool) -> Line:
        points = of_series(series, self._points)
        return _line(points, label, role, shown, series.last_bytes[0], series.last_bytes[-1], series.peak_bytes or 0)

    def _drawn(self, at: Sequence[float], values: Sequence[int], label: str, role: str, shown: bool) -> Line:
        points = buckets(at, values, values, self._points)
        whole = isinstance(at, array) and at.typecode == "q"
        return _line(points, label, role, shown, values[0], values[-1], max(values), whole=whole)

    def _process(self, scope: str) -> str:
        pid = scope.removeprefix("process:")
        process: Process | None = self._named.get(int(pid)) if pid.isdecimal() else None
        return process_name(process) if process is not None else printable(f"process {pid}")


def _line(
    points: list[Bucket], label: str, role: str, shown: bool, first: int, last: int, peak: int, *, whole: bool = False
) -> Line:
    says = f"first {format_bytes(first)}, last {format_bytes(last)}, highest {format_bytes(peak)}"
    return Line(label=label, role=role, points=pack(points, whole=whole), shown=shown, says=says)


def _drawn_in_pools(series: Series) -> bool:
    """Not the processes' own, which have a chart for themselves, and nothing that counts no bytes ("stalled_us")."""
    return bool(series.high_bytes) and not series.scope.startswith("process:") and not series.name.endswith("_us")


def _rank(name: str) -> int:
    return _SHOWN.index(name) if name in _SHOWN else len(_SHOWN)


def _at_first(series: Series, main: Series | None) -> bool:
    """The main curve, the usual ones, and swap once there is any; what the machine does only when asked for."""
    if series is main:
        return True
    return series.scope == "job" and (series.name in _SHOWN or (series.name == "swap" and bool(series.peak_bytes)))


def _caption(pool: str, main: Series | None) -> str:
    if main is None:
        return ""
    at = peak_at(main)
    when = "" if at is None else f", {duration(at)} after the start"
    return f"Highest {format_bytes(main.peak_bytes)} ({printable(main.name)}){when}."


def _of_one_process(spans: tuple[PhaseSpan, ...]) -> list[PhaseSpan]:
    """The spans of the process that has most; those of all processes on one line would hide each other."""
    counts: dict[int, int] = {}
    for span in spans:
        counts[span.pid] = counts.get(span.pid, 0) + 1
    busiest = max(counts, key=lambda pid: counts[pid], default=None)
    return [span for span in spans if span.pid == busiest]
