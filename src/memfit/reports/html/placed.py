"""The sections of a job held against machines: the smallest that fit on meters, and how full each gets."""

from __future__ import annotations

from collections.abc import Iterable

from memfit.documents import Placement, Placements
from memfit.quantities import ByteRange, format_bytes
from memfit.reports import placing
from memfit.reports.html.parts import Cell, Mark, Section, Table, Tile
from memfit.reports.text import printable
from memfit.reports.wording import many, sentence

_MOST_TILES = 3
_MOST_ROWS = 400
_TONES = {"green": "good", "yellow": "warn", "red": "bad"}


def title(found: Placements) -> str:
    """The job."""
    return printable(placing.title(found))


def verdict(found: Placements) -> tuple[str, str]:
    """On how many machines it fits, with its tone."""
    count = len(found.fitting)
    return (f"fits on {many(count, 'machine')}", "good") if count else ("fits nowhere", "bad")


def headlines(found: Placements) -> Iterable[str]:
    """The smallest machine that holds it, or the nearest."""
    word = "fits" if found.fitting else "fits nowhere"
    yield sentence(f"it {word}{printable(placing.where(found))}")


def sections(found: Placements) -> Iterable[Section]:
    """The smallest, how full they get; then every machine that was considered."""
    here = placing.shown(found)
    tiles = [tile for row in here[:_MOST_TILES] for tile in _tiles(row)]
    yield Section(
        name="smallest", title="The machines asked for" if found.all_of_them else "The smallest machines",
        tiles=tuple(tiles), tables=(_table("How full they get", here),) if here else (),
        notes=tuple(placing.notes(found)),
    )  # fmt: skip
    if len(here) < len(found.rows):
        rows = found.rows[:_MOST_ROWS]
        left = len(found.rows) - len(rows)
        more = f"{many(left, 'more machine')} with --json." if left else ""
        yield Section(name="machines", title="All machines", tables=(_table("Machines", rows, more=more),))


def _tiles(row: Placement) -> Iterable[Tile]:
    """The RAM of a machine and, where the job uses any, one of its accelerators."""
    tone = _TONES[placing.standing(row)[1]]
    yield _tile(f"{row.machine}: RAM", row.host_bytes, row.usable_ram_bytes, tone)
    if row.device_need_bytes is not None and row.device_bytes:
        yield _tile(f"{row.machine}: {row.device}", row.device_need_bytes, row.device_bytes, tone)


def _tile(label: str, need: ByteRange, has_bytes: int, tone: str) -> Tile:
    details = (f"expected {format_bytes(need.expected)}, at least {format_bytes(need.low)}",
               f"{format_bytes(has_bytes)} for the job")  # fmt: skip
    scale = max(has_bytes, need.high)
    return Tile(
        label=printable(label), value=format_bytes(need.high), details=details, tone=tone,
        parts=(("used", need.low / scale), ("range", (need.high - need.low) / scale)),
        marks=(Mark(share=need.expected / scale, name="expected"), Mark(share=has_bytes / scale, name="what it has")),
        meter=", ".join(details),
    )  # fmt: skip


def _table(name: str, rows: Iterable[Placement], *, more: str = "") -> Table:
    columns = ("name", "provider", "stands", *placing.COLUMNS[1:], "sizes from", "read on")
    return Table(title=name, columns=columns, rows=tuple(map(_row, rows)), more=more)


def _row(row: Placement) -> tuple[Cell, ...]:
    word, colour = placing.standing(row)
    name, ram, accelerators, host, device = placing.cells(row)
    return (
        Cell(text=name),
        Cell(text=printable(row.provider)),
        Cell(text=word, tone=_TONES[colour]),
        Cell(text=ram, number=True),
        Cell(text=accelerators),
        Cell(text=host, number=True, share=min(row.host_share, 1.0)),
        Cell(text=device, number=True, share=None if row.device_share is None else min(row.device_share, 1.0)),
        Cell(text=printable(row.source)),
        Cell(text=printable(row.date)),
    )
