"""CSV, TSV and their like: the rows in each window, the columns' kinds, how many rows there are in all."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from memfit.datasets.estimating_rows import rows_from
from memfit.datasets.grouping import grouped
from memfit.datasets.opening import UnreadableData
from memfit.datasets.values import MISSING, Sampled, column, kind_of
from memfit.datasets.windows import Window, Windows, look
from memfit.documents.data import Column, ColumnKind, Count, Dialect, Table

_CELLS = 400_000  # that are looked at
_COLUMNS = 400  # that are looked at; of more, evenly spread ones stand for their neighbours
_MOST_COLUMNS = 5_000_000
_LONGEST_CELL = 16 << 20
_AGREE = 0.9  # of a window's rows have the width of the header: the window was cut at the right place

Rows = list[list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The rows of a window, and how many bytes they take."""

    rows: Rows
    size: int


def read(path: Path) -> Table:
    """What a delimited text file holds.

    Raises:
        UnreadableData: it is empty, or no table.
    """
    windows = look(path)
    delimiter = delimiter_of(windows.head.text, path)
    with _long_cells():
        header, first = _head(windows, delimiter, path)
        parts = [part for window in windows.places if (part := _part(window, delimiter, len(header))) is not None]
    parts = [first, *parts] if first.rows or not parts else parts
    broken_lines = any("\n" in cell for part in parts for row in part.rows for cell in row)
    rows = rows_from(
        replace(windows, lines=None if broken_lines or windows.lines is None else windows.lines - 1),
        [(len(part.rows), part.size) for part in parts],
        header_bytes=len(delimiter.join(header)),
    )
    columns = _columns(header, parts, rows, windows.whole)
    return Table(
        name=path.name, form=_form(delimiter, windows), files=1, disk_bytes=path.stat().st_size, rows=rows,
        columns=columns, sampled=_said(windows, parts), notes=_notes(header, parts, windows, delimiter),
        dialect=_dialect(header, parts, windows, delimiter),
    )  # fmt: skip


def cells_of(path: Path, name: str, *, width_bytes: int) -> list[str]:
    """The cells of one column in the rows that windows show, in the file's order; missing ones left out.

    Args:
        path: of the file.
        name: of the column, as `read` calls it.
        width_bytes: of a window.

    Raises:
        UnreadableData: it is empty, or no table, or has no such column.
    """
    windows = look(path, width_bytes=width_bytes)
    delimiter = delimiter_of(windows.head.text, path)
    with _long_cells():
        header, first = _head(windows, delimiter, path)
        parts = [part for window in windows.places if (part := _part(window, delimiter, len(header))) is not None]
    names = _names(header)
    if name not in names:
        raise UnreadableData(f"{path} has no column {name!r}")
    at = names.index(name)
    rows = (row for part in [first, *parts] for row in part.rows if len(row) == len(header))
    return [row[at] for row in rows if row[at] not in MISSING]


def delimiter_of(head: str, path: Path) -> str:
    """The separator that cuts the first lines into the most equal rows."""
    lines = head.splitlines(keepends=True)[:60]
    if ".tsv" in path.name.lower() and "\t" in head:
        return "\t"
    return max(",\t;|", key=lambda mark: _evenness(lines, mark))


def _evenness(lines: Sequence[str], mark: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=mark) if row][: max(len(lines) - 1, 1)]
    except csv.Error:
        return (0.0, 0)
    if not widths or widths[0] < 2:
        return (0.0, 0)
    return (widths.count(widths[0]) / len(widths), widths[0])


def _head(windows: Windows, delimiter: str, path: Path) -> tuple[list[str], _Part]:
    lines = windows.head.text.splitlines(keepends=True)
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        header = next((row for row in reader if row), [])
    except csv.Error as error:
        raise UnreadableData(f"{path} is no table: {error}") from error
    if not header:
        raise UnreadableData(f"{path} holds no line with text")
    if len(header) > _MOST_COLUMNS:
        raise UnreadableData(f"{path} has {len(header):,} columns in its first line, more than any table")
    part = _parsed(lines[reader.line_num :], delimiter, whole=windows.head.at_end)
    share = windows.head.size / max(len(windows.head.text), 1)
    return header, _Part(rows=part.rows, size=round(part.size * share))


def _part(window: Window, delimiter: str, width: int) -> _Part | None:
    """The rows of a window that starts anywhere: after the first line end that is none within quotes."""
    share = window.size / max(len(window.text), 1)
    best, agreement = None, -1.0
    for opening in ("", '"') if '"' in window.text else ("",):
        lines = (opening + window.text).splitlines(keepends=True)
        skipped = _first_row(lines, delimiter)
        part = _parsed(lines[skipped:], delimiter, whole=window.at_end)
        agrees = sum(len(row) == width for row in part.rows) / max(len(part.rows), 1)
        if agrees > agreement:
            best, agreement = _Part(rows=part.rows, size=round(part.size * share)), agrees
        if agrees >= _AGREE:
            break
    return best if best is not None and best.rows else None


