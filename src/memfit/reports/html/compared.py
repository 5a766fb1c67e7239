"""The section of a comparison: per pool where the measured peak lies, figure against figure, and why they differ."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import Comparison, PerIteration, PoolComparison, Row
from memfit.quantities import ByteRange, Standing, format_bytes
from memfit.reports.comparison import signed, summary, titles
from memfit.reports.html.parts import Cell, Finding, Section, Table
from memfit.reports.text import printable
from memfit.reports.wording import sentence

_TONES = {Standing.INSIDE: "good", Standing.BELOW: "warn", Standing.ABOVE: "bad", None: "neutral"}
_BADGES = {Standing.INSIDE: "inside the range", Standing.BELOW: "below the range", Standing.ABOVE: "above the range"}


def section(comparison: Comparison) -> Section:
    """The comparison as one section."""
    of_prediction = comparison.of_prediction
    return Section(
        name="comparison",
        title="Predicted against measured" if of_prediction else "Before and after",
        lead="" if of_prediction else _between(comparison),
        findings=tuple(_finding(pool, comparison) for pool in comparison.pools),
        tables=(*(_table(pool, comparison) for pool in comparison.pools), *_reasons(comparison)),
    )


def verdict(standing: Standing) -> tuple[str, str]:
    """Where the measured peaks lie, in a few words, with its tone."""
    return f"measured {_BADGES[standing]}", _TONES[standing]


def headline(comparison: Comparison) -> str:
    """The comparison in a sentence."""
    words = "; ".join(f"{printable(pool.pool)} {printable(summary(pool))}" for pool in comparison.pools[:3])
    start = "Against the prediction" if comparison.of_prediction else "Before and after"
    return f"{start}: {words}." if words else f"{start}: nothing to compare."


def _between(comparison: Comparison) -> str:
    first, second = comparison.first, comparison.second
    return printable(
        f"{first.name} ({first.started or first.machine}), then {second.name} ({second.started or second.machine})."
    )


def _finding(pool: PoolComparison, comparison: Comparison) -> Finding:
    badge = _BADGES[pool.standing] if pool.standing else "changed" if not comparison.of_prediction else "not comparable"
    facts = [(title, _range(value)) for title, value in zip(titles(comparison), _sides(pool.peak), strict=True)]
    if pool.growth is not None:
        facts += _growth(pool.growth, comparison)
    return Finding(
        title=printable(pool.pool),
        badge=badge,
        tone=_TONES[pool.standing],
        text=sentence(printable(summary(pool))),
        facts=tuple(facts),
    )


def _growth(growth: PerIteration, comparison: Comparison) -> Iterable[tuple[str, str]]:
    rates = (growth.first_bytes, growth.second_bytes)
    for title, rate in zip(titles(comparison), rates, strict=True):
        if rate is not None:
            yield f"{title}, per {printable(growth.unit)}", f"{signed(round(rate))} ({printable(growth.figure)})"
    if growth.verdict:
        yield "growth", printable(growth.verdict)


def _table(pool: PoolComparison, comparison: Comparison) -> Table:
    groups = (("", (pool.peak,)), ("", pool.categories), ("peak ", pool.figures), ("in ", pool.phases))
    rows = [_row(prefix, row) for prefix, found in groups for row in found]
    columns = ("figure", *titles(comparison), "difference", "note")
    return Table(title=f"{printable(pool.pool)}, figure by figure", columns=columns, rows=tuple(rows))


def _row(prefix: str, row: Row) -> tuple[Cell, ...]:
    change = row.change_bytes
    return (
        Cell(text=prefix + printable(row.name).replace("_", " ")),
        *(Cell(text=_range(value), number=True) for value in _sides(row)),
        Cell(text="" if change is None else signed(change), number=True),
        Cell(text=printable(row.note).replace("_", " ")),
    )


def _reasons(comparison: Comparison) -> Iterable[Table]:
    rows = tuple(
        (
            Cell(text=sentence(printable(reason.text))),
            Cell(text=printable(reason.pool or "the job")),
            Cell(text="—" if reason.effect_bytes is None else signed(reason.effect_bytes), number=True),
            Cell(text=printable(reason.slug), code=True),
        )
        for reason in comparison.reasons
    )
    if rows:
        yield Table(title="Why they differ", columns=("reason", "where", "effect", "name"), rows=rows)


def _sides(row: Row) -> tuple[ByteRange | None, ByteRange | None]:
    return row.first, row.second


def _range(value: ByteRange | None) -> str:
    if value is None:
        return "—"
    words = format_bytes(value.expected)
    return words if value.low == value.high else f"{words} ({format_bytes(value.low)} to {format_bytes(value.high)})"
