"""The section of a diagnosis: per series the verdict, what it rests on, how fast, until when, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from memfit.documents import Diagnosis, Growth, Interval, SeriesDiagnosis
from memfit.quantities import format_bytes
from memfit.reports.diagnosis import date
from memfit.reports.html.packing import pack
from memfit.reports.html.parts import Chart, Finding, Line, Section
from memfit.reports.levels import Bucket
from memfit.reports.text import printable
from memfit.reports.wording import duration, many, percent, sentence, signed

_VERDICTS = {True: ("leak", "bad"), None: ("undetermined", "warn"), False: ("no leak", "good")}
_SENTENCES = {True: "It leaks", None: "Whether it leaks cannot be told yet", False: "No leak was found"}
_MOST_CURVES = 4


def section(diagnosis: Diagnosis, *, curves: bool) -> Section:
    """The diagnosis as one section.

    Args:
        diagnosis: what was found.
        curves: draw the series that it carries; a page with the recording has better ones.
    """
    drawn = [item for item in diagnosis.series if len(item.curve_bytes) > 1][:_MOST_CURVES] if curves else []
    return Section(
        name="diagnosis",
        title="Does it grow?",
        findings=tuple(
            _finding(item, advised=diagnosis.series[:number]) for number, item in enumerate(diagnosis.series)
        ),
        charts=tuple(_chart(number, item) for number, item in enumerate(drawn)),
    )


def verdict(diagnosis: Diagnosis) -> tuple[str, str]:
    """The worst series' verdict in two words, with its tone."""
    return _VERDICTS[diagnosis.is_leak]


def headline(diagnosis: Diagnosis) -> str:
    """The worst series' verdict in a sentence or two."""
    worst = diagnosis.worst
    rate = worst.bytes_per_iteration
    how = f", {signed(rate.expected)} per iteration" if rate is not None and worst.is_leak is not False else ""
    limit = f" {sentence(date(worst.limit_reached))}" if worst.limit_reached is not None else ""
    needs = "" if worst.needs_iterations is None else f" About {many(worst.needs_iterations, 'more iteration')} needed."
    what = f"{printable(worst.pool)}, {printable(worst.name)}: {_words(worst.growth)}{how}"
    return f"{_SENTENCES[worst.is_leak]} ({what}).{limit}{needs}"


def _finding(item: SeriesDiagnosis, advised: Sequence[SeriesDiagnosis]) -> Finding:
    """One series; what was advised already is not said again."""
    said = {words for other in advised for words in other.advice}
    badge, tone = _VERDICTS[item.is_leak]
    words = (item.evidence, *item.notes)
    return Finding(
        title=f"{printable(item.pool)}: {printable(item.name)}",
        badge=badge,
        tone=tone,
        text=" ".join(sentence(printable(word)) for word in words if word),
        facts=tuple(_facts(item)),
        advice=tuple(sentence(printable(words)) for words in item.advice if words not in said),
    )


def _facts(item: SeriesDiagnosis) -> Iterable[tuple[str, str]]:
    yield "behaviour", _words(item.growth)
    if item.growth is not Growth.UNDETERMINED:
        yield "sure", percent(item.confidence)
    if item.bytes_per_iteration is not None:
        yield "per iteration", _rate(item.bytes_per_iteration, 1.0)
    if item.bytes_per_second is not None:
        yield "per hour", _rate(item.bytes_per_second, 3600.0)
    if item.limit_reached is not None:
        yield "limit", date(item.limit_reached)
    if item.culprit:
        yield "most likely held by", printable(item.culprit)
    if item.needs_iterations is not None:
        yield "needs", many(item.needs_iterations, "more iteration")
    sizes = tuple(map(format_bytes, (item.start_bytes, item.end_bytes, item.peak_bytes)))
    yield "levels", f"{sizes[0]} at the start, {sizes[1]} at the end, {sizes[2]} at most"
    horizon = item.horizon
    lasted = "" if not horizon.seconds else f" in {duration(horizon.seconds)}"
    yield "holds for", f"{horizon.iterations:,.0f} iterations{lasted}, {many(horizon.samples, 'reading')}"


def _rate(rate: Interval, times: float) -> str:
    high = "no upper end" if rate.high is None else signed(rate.high * times)
    return f"{signed(rate.expected * times)} ({signed(rate.low * times)} to {high})"


def _chart(number: int, item: SeriesDiagnosis) -> Chart:
    curve = item.curve_bytes
    step = max(item.horizon.iterations, 1.0) / max(len(curve) - 1, 1)
    points = pack([Bucket(at=position * step, low=value, high=value) for position, value in enumerate(curve)])
    says = f"first {format_bytes(curve[0])}, last {format_bytes(curve[-1])}, highest {format_bytes(max(curve))}"
    return Chart(
        name=f"diagnosed-{number}",
        title=f"{printable(item.pool)}: {printable(item.name)}",
        caption="The series that was diagnosed, thinned, with its peaks.",
        x="iteration",
        lines=(Line(label=printable(item.name), role="held", points=points, shown=True, says=says),),
        unit="iteration",
    )


def _words(growth: Growth) -> str:
    return growth.value.replace("_", " ")
