"""What is said of a data set, in words: the same in the terminal and on the page."""

from __future__ import annotations

from memfit.documents.data import Column, ColumnKind, Count, Reading, Room, Table
from memfit.quantities import ByteRange, format_bytes
from memfit.reports.text import printable
from memfit.reports.wording import many, percent

# Ways that lose no rows and no columns, in a word or two.
_WHOLE = {
    "narrow-types": "the smallest types", "categories": "categories", "parquet": "Parquet",
    "another-reader": "another reader", "memory-map": "a memory map",
}  # fmt: skip


def headline(table: Table) -> str:
    """The one sentence that most came for: on disk, in memory at the peak, and the lightest way."""
    words = f"{format_bytes(table.disk_bytes)} on disk"
    usual = table.readings[0] if table.readings else None
    if usual is None:
        return words
    words += f": {format_bytes(usual.peak.expected)} at the peak of {printable(usual.call.split('(')[0])}"
    words += f", {format_bytes(usual.held.expected)} held"
    best = next((way for way in table.ways if way.peak is not None and way.slug in _WHOLE), None)
    if best is not None and best.peak is not None:
        words += f"; {format_bytes(best.peak.expected)} with {_WHOLE[best.slug]}"
    return words


def summary(table: Table) -> str:
    """Files, rows, columns, gaps and zeros."""
    files = f"{many(table.files, 'file')} of " if table.files > 1 else ""
    words = [f"{files}{printable(table.form)}", f"{count(table.rows)} rows"]
    if table.shape:
        words.append("shape " + " × ".join(f"{side:,}" for side in table.shape))
    else:
        words.append(many(table.width, "column"))
    if table.missing_share:
        words.append(f"{percent(table.missing_share)} missing")
    if table.zero_share is not None and table.zero_share > 0.1:
        words.append(f"{percent(table.zero_share)} of the numbers are zero")
    return " · ".join(words)


def column_cells(column: Column) -> tuple[str, str, str, str, str]:
    """Name, kind, missing, different values, range or length."""
    name = printable(column.name)
    kind = f"{column.kind.value}, mixed" if column.mixed else column.kind.value
    kind += f" ({printable(column.stored)})" if column.stored else ""
    return (
        (name if len(name) <= 28 else name[:27] + "…") + (f" (×{column.columns:,})" if column.columns > 1 else ""),
        kind,
        percent(column.missing_share) if column.missing_share else "",
        "" if column.distinct is None or column.kind is ColumnKind.FLOAT else count(column.distinct),
        extent(column),
    )


def extent(column: Column) -> str:
    """The ends of numbers, the length of texts."""
    if column.text is not None:
        return f"{column.text.mean_bytes:,.0f} bytes, longest {column.text.longest_bytes:,}"
    if column.minimum is None or column.maximum is None or column.kind is ColumnKind.BOOLEAN:
        return ""
    return f"{column.minimum:,.6g} … {column.maximum:,.6g}"


def told_room(room: Room) -> str:
    """The machine's memory in a sentence: the bound, what others hold of it, swap."""
    others = f", others hold {format_bytes(room.others_bytes)}" if room.others_bytes else ""
    swap = f"; {format_bytes(room.swap_free_bytes)} of swap are free and not counted" if room.swap_free_bytes else ""
    return f"{room.bound_by} of {format_bytes(room.limit_bytes)}{others}: {format_bytes(room.bytes)} to spare{swap}"


def fits(reading: Reading, room: Room | None) -> str:
    """The verdict in a word or two; "" where no machine is known."""
    return "" if room is None else room.verdict(reading.peak).value.replace("_", " ")


def count(number: Count) -> str:
    """A number with its range."""
    if number.is_exact or number.high - number.low <= 0.01 * number.expected:
        return f"{number.expected:,}" if number.is_exact else f"about {number.expected:,}"
    return f"about {_round(number.expected)} ({_round(number.low)} … {_round(number.high)})"


def _round(number: int) -> str:
    return f"{float(f'{number:.3g}'):,.0f}"


def span(size: ByteRange) -> str:
    """The ends of a range."""
    if size.low == size.high:
        return "exactly"
    return f"{format_bytes(size.low)} … {format_bytes(size.high)}"
