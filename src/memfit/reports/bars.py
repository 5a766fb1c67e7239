"""Bars of block characters, each of an exact number of cells."""

from __future__ import annotations

from rich.text import Text

from memfit.reports.view import PoolView

_EIGHTHS = " ▏▎▍▌▋▊▉"
CAPACITY_CELLS = 60


def bar(share: float, cells: int) -> str:
    """A bar that fills its share of the cells, to an eighth of a cell; anything above zero is seen.

    >>> bar(0.5, 4)
    '██  '
    """
    eighths = max(round(min(share, 1.0) * cells * 8), 1 if share > 0 else 0)
    full, rest = divmod(eighths, 8)
    drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
    return drawn.ljust(cells)


def capacity_bar(pool: PoolView, *, colour: str, cells: int = CAPACITY_CELLS) -> Text:
    """The pool against its capacity: others, low, the way to expected, the way to high, free, and where it ends."""
    ends = [
        ("▒", "dim", pool.other_bytes),
        ("█", colour, pool.other_bytes + pool.peak.low),
        ("▓", colour, pool.other_bytes + pool.peak.expected),
        ("░", colour, pool.other_bytes + pool.peak.high),
        ("·", "dim", pool.scale_bytes),
    ]
    drawn, start = Text(no_wrap=True), 0
    for glyph, style, end_bytes in ends:
        end = max(round(end_bytes / pool.scale_bytes * cells), start)
        drawn.append(glyph * (end - start), style=style)
        start = end
    if pool.capacity_bytes is None:
        return drawn
    edge = round(pool.capacity_bytes / pool.scale_bytes * cells)
    return Text.assemble(drawn[:edge], ("│", "bold"), drawn[edge:])