def _first_row(lines: Sequence[str], delimiter: str) -> int:
    """How many lines the first, cut row takes."""
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        next(reader, None)
    except csv.Error:
        return 1
    return reader.line_num


def _parsed(lines: Sequence[str], delimiter: str, *, whole: bool) -> _Part:
    """Rows of complete lines: the last is left out unless the text goes to the end of the file."""
    found: Rows = []
    reader = csv.reader(lines, delimiter=delimiter)
    ends = [0]
    try:
        for row in reader:
            found.append(row)
            ends.append(reader.line_num)
    except csv.Error:
        pass  # a cell beyond all bounds: the rows before it count
    if not whole and found:
        found.pop()
        ends.pop()
    size = sum(map(len, lines[: ends[-1]]))
    return _Part(rows=[row for row in found if row], size=size)


def _columns(header: Sequence[str], parts: Sequence[_Part], rows: Count, whole: bool) -> tuple[Column, ...]:
    width = len(header)
    chosen = range(width) if width <= _COLUMNS else range(0, width, -(-width // _COLUMNS))
    quota = max(_CELLS // len(chosen) // max(len(parts), 1), 20)
    taken = [part.rows if len(part.rows) <= quota else _thinned(part.rows, quota) for part in parts]
    every = whole and all(len(part.rows) == len(some) for part, some in zip(parts, taken, strict=True))
    chunk = _chunk_rows(width)
    names = _names(header)
    found = []
    for at in chosen:
        blocks = [[row[at] if at < len(row) else "" for row in some] for some in taken]
        sampled = Sampled(blocks=blocks, rows=rows.expected, whole=every, chunk_rows=chunk)
        found.append(column(names[at][:200], sampled))
    return grouped(found, width)


def _thinned(rows: Rows, quota: int) -> Rows:
    """A run of neighbours from the middle: repeats that stand together are seen as such."""
    start = (len(rows) - quota) // 2
    return rows[start : start + quota]


def _chunk_rows(width: int) -> int:
    """How many rows pandas' C engine takes at a time (TextReader.__cinit__, pandas 3.1)."""
    lines = 2
    while lines * 2 < (1 << 20) / max(width, 1):
        lines *= 2
    return lines


def _form(delimiter: str, windows: Windows) -> str:
    form = "tsv" if delimiter == "\t" else "csv"
    return f"{form}, {windows.compression}" if windows.compression else form


def _said(windows: Windows, parts: Sequence[_Part]) -> str:
    rows = sum(len(part.rows) for part in parts)
    if windows.whole:
        return f"all {rows:,} rows were read"
    where = "at its start" if len(parts) < 2 else f"at {len(parts)} places"
    counted = "; its lines were counted" if windows.lines is not None else ""
    return f"a sample: {rows:,} rows {where}{counted}"


def _notes(header: Sequence[str], parts: Sequence[_Part], windows: Windows, delimiter: str) -> tuple[str, ...]:
    found = list(windows.notes)
    rows = [row for part in parts for row in part.rows]
    ragged = sum(len(row) != len(header) for row in rows)
    if rows and ragged:
        found.append(f"{ragged / len(rows):.1%} of the rows seen do not have the {len(header)} cells of the first line")
    if not _names_columns(header):
        found.append("the first line looks like data: pandas would take it for names; pass header=None")
    if windows.encoding not in ("utf-8", "utf-8-sig"):
        others = ", or the encoding that it was written in" if windows.encoding == "latin-1" else ""
        found.append(f'it is no UTF-8: pass encoding="{_encoding(windows)}"{others}')
    if delimiter not in ",\t":
        found.append(f'cells are separated by "{delimiter}": pass sep="{delimiter}"')
    return tuple(found)


def _dialect(header: Sequence[str], parts: Sequence[_Part], windows: Windows, delimiter: str) -> Dialect:
    cells = {cell for part in parts for row in part.rows for cell in row}
    return Dialect(
        separator=delimiter, encoding=_encoding(windows), header=_names_columns(header),
        missing=tuple(sorted((cells & MISSING) - {""})),
    )  # fmt: skip


def _names_columns(header: Sequence[str]) -> bool:
    return kind_of([cell for cell in header if cell not in MISSING] or ["x"])[0] is ColumnKind.TEXT


def _encoding(windows: Windows) -> str:
    """The encoding to ask for; "" for UTF-8."""
    return windows.encoding.removesuffix("-le").removesuffix("-be").removeprefix("utf-8").removeprefix("-sig")


def _names(header: Sequence[str]) -> list[str]:
    """The names as pandas makes them of the first line: blank ones are numbered, those that repeat as well."""
    seen: Counter[str] = Counter()
    found = []
    for at, cell in enumerate(header):
        name = cell or f"Unnamed: {at}"
        found.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return found


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)
