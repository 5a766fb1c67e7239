"""The sections of advice: the job and each plan on a meter up to the budget, changes with what to type, hints."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import Advice, Change, Plan
from memfit.quantities import ByteRange, format_bytes
from memfit.reports import advice as words
from memfit.reports.html.parts import Cell, Mark, Section, Table, Tile
from memfit.reports.html.predicted import MESSAGES
from memfit.reports.text import printable
from memfit.reports.wording import many, sentence, signed

_MOST_PLANS = 8
_TONES = {True: "good", False: "bad", None: ""}


def title(advice: Advice) -> str:
    """The job."""
    return printable(words.target(advice))


def verdict(advice: Advice) -> tuple[str, str]:
    """Whether it fits, or can be made to, with its tone."""
    if advice.fits_now:
        return "fits", "good"
    if advice.budget_bytes is None:
        return "plans", "neutral"
    return ("can fit", "warn") if advice.best is not None else ("does not fit", "bad")


def headlines(advice: Advice) -> Iterable[str]:
    """The job as it is, and the best that can be made of it."""
    yield sentence(f"{words.now(advice)} ({printable(advice.machine)})")
    best = advice.best
    if best is not None and best.changes:
        yield sentence(f"The cheapest plan that fits: {'; '.join(printable(change.title) for change in best.changes)}")
    elif advice.fits_now is False:
        yield sentence(words.floor(advice))


def sections(advice: Advice) -> Iterable[Section]:
    """The meters, a section for each plan, the largest batch, hints, and what it all rests on."""
    plans = [plan for plan in advice.plans if plan.changes][:_MOST_PLANS]
    yield Section(name="plans", title="Peaks to plan with", tiles=tuple(_tiles(advice, plans)))
    for number, plan in enumerate(plans, 1):
        yield _plan(number, plan)
    if advice.largest_batch is not None:
        yield Section(name="batch", title="The largest batch", lead=sentence(words.batch(advice.largest_batch)))
    if advice.hints:
        yield Section(name="hints", title="What helps too", tables=(_hints(advice),))
    yield Section(
        name="advice-rests-on", title="What the advice rests on",
        lead=f"{MESSAGES} explains each by its name.", tables=(_assumptions(advice),),
    )  # fmt: skip


def _tiles(advice: Advice, plans: Iterable[Plan]) -> Iterable[Tile]:
    yield _tile("as it is", advice.now_bytes, advice, advice.fits_now, advice.now_measured_bytes)
    for number, plan in enumerate(plans, 1):
        yield _tile(f"plan {number}", plan.peak_bytes, advice, plan.fits, plan.measured_bytes)


def _tile(label: str, peak: ByteRange, advice: Advice, fits: bool | None, measured_bytes: int | None) -> Tile:
    details = [f"expected {format_bytes(peak.expected)}, at least {format_bytes(peak.low)}"]
    if measured_bytes is not None:
        details.append(f"measured {format_bytes(measured_bytes)}")
    budget = advice.budget_bytes
    if budget is None:
        return Tile(label=label, value=format_bytes(peak.high), details=tuple(details))
    scale = max(budget, peak.high, advice.now_bytes.high)
    return Tile(
        label=label, value=format_bytes(peak.high), details=(words.FITS[fits], *details), tone=_TONES[fits],
        parts=(("used", peak.low / scale), ("range", (peak.high - peak.low) / scale)),
        marks=(Mark(share=peak.expected / scale, name="expected"), Mark(share=budget / scale, name="budget")),
        meter=f"{', '.join(details)}, budget {format_bytes(budget)}",
    )  # fmt: skip


def _plan(number: int, plan: Plan) -> Section:
    facts = [("time, by the model", words.time(plan))]
    facts += [(printable(name), printable(value)) for name, value in plan.environment.items()]
    return Section(
        name=f"plan-{number}",
        title=f"Plan {number}: {words.FITS[plan.fits] or many(len(plan.changes), 'change')}",
        tables=(
            Table(
                title="Changes",
                columns=("what is changed", "saves alone", "costs", "results", "what to type", "where"),
                rows=tuple(_change(change) for change in plan.changes),
            ),
        ),
        facts=tuple(facts),
    )


def _change(change: Change) -> tuple[Cell, ...]:
    return (
        Cell(text=f"{printable(change.title)} [{change.slug}]"),
        Cell(text=signed(-change.saves_bytes), number=True),
        Cell(text=printable(change.costs)),
        Cell(text=words.RESULTS.get(change.results, change.results)),
        Cell(text=printable(change.how), code=True),
        Cell(text=printable(change.where), code=True),
    )


def _hints(advice: Advice) -> Table:
    rows = tuple(
        (Cell(text=printable(hint.text)),
         Cell(text="" if hint.saves_bytes is None else format_bytes(hint.saves_bytes), number=True),
         Cell(text=printable(hint.how), code=True), Cell(text=printable(hint.slug), code=True))
        for hint in advice.hints
    )  # fmt: skip
    return Table(title="Hints", columns=("what", "saves", "what to type", "name"), rows=rows)


def _assumptions(advice: Advice) -> Table:
    rows = tuple(
        (Cell(text=printable(each.slug), code=True), Cell(text=printable(each.text))) for each in advice.assumptions
    )
    return Table(title="Assumed", columns=("name", "what"), rows=rows)
