"""The sections of an estimate: each pool's range against its capacity, what it consists of, and what it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import Estimate, PoolEstimate
from memfit.quantities import Verdict, format_bytes
from memfit.reports.html.parts import Cell, Mark, Section, Table, Tile
from memfit.reports.text import printable
from memfit.reports.view import EstimateView, PoolView
from memfit.reports.wording import percent

TONES = {Verdict.FITS: "good", Verdict.TIGHT: "warn", Verdict.DOES_NOT_FIT: "bad", Verdict.UNKNOWN: "neutral"}
MESSAGES = "docs/messages.md"  # explains every assumption by its name
_MOST_ROWS = 40


def badge(verdict: Verdict) -> str:
    """The verdict as people read it."""
    return verdict.value.replace("_", " ")


def headline(seen: EstimateView) -> str:
    """The verdict in a sentence."""
    return f"Predicted on {seen.machine}: {badge(seen.verdict)}. {seen.reason}."


def tiles(seen: EstimateView) -> tuple[Tile, ...]:
    """A tile per pool: the range on a meter up to the capacity."""
    return tuple(_tile(pool) for pool in seen.pools)


def sections(estimate: Estimate, seen: EstimateView) -> Iterable[Section]:
    """A section per pool, then the assumptions and what the figures hold for."""
    for number, (pool, drawn) in enumerate(zip(estimate.pools, seen.pools, strict=True)):
        yield _pool(number, pool, drawn)
    if seen.assumptions:
        yield Section(
            name="assumptions",
            title="What the prediction rests on",
            lead=f"What was not seen and had to be assumed; {MESSAGES} explains each by its name.",
            tables=(_assumptions(estimate),),
        )


def surroundings(seen: EstimateView) -> Section:
    """Versions and settings that the prediction holds for, and what it cost."""
    facts = (
        ("machine", seen.machine),
        ("requests", seen.serving),
        ("engine", seen.engine),
        ("versions", seen.environment),
        ("the estimate took", seen.cost),
    )
    return Section(name="predicted-for", title="What it was predicted for", facts=tuple((n, v) for n, v in facts if v))


def _tile(pool: PoolView) -> Tile:
    scale = pool.scale_bytes
    details = [f"expected {format_bytes(pool.peak.expected)}, at least {format_bytes(pool.peak.low)}"]
    if pool.capacity_bytes is None:
        details.append("the capacity is unknown")
    else:
        details.append(f"of {format_bytes(pool.capacity_bytes)}" + _spare(pool))
    if pool.other_bytes:
        details.append(f"others hold {format_bytes(pool.other_bytes)}")
    parts = (
        ("other", pool.other_bytes / scale),
        ("used", pool.peak.low / scale),
        ("range", (pool.peak.high - pool.peak.low) / scale),
    )
    marks = [Mark(share=(pool.other_bytes + pool.peak.expected) / scale, name="expected")]
    if pool.capacity_bytes is not None:
        marks.append(Mark(share=pool.capacity_bytes / scale, name="capacity"))
    return Tile(
        label=f"{pool.name}: plan with",
        value=format_bytes(pool.peak.high),
        details=(badge(pool.verdict), *details),
        parts=parts,
        marks=tuple(marks),
        meter=", ".join(details),
        tone=TONES[pool.verdict].replace("neutral", ""),
    )


def _spare(pool: PoolView) -> str:
    if pool.spare_bytes is None:
        return ""
    if pool.spare_bytes >= 0:
        return f", {format_bytes(pool.spare_bytes)} to spare"
    return f", up to {format_bytes(-pool.spare_bytes)} short"


def _pool(number: int, pool: PoolEstimate, drawn: PoolView) -> Section:
    tables = [_breakdown(pool), _figures(drawn)]
    if pool.top:
        tables.append(_largest(pool))
    if pool.steps:
        tables.append(_steps(pool))
    facts = (("peak at", drawn.peak_at), ("steps", drawn.steps))
    return Section(
        name=f"predicted-{number}",
        title=f"Prediction: {drawn.name}",
        facts=tuple((name, value) for name, value in facts if value),
        tables=tuple(tables),
    )


def _breakdown(pool: PoolEstimate) -> Table:
    whole = max(pool.peak_bytes.expected, 1)
    parts = sorted(pool.components, key=lambda part: -part.range.expected)
    rows = [
        (
            Cell(text=part.category.value.replace("_", " ")),
            _size(part.range.expected),
            Cell(text=percent(part.range.expected / whole), number=True, share=part.range.expected / whole),
            _size(part.range.low),
            _size(part.range.high),
            Cell(text=part.basis.value),
            Cell(text=printable(part.source)),
        )
        for part in parts
        if part.range.high
    ]
    total = pool.peak_bytes
    rows.append(
        (
            Cell(text="together"),
            _size(total.expected),
            Cell(text="100 %", number=True),
            _size(total.low),
            _size(total.high),
            Cell(text=""),
            Cell(text="low and high need not be the sum of the lines"),
        )
    )
    columns = ("category", "expected", "of the peak", "low", "high", "basis", "from")
    return Table(title="What the peak consists of", columns=columns, rows=tuple(rows))


def _figures(drawn: PoolView) -> Table:
    top = max((size for _, size in drawn.figures), default=1)
    rows = tuple((Cell(text=name), _of(size, top)) for name, size in drawn.figures)
    return Table(title="Three figures of the same peak", columns=("figure", "size"), rows=rows)


def _largest(pool: PoolEstimate) -> Table:
    top = max(size for size, _, _ in pool.top)
    rows = tuple(
        (
            _of(size, top),
            Cell(text=printable(category).replace("_", " ")),
            Cell(text=printable(where), code=True),
        )
        for size, category, where in pool.top[:_MOST_ROWS]
    )
    left = len(pool.top) - len(rows)
    return Table(
        title="Largest storages alive at the peak",
        columns=("size", "category", "where"),
        rows=rows,
        more=f"{left} more in the document." if left > 0 else "",
        folded=len(rows) > 8,
    )


def _steps(pool: PoolEstimate) -> Table:
    top = max(max(step.peak_bytes, step.end_bytes) for step in pool.steps)
    rows = tuple(
        (
            Cell(text=f"{step.step:,}", number=True),
            _of(step.peak_bytes, top),
            _of(step.end_bytes, top),
        )
        for step in pool.steps[:_MOST_ROWS]
    )
    return Table(
        title="Tensors by simulated step",
        columns=("step", "highest within it", "left at its end"),
        rows=rows,
        folded=len(rows) > 8,
    )


def _assumptions(estimate: Estimate) -> Table:
    rows = tuple(
        (
            Cell(text=printable(item.text)),
            Cell(
                text="—" if item.effect_bytes is None else f"up to {format_bytes(abs(item.effect_bytes))}", number=True
            ),
            Cell(text=printable(item.slug), code=True),
        )
        for item in estimate.assumptions
    )
    return Table(title="Assumptions", columns=("assumed", "effect", "name"), rows=rows)


def _size(size_bytes: int | None) -> Cell:
    return Cell(text=format_bytes(size_bytes), number=True)


def _of(size_bytes: int, largest: int) -> Cell:
    """A size with a bar against the largest of its table."""
    return Cell(text=format_bytes(size_bytes), number=True, share=size_bytes / largest if largest else None)
