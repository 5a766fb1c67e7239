"""SQLite: the tables of a file, read-only, within a time limit. Views and triggers of the file do not run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
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
_STEPS = 20_000  # of SQLite's machine between two looks at the clock


def read(path: Path) -> list[Table]:
    """The tables of a file.

    Raises:
        UnreadableData: it is no SQLite file, is broken or encrypted, or holds no table.
    """
    with open_file(path) as source:
        size = source.seek(0, 2)
    try:
        # immutable: no lock, no journal, no file beside it is touched
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as base:
            base.text_factory = lambda raw: raw.decode("utf-8", "replace")
            base.execute("pragma trusted_schema = off")
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
    blocks = _sample(base, quoted, names)
    taken = sum(map(len, blocks))
    whole = taken >= rows.expected
    columns = [_column(one, at, blocks, rows.expected, whole) for at, one in enumerate(names)]
    left = len(told) - len(names)
    notes = (f"{left} more columns were not looked at",) if left else ()
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


def _sample(base: sqlite3.Connection, table: str, names: Sequence[str]) -> list[list[tuple[Any, ...]]]:
    """Rows at places spread over the row numbers: of each value its type, its length and its beginning."""
    asked = ", ".join(
        f"typeof({one}), length({one}), case when typeof({one}) in ('text', 'blob') "
        f"then substr({one}, 1, {_SHOWN_CHARACTERS}) else {one} end"
        for one in map(_quoted, names)
    )
    per_place = max(_ROWS_AT_A_PLACE * 40 // max(len(names), 40), 20)
    try:
        low, high = base.execute(f"select min(rowid), max(rowid) from {table}").fetchone()
    except sqlite3.OperationalError:  # WITHOUT ROWID
        low = high = None
    if not isinstance(low, int) or not isinstance(high, int):
        return [list(base.execute(f"select {asked} from {table} limit ?", (per_place * _PLACES,)))]
    starts = sorted({low + (high - low) * at // _PLACES for at in range(_PLACES)})
    query = f"select {asked} from {table} where rowid >= ? and rowid < ? limit ?"
    ends = [*starts[1:], high + 1]
    return [list(base.execute(query, (start, end, per_place))) for start, end in zip(starts, ends, strict=True)]


def _column(name: str, at: int, blocks: Sequence[Sequence[tuple[Any, ...]]], rows: int, whole: bool) -> Column:
    texts = [[_text(*row[3 * at : 3 * at + 3]) for row in block] for block in blocks]
    found = column(name[:200], Sampled(blocks=texts, rows=rows, whole=whole))
    kinds = {row[3 * at] for block in blocks for row in block} - {"null"}
    if kinds == {"blob"} and found.text is not None:
        return Column(name=found.name, kind=ColumnKind.BINARY, stored="blob", missing_share=found.missing_share,
                      distinct=found.distinct, text=found.text)  # fmt: skip
    return found


def _text(kind: str, length: int | None, value: Any) -> str:
    """The value as text of its own length; only its beginning was read."""
    if kind == "null":
        return ""
    if kind not in ("text", "blob"):
        return repr(value)
    shown = value if isinstance(value, str) else bytes(value).decode("latin-1")
    return shown + "x" * min(max((length or 0) - len(shown), 0), 1 << 20)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
