"""Advice in a terminal: the plans with what each change saves, costs and takes to type; the largest batch; hints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.documents import Advice, Change, LargestBatch, Plan
from memfit.quantities import format_bytes
from memfit.reports import screen
from memfit.reports.text import printable
from memfit.reports.wording import many, signed

_PLANS = 6  # that are shown
_ASSUMED = ("time-is-a-model", "fullest-rank")  # what is the advice's own; the rest is the estimate's
_INDENT = 2
RESULTS = {
    "same": "same results",
    "rounding": "results differ by rounding",
    "training": "trains otherwise",
    "model": "another model is trained",
}
FITS = {True: "fits", False: "does not fit", None: ""}
_FLOOR_PARTS = 4


class Review(Protocol):
    """What `--apply` writes: memfit.advice.Review."""

    @property
    def patch(self) -> str: ...
    @property
    def environment(self) -> Mapping[str, str]: ...
    @property
    def arguments(self) -> tuple[str, ...]: ...
    @property
    def by_hand(self) -> tuple[tuple[str, str], ...]: ...


def write(advice: Advice, stream: TextIO) -> None:
    """Print the advice; the stream's width, colours and encoding are respected."""
    screen.write(report(advice), stream)


def report(advice: Advice) -> RenderableType:
    """The advice as one renderable."""
    parts: list[RenderableType] = [_headline(advice), Text(now(advice))]
    for number, plan in enumerate(advice.plans[:_PLANS], 1):
        if plan.changes:
            parts += [Text(), *_plan(number, plan, advice)]
    if advice.largest_batch is not None:
        parts += [Text(), Text(batch(advice.largest_batch))]
    if advice.best is None and advice.budget_bytes is not None and not advice.fits_now:
        parts += [Text(), Text(floor(advice))]
    rows = [("also" if not at else "", _hint(hint.text, hint.how)) for at, hint in enumerate(advice.hints)]
    assumed = [f"{each.text}  [{each.slug}]" for each in advice.assumptions if each.slug in _ASSUMED]
    rows += [("assumed" if not at else "", text) for at, text in enumerate(assumed)]
    estimates, spent = advice.cost.get("estimates", 0), advice.cost.get("seconds", 0)
    rows.append(("advice took", f"{spent:.0f} s, {many(int(estimates), 'estimate')} of the job, changed"))
    parts += [Text(), _rows([row for row in rows if row[1]])]
    return Group(*parts)


def _headline(advice: Advice) -> Text:
    if advice.fits_now:
        word, colour = " FITS ", "green"
    elif advice.budget_bytes is None:
        word, colour = " PLANS ", "yellow"
    else:
        word, colour = (" CAN FIT ", "yellow") if advice.best is not None else (" DOES NOT FIT ", "red")
    name = printable(target(advice))
    return Text.assemble((word, f"bold reverse {colour}"), "  ", (name, "bold"), f" on {advice.machine}")


def target(advice: Advice) -> str:
    """The job's name and its arguments."""
    arguments = advice.target.get("arguments")
    return " ".join([str(advice.target.get("name", "")), *map(str, arguments if isinstance(arguments, list) else ())])


def now(advice: Advice) -> str:
    """The job as it is against the budget."""
    word = "expect" if advice.now_measured_bytes is None else "measured"
    told = f"{advice.pool}: {word} {format_bytes(advice.now_bytes.expected)}, plan with "
    told += f"{format_bytes(advice.now_bytes.high)} as it is"
    if advice.budget_bytes is None:
        return f"{told}; the budget is not known: --within says one"
    if advice.fits_now:
        return f"{told}, of {format_bytes(advice.budget_bytes)}: nothing has to change"
    over = format_bytes(advice.now_bytes.high - advice.budget_bytes)
    return f"{told}, of {format_bytes(advice.budget_bytes)}: {over} too much"


def _plan(number: int, plan: Plan, advice: Advice) -> Iterator[RenderableType]:
    verdict = FITS[plan.fits]
    colour = {"fits": "bold green", "does not fit": "bold red"}.get(verdict, "bold")
    peak = f"expect {format_bytes(plan.peak_bytes.expected)}, plan with {format_bytes(plan.peak_bytes.high)}"
    words: list[str | tuple[str, str]] = [(f"{number}. ", "bold"), (verdict, colour), "  " if verdict else "", peak]
    words.append(f" · {time(plan)}, by the model")
    if plan.host_bytes is not None:
        words.append(f" · {format_bytes(plan.host_bytes.high)} of the host")
    if plan.measured_bytes is not None:
        words.append(f" · {format_bytes(plan.measured_bytes)} measured")
    yield Text.assemble(*words)
    for change in plan.changes:
        yield Padding(_change(change), (0, 0, 0, _INDENT))


def time(plan: Plan) -> str:
    """What a plan does to the time of a step."""
    return f"{(plan.time_factor - 1) * 100:+.0f} % time" if abs(plan.time_factor - 1) >= 0.005 else "same time"


def _change(change: Change) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", min_width=9, no_wrap=True)
    grid.add_column()
    title = f"{printable(change.title)}  [{change.slug}] · {RESULTS.get(change.results, change.results)}"
    grid.add_row(Text(signed(-change.saves_bytes)), Text(title, style="bold"))
    grid.add_row(Text(), Text(printable(change.costs)))
    where = f"{printable(change.where)}: " if change.where else ""
    grid.add_row(Text(), Text(f"{where}{printable(change.how)}", style="cyan"))
    return grid


def batch(found: LargestBatch) -> str:
    """The largest batch, what the next one does, and what it rests on."""
    if not found.batch:
        return f"largest batch: not even {found.name} of 1 fits"
    peak = f", plan with {format_bytes(found.peak_bytes.high)}" if found.peak_bytes is not None else ""
    beyond = f"; {found.batch + 1} does not fit" if found.next_peak_bytes is not None else ""
    likely = f"; up to about {found.likely_batch} is likely to" if found.likely_batch > found.batch else ""
    typed = f": {printable(found.how)}" if found.batch != found.now else ""
    ran = ", ".join(f"{size} came to {format_bytes(peak)}" for size, peak in found.runs_bytes.items())
    basis = f"; by runs for real: {ran}" if ran else ""
    return f"largest batch, all else as it is: {found.batch} (now {found.now}{peak}){beyond}{likely}{basis}{typed}"


def floor(advice: Advice) -> str:
    """The lowest peak that changes came to, and what holds it."""
    parts = sorted(advice.floor_holds.items(), key=lambda part: -part[1])[:_FLOOR_PARTS]
    held = ", ".join(f"{name.replace('_', ' ')} {format_bytes(size)}" for name, size in parts)
    return f"the lowest that any changes came to: plan with {format_bytes(advice.floor_bytes.high)}; it is {held}"


def _hint(text: str, how: str) -> str:
    return printable(f"{text}: {how}" if how else text)


def _rows(rows: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=9, no_wrap=True)
    grid.add_column()
    for label, words in rows:
        grid.add_row(Text(label), Text(printable(words)))
    return grid


def review_text(review: Review) -> str:
    """The best plan as a file to review: what to set and type in comments, then the patch."""
    lines = ["# Written by `memfit advise --apply`: review it. Lines before the first --- are not part of the patch."]
    lines += [f"# set: export {name}={value}" for name, value in review.environment.items()]
    if review.arguments:
        lines.append(f"# run with: {' '.join(review.arguments)}")
    lines += [f"# by hand: {title}: {how}" for title, how in review.by_hand]
    return "\n".join(lines) + "\n" + review.patch
