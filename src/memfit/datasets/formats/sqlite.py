"""SQLite: the tables of a file, read-only, within a time limit. Views and triggers of the file do not run."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.values import Sampled, column
from memfit.documents.data import Column, ColumnKind, Count, Table
from memfit.quantities import Basis

_MOST_TABLES = 50
_MOST_COLUMNS = 400
_PLACES = 16
_ROWS_AT_A_PLACE = 250
_SHOWN_CHARACTERS = 200  # of a value; its length is asked for apart
_SECONDS = 1.0  # for counting a table's rows
_MAGIC = b"SQLite format 3\x00"
_LONGEST_VALUE_BYTES = 64 << 20  # that is read to see its beginning (from Python 3.11, which can say so to SQLite)
_LONGEST_BLOB_BYTES = 1 << 20  # of a blob, whose length is told without reading it
_LONG_KINDS = ("text", "blob")
_STEPS = 20_000  # of SQLite's machine between two looks at the clock


def read(path: Path) -> list[Table]:
    """The tables of a file.

    Raises:
        UnreadableData: it is no SQLite file, is broken or encrypted, or holds no table.
    """
    with open_file(path) as source:
        start, size = source.read(len(_MAGIC)), source.seek(0, 2)
    if start != _MAGIC:
        raise UnreadableData(
            f"{path} does not begin as a SQLite file does: it is encrypted, or of another program",
            hint="of SQLCipher's: open it with its key there and save it with sqlcipher_export",
        )
    try:
        # immutable: no lock, no journal, no file beside it is touched
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as base:
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            base.execute("pragma trusted_schema = off")
            if sys.version_info >= (3, 11):
                base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE_BYTES)
            names = [row[0] for row in base.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
                "and sql not like 'create virtual%' limit ?", (_MOST_TABLES,))]  # fmt: skip
            found = [_table(base, name, path, size / max(len(names), 1)) for name in names]
    except sqlite3.Error as error:
        raise UnreadableData(f"{path} is a broken SQLite file: {error}") from error
    if not found:
        raise UnreadableData(f"{path} holds no table")
    return found


def _table(base: sqlite3.Connection, name: str, path: Path, share: float) -> Table:
    quoted = _quoted(name)
    told = list(base.execute(f"pragma table_info({quoted})"))
    names = [str(row[1]) for row in told[:_MOST_COLUMNS]]
    rows = _rows(base, quoted)
    blocks, too_long = _sample(base, quoted, names)
    taken = sum(map(len, blocks))
    whole = taken >= rows.expected
    columns = [_column(one, at, blocks, rows.expected, whole) for at, one in enumerate(names)]
    left = len(told) - len(names)
    notes: tuple[str, ...] = (f"{left} more columns were not looked at",) if left else ()
    if too_long:
        notes += (
            f"texts of more than {_LONGEST_VALUE_BYTES >> 20} MiB were not read: their weight is not in the figures",
        )
    return Table(
        name=f"{path.name}/{name}", form="sqlite", files=1, disk_bytes=round(share), rows=rows, columns=tuple(columns),
        sampled=f"a sample of {taken:,} rows at {len(blocks)} places", notes=notes,
    )  # fmt: skip


def _rows(base: sqlite3.Connection, table: str) -> Count:
    """Counted, if that takes no longer than a second; else by the row numbers at the ends."""
    end = time.monotonic() + _SECONDS
    base.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
    try:
        return Count.exactly(base.execute(f"select count(*) from {table}").fetchone()[0])
    except sqlite3.OperationalError:
        base.set_progress_handler(None, 0)
        low, high = base.execute(f"select min(rowid), max(rowid) from {table}").fetchone()
        span = max(int(high or 0) - int(low or 0) + 1, 0)
        return Count(low=0, expected=span, high=span, basis=Basis.EXTRAPOLATED)
    finally:
        base.set_progress_handler(None, 0)


def _sample(base: sqlite3.Connection, table: str, names: Sequence[str]) -> tuple[list[list[tuple[Any, ...]]], bool]:
    """Rows at places spread over the row numbers: of each value its type, its length and its beginning.

    Returns:
        The rows by place, and whether some were left out because a text in them is too long to be read.
    """
    asked = ", ".join(
        f"typeof({one}), length({one}), case when typeof({one}) = 'blob' and length({one}) > {_LONGEST_BLOB_BYTES} "
        f"then x'' when typeof({one}) in ('text', 'blob') then substr({one}, 1, {_SHOWN_CHARACTERS}) else {one} end"
        for one in map(_quoted, names)
    )
    per_place = max(_ROWS_AT_A_PLACE * 40 // max(len(names), 40), 20)
    try:
        low, high = base.execute(f"select min(rowid), max(rowid) from {table}").fetchone()
    except sqlite3.OperationalError:  # WITHOUT ROWID
        low = high = None
    if not isinstance(low, int) or not isinstance(high, int):
        rows, cut = _until_too_long(base, f"select {asked} from {table} limit ?", (per_place * _PLACES,))
        return [rows], cut
    starts = sorted({low + (high - low) * at // _PLACES for at in range(_PLACES)})
    query = f"select {asked} from {table} where rowid >= ? and rowid < ? limit ?"
    ends = [*starts[1:], high + 1]
    found = [_until_too_long(base, query, (start, end, per_place)) for start, end in zip(starts, ends, strict=True)]
    return [rows for rows, _ in found], any(cut for _, cut in found)


def _until_too_long(base: sqlite3.Connection, query: str, given: tuple[int, ...]) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows up to one with a value beyond the limit, and whether there is such a one."""
    found: list[tuple[Any, ...]] = []
    try:
        found.extend(base.execute(query, given))
    except sqlite3.DataError:  # "string or blob too big"
        return found, True
    return found, False


def _column(name: str, at: int, blocks: Sequence[Sequence[tuple[Any, ...]]], rows: int, whole: bool) -> Column:
    texts = [[_text(*row[3 * at : 3 * at + 3]) for row in block] for block in blocks]
    found = column(name[:200], Sampled(blocks=texts, rows=rows, whole=whole))
    found = _with_lengths(found, [row[3 * at + 1] for block in blocks for row in block if row[3 * at] in _LONG_KINDS])
    kinds = {row[3 * at] for block in blocks for row in block} - {"null"}
    if kinds == {"blob"} and found.text is not None:
        return Column(name=found.name, kind=ColumnKind.BINARY, stored="blob", missing_share=found.missing_share,
                      distinct=found.distinct, text=found.text)  # fmt: skip
    return found


def _with_lengths(column: Column, lengths: Sequence[int]) -> Column:
    """The column with the lengths of its long values as they are: of the longest no text was made."""
    longest = max(lengths, default=0)
    if column.text is None or longest <= _LONGEST_BLOB_BYTES:
        return column
    more = sum(max(length - _LONGEST_BLOB_BYTES, 0) for length in lengths) / len(lengths)
    text = column.text
    return replace(column, text=replace(
        text, mean_bytes=text.mean_bytes + more, longest_bytes=longest, object_bytes=text.object_bytes + more,
        long_mean_bytes=text.long_mean_bytes + more / (text.long_share or 1), spread_bytes=text.spread_bytes + more,
    ))  # fmt: skip


def _text(kind: str, length: int | None, value: Any) -> str:
    """The value as text of its own length; only its beginning was read."""
    if kind == "null":
        return ""
    if kind not in ("text", "blob"):
        return repr(value)
    shown = value if isinstance(value, str) else bytes(value).decode("latin-1")
    return shown + "x" * max(min(length or 0, _LONGEST_BLOB_BYTES) - len(shown), 0)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
