"""A diagnosis in a terminal: the verdict, the worst series with its curve, rate and date, what to do; the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.documents import Diagnosis, Growth, Interval, LimitReached, SeriesDiagnosis
from memfit.quantities import format_bytes, format_finely
from memfit.reports import screen
from memfit.reports.sparkline import sparkline
from memfit.reports.text import printable

_VERDICTS = {True: ("LEAK", "red"), None: ("UNDETERMINED", "yellow"), False: ("NO LEAK", "green")}
_INDENT = 2
_WIDEST_CURVE = 72


def write(diagnosis: Diagnosis, stream: TextIO) -> None:
    """Print the diagnosis; the stream's width, colours and encoding are respected."""
    screen.write(report(diagnosis, width=screen.console(stream).width), stream)


def report(diagnosis: Diagnosis, *, width: int) -> RenderableType:
    """The diagnosis as one renderable, for that many columns."""
    worst = diagnosis.worst
    parts: list[RenderableType] = [_headline(diagnosis), Text(), Padding(_series(worst, width), (0, 0, 0, _INDENT))]
    for item in diagnosis.series[1:]:
        parts += [Text(), _title(item), Padding(_series(item, width, brief=True), (0, 0, 0, _INDENT))]
    if diagnosis.hindrances:
        parts += [Text(), Text("what it waits for", style="bold"), Padding(_waits(diagnosis), (0, 0, 0, _INDENT))]
    return Group(*parts)


def _waits(diagnosis: Diagnosis) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for each in diagnosis.hindrances:
        colour = {True: "yellow", False: "dim", None: "dim"}[each.slows]
        table.add_row(Text(printable(each.what), style=colour), Text(printable(each.text)))
    return table


def duration(seconds: float) -> str:
    """A length of time for a person, in the two units that matter.

    >>> duration(7500)
    '2 h 5 min'
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days:,} days {hours} h" if days < 10 and hours else f"{days:,} days"


def date(limit: LimitReached) -> str:
    """When a limit is reached, in a sentence's end."""
    where = f"{printable(limit.limit)} of {format_bytes(limit.limit_bytes)}"
    if limit.after.expected <= 0:
        return f"{where}: reached already"
    words = [_length(value, limit.unit) for value in (limit.after.low, limit.after.high) if value is not None]
    span = f" (between {words[0]} and {words[1]})" if len(words) == 2 else f" ({words[0]} at the earliest)"
    if len(set(words)) == 1 and len(words) == 2:
        span = ""  # the interval is narrower than the words for it
    return f"{where}: in about {_length(limit.after.expected, limit.unit)}{span} if it goes on like this"


def _length(value: float, unit: str) -> str:
    if unit == "seconds":
        return duration(value)
    return f"{value:,.0f} {printable(unit)}"


def _headline(diagnosis: Diagnosis) -> RenderableType:
    worst = diagnosis.worst
    word, colour = _VERDICTS[worst.is_leak]
    sure = f", {worst.confidence * 100:.0f} % sure" if worst.growth is not Growth.UNDETERMINED else ""
    return Group(
        Text.assemble((f" {word} ", f"bold reverse {colour}"), "  ", (_name(diagnosis, worst), "bold")),
        Text(f"{_words(worst.growth)}{sure}", style=colour),
    )


def _name(diagnosis: Diagnosis, worst: SeriesDiagnosis) -> str:
    target = printable(diagnosis.target.get("name", ""))
    own = printable(worst.name)
    return own if target in ("", own) else f"{target}: {own}"


def _title(item: SeriesDiagnosis) -> Text:
    word, colour = _VERDICTS[item.is_leak]
    return Text.assemble((printable(item.name), "bold"), "  ", (f"{word.lower()}: {_words(item.growth)}", colour))


def _series(item: SeriesDiagnosis, width: int, *, brief: bool = False) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    curve = sparkline(item.curve_bytes, min(_WIDEST_CURVE, max(width - 18, 8)))
    if curve:
        table.add_row("", Text(curve, no_wrap=True))
    for label, text in _rows(item, brief):
        table.add_row(label, Text(text))
    return table


def _rows(item: SeriesDiagnosis, brief: bool) -> Iterator[tuple[str, str]]:
    yield "seen", printable(item.evidence)
    if item.bytes_per_iteration is not None and not brief:
        yield "rate", _rate(item)
    if item.limit_reached is not None:
        yield "limit", date(item.limit_reached)
    if item.culprit and not brief:
        yield "likely", printable(item.culprit)
    for position, advice in enumerate(() if brief else item.advice):
        yield "" if position else "do", printable(advice)
    yield "holds for", _horizon(item)
    for position, note in enumerate(item.notes):
        yield "" if position else "note", printable(note)


def _rate(item: SeriesDiagnosis) -> str:
    rate = item.bytes_per_iteration
    assert rate is not None
    words = f"{_size(rate.expected)} per iteration ({_span(rate)})"
    if item.bytes_per_second is not None:
        words += f", {_size(item.bytes_per_second.expected * 3600)} per hour"
    return words


def _span(rate: Interval) -> str:
    return f"{_size(rate.low)} to {'no end' if rate.high is None else _size(rate.high)}"


def _size(value: float) -> str:
    return format_finely(value)


def _horizon(item: SeriesDiagnosis) -> str:
    horizon = item.horizon
    words = f"{horizon.iterations:,.0f} iterations seen"
    if horizon.seconds:
        words += f" in {duration(horizon.seconds)}"
    return f"{words}, {horizon.samples:,} readings"


def _words(growth: Growth) -> str:
    return growth.value.replace("_", " ")
