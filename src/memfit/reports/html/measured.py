"""The sections of a recording: peaks, curves, who held the peak, iterations, phases, processes, events."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from memfit.documents import Estimate, Holding, Recording
from memfit.quantities import format_bytes
from memfit.reports.holders import near_the_peak
from memfit.reports.html.curves import MOST_POOLS, Curves
from memfit.reports.html.parts import Cell, Mark, Section, Table, Tile
from memfit.reports.recorded import PoolPeak, RecordingView, main_series, process_name
from memfit.reports.text import printable
from memfit.reports.wording import duration, many, percent, signed

_MEANINGS = {
    "held": "what to plan with: proportional sizes, carried on between readings by the change of resident sizes",
    "pss": "proportional set size, summed: a page that processes share counts once",
    "uss": "unique set size, summed: pages that no other process has",
    "rss": "resident set size, summed: a page that processes share counts in each of them",
    "swap": "moved out to swap",
    "anonymous": "pages of the job's own",
    "file": "pages of files; the kernel can read them again",
    "shared": "shared memory",
    "used": "as the driver reports it for the job's processes, libraries and context included",
    "reserved": "held by the framework's allocator from the driver",
    "allocated": "held by live tensors, as the allocator rounds them",
}
_NEARLY_FULL = 0.9  # of a limit's room
_MOST_ROWS = 60
_MOST_HOLDERS = 20
_MOST_PEAKS = 8  # pools, those nearest to their limits
_LONGEST_TABLE = 12  # rows; a longer one is folded at first


def tiles(seen: RecordingView, estimate: Estimate | None) -> tuple[Tile, ...]:
    """A tile per pool, with its peak on a meter up to the tightest limit."""
    return tuple(_tile(pool, estimate) for pool in seen.pools)


def sections(recording: Recording, seen: RecordingView, estimate: Estimate | None) -> Iterable[Section]:
    """Curves first, then the peak, iterations, phases and processes."""
    curves = Curves(recording, estimate)
    yield Section(
        name="curves",
        title="Memory over time",
        lead=_curves_lead(len(seen.pools)),
        charts=tuple(curves.pools()),
    )
    peaks = tuple(_peaks(recording, seen))
    if peaks:
        yield Section(name="peak", title="What held the peak", tables=peaks)
    iterations = tuple(curves.iterations())
    if seen.iterations:
        yield Section(name="iterations", title="By iteration", charts=iterations, tables=(_iterations(seen),))
    if seen.phases:
        yield Section(name="phases", title="Phases", tables=(_phases(seen),))
    chart = curves.processes()
    yield Section(
        name="processes",
        title="Processes",
        lead="" if seen.processes else "No process was recorded.",
        charts=(chart,) if chart else (),
        tables=(_processes(seen),) if seen.processes else (),
    )
    if seen.events:
        yield Section(name="events", title="What happened", tables=(_events(seen),))


def surroundings(recording: Recording, seen: RecordingView) -> Section:
    """The machine, versions and settings, and what the reader should know of the recording."""
    lasted = (
        ("started", seen.started),
        ("lasted", duration(seen.seconds)),
        ("stalled for memory", _stalled(recording)),
    )
    facts = (*lasted, *seen.machine, *seen.environment)
    limits = [
        (
            Cell(text=pool.name),
            Cell(text=limit.name),
            _size(limit.limit_bytes),
            _size(limit.limit_bytes - limit.room_bytes),
        )
        for pool in seen.pools
        for limit in pool.limits
    ]
    table = Table(title="Limits", columns=("pool", "limit", "size", "held by others at the start"), rows=tuple(limits))
    return Section(
        name="recorded-on",
        title="Where it was recorded",
        facts=tuple((name, value) for name, value in facts if value),
        tables=(table,) if limits else (),
        notes=seen.notes,
    )


def _curves_lead(pools: int) -> str:
    if not pools:
        return "No series of the job was recorded."
    left = pools - MOST_POOLS
    return f"The first {MOST_POOLS} are drawn; {many(left, 'more is', 'more are')} in the tables." if left > 0 else ""


def _stalled(recording: Recording) -> str:
    """How long processes of the machine waited for memory while it recorded; empty where the kernel does not tell."""
    waited = next(
        (s for s in recording.series if s.scope == "machine" and s.name == "stalled_us" and s.last_bytes), None
    )
    return "" if waited is None else duration(max(waited.last_bytes[-1] - waited.last_bytes[0], 0) / 1e6)


def _tile(pool: PoolPeak, estimate: Estimate | None) -> Tile:
    predicted = next((one.peak_bytes for one in estimate.pools if one.pool == pool.name), None) if estimate else None
    limit = pool.limits[0] if pool.limits else None
    whole = max(limit.room_bytes if limit else 0, pool.peak_bytes, predicted.high if predicted else 0, 1)
    details = [] if limit is None else [f"{percent(pool.share or 0)} of {format_bytes(limit.room_bytes)}, {limit.name}"]
    if limit is not None and limit.room_bytes != limit.limit_bytes:
        details.append(f"others held {format_bytes(limit.limit_bytes - limit.room_bytes)} at the start")
    if predicted is not None:
        details.append(f"predicted {format_bytes(predicted.low)} to {format_bytes(predicted.high)}")
    if pool.peak_at_s is None:
        details.append("the peak lies between two samples")
    else:
        details.append(f"{duration(pool.peak_at_s)} after the start; {format_bytes(pool.end_bytes)} at the end")
    used = min(pool.peak_bytes, limit.room_bytes) if limit else pool.peak_bytes
    marks = [Mark(share=limit.room_bytes / whole, name=limit.name)] if limit else []
    parts = (("used", used / whole), ("above", (pool.peak_bytes - used) / whole))
    return Tile(
        label=f"{pool.name}: peak",
        value=format_bytes(pool.peak_bytes),
        details=tuple(details),
        parts=parts if limit or predicted else (),
        marks=tuple(marks),
        meter=details[0] if limit or predicted else "",
        tone=""
        if pool.share is None
        else "bad"
        if pool.share >= 1
        else "warn"
        if pool.share >= _NEARLY_FULL
        else "good",
    )


def _peaks(recording: Recording, seen: RecordingView) -> Iterable[Table]:
    nearest = sorted(seen.pools, key=lambda pool: -(pool.share or 0))[:_MOST_PEAKS]
    for pool in (pool for pool in seen.pools if pool in nearest):
        if pool.peak_at_s is not None:
            yield _at_the_peak(recording, pool, pool.peak_at_s)
    holdings = near_the_peak(recording, (pool.peak_at_s for pool in seen.pools))
    if holdings:
        yield _holders(recording, holdings)
    highest = [
        (Cell(text=pool.name), Cell(text=name), _size(size), Cell(text=_MEANINGS.get(name, "")))
        for pool in seen.pools
        for name, size in pool.figures
    ]
    if highest:
        columns = ("pool", "figure", "highest", "what it is")
        yield Table(
            title="Other figures of the job, each at its own highest",
            columns=columns,
            rows=tuple(highest),
            folded=len(highest) > _LONGEST_TABLE,
        )


def _at_the_peak(recording: Recording, pool: PoolPeak, at: float) -> Table:
    main = main_series(recording, pool.name)
    found = _processes_at(recording, pool.name, at)
    figures = [name for name in ("pss", "rss", "uss", "used") if any(name in sizes for sizes in found.values())]
    whole = f"the whole job ({printable(main.name)})" if main else "the whole job"
    rows = [(Cell(text=whole), _size(pool.peak_bytes), *(Cell(text="") for _ in figures), _share(1.0))]
    ranked = sorted(found.items(), key=lambda item: -item[1].get(figures[0], 0))
    for name, sizes in ranked[:_MOST_ROWS]:
        share = sizes.get(figures[0], 0) / pool.peak_bytes if pool.peak_bytes else 0.0
        own = (_size(sizes.get(figure)) for figure in figures)
        rows.append((Cell(text=name, indent=1), Cell(text=""), *own, _share(share)))
    last = f"{figures[0]}, of the peak" if figures else "of the peak"
    title = ", ".join((f"{pool.name} at its peak: {duration(at)} after the start", *_meanwhile(recording, at)))
    more = _left_out(len(ranked), "process", "processes")
    return Table(title=title, columns=("who", "together", *figures, last), rows=tuple(rows), more=more)


def _processes_at(recording: Recording, pool: str, at: float) -> dict[str, dict[str, int]]:
    """What each process that was there held at a moment, by the name of the figure."""
    there = {str(p.pid): process_name(p) for p in recording.processes if p.end_s is None or p.end_s >= at}
    found: dict[str, dict[str, int]] = {}
    for series in recording.series:
        pid, position = series.scope.removeprefix("process:"), bisect_right(series.seconds, at) - 1
        if series.pool == pool and pid != series.scope and pid in there and position >= 0:
            found.setdefault(there[pid], {})[series.name] = series.last_bytes[position]
    return found


def _meanwhile(recording: Recording, at: float) -> Iterable[str]:
    """What the job was doing at a moment."""
    inside = [s for s in recording.phases if s.start_s <= at <= (recording.seconds if s.end_s is None else s.end_s)]
    for name in dict.fromkeys(span.name for span in inside):
        yield f"in {printable(name)}"
    for rows in recording.iterations[:1]:
        position = bisect_right(rows.seconds, at) - 1
        if position >= 0:
            yield f"after {many(rows.numbers[position], printable(rows.unit))}"


def _holders(recording: Recording, ranked: list[Holding]) -> Table:
    named = {process.pid: process_name(process) for process in recording.processes}
    largest = max((holding.held_bytes or 0 for holding in ranked), default=0)
    rows = tuple(
        (
            Cell(text=printable(holding.category).replace("_", " ")),
            Cell(text=printable(holding.label) + (f" × {holding.count:,}" if holding.count != 1 else "")),
            _of(holding.held_bytes, largest),
            Cell(text={True: "grows", False: "steady", None: ""}[holding.grows], tone="warn" if holding.grows else ""),
            Cell(text=printable(holding.where), code=True),
            Cell(text=f"{named.get(holding.pid, str(holding.pid))}, {duration(holding.at_s)}"),
        )
        for holding in ranked[:_MOST_HOLDERS]
    )
    return Table(
        title="Holders of memory found by looking into the processes, nearest to the peak",
        columns=("category", "what", "size", "growth", "where", "seen in, at"),
        rows=rows,
        more=_left_out(len(ranked), "holder", most=_MOST_HOLDERS),
    )


def _iterations(seen: RecordingView) -> Table:
    rows = []
    for one in seen.iterations:
        mean = "—" if one.mean_s is None else duration(one.mean_s)
        for name, first, last, highest in one.columns or (("—", 0, 0, 0),):
            per = (last - first) / (one.count - 1) if one.count > 1 else None
            rows.append((
                Cell(text=one.process),
                Cell(text=many(one.count, one.unit), number=True),
                Cell(text=mean, number=True),
                Cell(text=name, code=True),
                *((_size(first), _size(last), _size(highest)) if one.columns else (Cell(text="—"),) * 3),
                Cell(text=signed(per), number=True),
            ))  # fmt: skip
    return Table(
        title="Iterations",
        columns=(
            "process",
            "count",
            "each takes",
            "figure",
            "first",
            "last",
            "highest",
            "change per iteration, end to end",
        ),
        rows=tuple(rows[:_MOST_ROWS]),
        more=_left_out(len(rows), "row"),
    )


def _phases(seen: RecordingView) -> Table:
    ranked = sorted(seen.phases, key=lambda phase: -(phase.high_bytes or 0))
    top = max((phase.high_bytes or 0 for phase in ranked), default=0)
    rows = tuple(
        (
            Cell(text=phase.name),
            Cell(text=phase.process),
            Cell(text=f"{phase.count:,}", number=True),
            Cell(text=duration(phase.seconds), number=True),
            Cell(text=percent(phase.seconds / seen.seconds) if seen.seconds else "—", number=True),
            _of(phase.high_bytes, top),
        )
        for phase in ranked[:_MOST_ROWS]
    )
    columns = ("phase", "process", "stays", "altogether", "of the time", "highest resident size")
    return Table(title="Phases, highest first", columns=columns, rows=rows, more=_left_out(len(ranked), "phase"))


def _processes(seen: RecordingView) -> Table:
    top = max((process.peak_bytes or 0 for process in seen.processes), default=0)
    rows = tuple(
        (
            Cell(text=process.name, indent=min(process.depth, 8)),
            Cell(text=str(process.pid), number=True),
            Cell(text=process.role + ("" if process.rank is None else f" {process.rank}")),
            Cell(text=duration(process.start_s), number=True),
            Cell(text="at the end still there" if process.end_s is None else duration(process.end_s), number=True),
            _of(process.peak_bytes, top),
            Cell(text=process.command, code=True),
        )
        for process in seen.processes[:_MOST_ROWS]
    )
    return Table(
        title="The job's processes",
        columns=("process", "pid", "role", "from", "to", "highest resident size", "command"),
        rows=rows,
        more=_left_out(len(seen.processes), "process", "processes"),
        folded=len(rows) > _LONGEST_TABLE,
    )


def _events(seen: RecordingView) -> Table:
    rows = tuple(
        (
            Cell(text=duration(event.at_s), number=True),
            Cell(text=event.slug, tone="bad" if "oom" in event.slug else ""),
            Cell(text=event.process),
            Cell(text=event.text),
        )
        for event in seen.events[:_MOST_ROWS]
    )
    return Table(
        title="Events",
        columns=("at", "event", "process", "what was seen"),
        rows=rows,
        more=_left_out(len(seen.events), "event"),
        folded=len(rows) > _LONGEST_TABLE,
    )


def _left_out(count: int, one: str, several: str | None = None, *, most: int = _MOST_ROWS) -> str:
    return f"{many(count - most, one, several)} more in the recording." if count > most else ""


def _size(size_bytes: int | None) -> Cell:
    return Cell(text=format_bytes(size_bytes), number=True)


def _of(size_bytes: int | None, largest: int) -> Cell:
    """A size with a bar against the largest of its table."""
    return Cell(text=format_bytes(size_bytes), number=True, share=(size_bytes or 0) / largest if largest else None)


def _share(share: float) -> Cell:
    return Cell(text=percent(share), number=True, share=min(share, 1.0))
