"""What a page is made of, as plain data: sections with tiles, tables, facts and charts. Knows no HTML.

Texts come printable and are escaped where they are drawn, never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell of a table.

    Args:
        text: what stands in it.
        number: it is a figure, and stands to the right.
        share: a bar beside it, 0 to 1.
        indent: how deep it stands in a tree.
        tone: "good", "warn", "bad", or "" for none.
        code: it is a path, an operator, a command.
    """

    text: str
    number: bool = False
    share: float | None = None
    indent: int = 0
    tone: str = ""
    code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; ``more`` says what was left out of it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: str = ""
    folded: bool = False

    @property
    def kept(self) -> tuple[int, ...]:
        """The columns that say something in any row, by number; the others are not drawn."""
        said = (any(row[number].text or row[number].share is not None for row in self.rows) for number in self._numbers)
        return tuple(number for number, says in zip(self._numbers, said, strict=True) if says or not number)

    @property
    def _numbers(self) -> range:
        return range(len(self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A place on a meter: a share of its length with its name."""

    share: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One figure that matters.

    Args:
        label: what it is.
        value: the figure.
        details: lines below it.
        parts: of the meter, from its left end: (kind, share of its length); kind is "used", "range", "other" or
            "above" (beyond the limit).
        marks: places on the meter.
        meter: the meter in words, for who cannot see it; without it there is no meter.
        tone: "good", "warn", "bad", or "" for none.
    """

    label: str
    value: str
    details: tuple[str, ...] = ()
    parts: tuple[tuple[str, float], ...] = ()
    marks: tuple[Mark, ...] = ()
    meter: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve of a chart.

    Args:
        label: its name.
        role: which look it has: "held", "rss", "limit", a category, …; the same role looks the same everywhere.
        points: packed, see memfit.reports.html.packing.
        shown: whether it is drawn at first.
        says: first, last and highest in words.
    """

    label: str
    role: str
    points: Mapping[str, Any]
    shown: bool
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line (low equals high) or band over the whole of a chart: a limit, a prediction."""

    label: str
    kind: str
    low: int
    high: int
    expected: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    Args:
        name: unique on the page.
        title: above it.
        caption: what it shows, in a sentence: all that who cannot see it is told, with the lines' words.
        x: "time" (seconds since the start) or "iteration".
        stacked: the lines lie on each other.
        lines: the curves.
        levels: limits and predictions.
        peak: (x, bytes) of the point to mark; None without one.
        unit: of the x axis where it is no time ("step").
    """

    name: str
    title: str
    caption: str
    x: str
    lines: tuple[Line, ...]
    stacked: bool = False
    levels: tuple[Level, ...] = ()
    peak: tuple[float, int] | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict with what it rests on: badge, sentences, facts by name, and what to do."""

    title: str
    badge: str
    tone: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()
    advice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of the page; its parts are drawn in this order."""

    name: str
    title: str
    lead: str = ""
    tiles: tuple[Tile, ...] = ()
    findings: tuple[Finding, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """What all charts over time share.

    Args:
        seconds: how long it lasted.
        phases: names, each with its spans as (start, end) in seconds.
        marks: iterations: packed, "at" in seconds and the value the iteration's number.
        unit: of the iterations.
        note: what was left out.
    """

    seconds: float = 0.0
    phases: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = ()
    marks: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A whole page.

    Args:
        title: the job.
        kinds: what the page is made from, in words.
        badges: verdicts in a word or two, each with its tone.
        headline: sentences, the most important first.
        sections: from top to bottom.
        timeline: None without a recording.
        private: paths, host, user and command words were left out.
    """

    title: str
    kinds: str
    badges: tuple[tuple[str, str], ...]
    headline: tuple[str, ...]
    sections: tuple[Section, ...]
    timeline: Timeline | None = None
    private: bool = False
