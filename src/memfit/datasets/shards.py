"""Shards of one table put together: those that were read stand for the others, by size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memfit.datasets.grouping import together
from memfit.documents.data import Column, Count, Table
from memfit.quantities import Basis


def join(tables: Sequence[Table], name: str, *, files: int, disk_bytes: int) -> list[Table]:
    """One table for all with the same columns; tables that differ stay apart."""
    groups: dict[tuple[object, ...], list[Table]] = {}
    for table in tables:
        key = (table.form, table.shape[1:], tuple(column.name for column in table.columns))
        groups.setdefault(key, []).append(table)
    if len(groups) > 1:
        return list(tables)
    return [_joined(group, name, files, disk_bytes) for group in groups.values()]


def _joined(tables: Sequence[Table], name: str, files: int, disk_bytes: int) -> Table:
    read_bytes = sum(table.disk_bytes for table in tables) or 1
    exact = len(tables) == files and all(table.rows.is_exact for table in tables)
    rates = [table.rows.expected / max(table.disk_bytes, 1) for table in tables]
    expected = round(sum(table.rows.expected for table in tables) / read_bytes * disk_bytes)
    if len(tables) == files:
        low, high = (sum(getattr(table.rows, end) for table in tables) for end in ("low", "high"))
    else:
        low = round(min(rates) * disk_bytes)
        high = round(max(rates) * disk_bytes)
    rows = Count(low=min(low, expected), expected=expected, high=max(high, expected),
                 basis=tables[0].rows.basis if exact else Basis.EXTRAPOLATED)  # fmt: skip
    columns = tuple(_column([table.columns[at] for table in tables]) for at in range(len(tables[0].columns)))
    said = tables[0].sampled if len(tables) == 1 else f"of each: {tables[0].sampled}"
    shape = (rows.expected, *tables[0].shape[1:]) if tables[0].shape else ()
    return replace(
        tables[0], name=name, files=files, disk_bytes=disk_bytes, rows=rows, columns=columns, shape=shape,
        sampled=f"{len(tables)} of {files} files were looked at; {said}",
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
    )  # fmt: skip


def _column(members: Sequence[Column]) -> Column:
    """The same column of several shards; of differing kinds, the one that holds most."""
    widest = max(members, key=lambda column: (column.text is not None, column.kind.value == "float"))
    alike = [column for column in members if column.kind is widest.kind]
    joined = together(alike, members[0].columns)
    known = [column.distinct for column in alike if column.distinct is not None]
    counted = None if not known else Count(
        low=max(one.low for one in known), expected=max(one.expected for one in known),
        high=sum(one.high for one in known), basis=Basis.EXTRAPOLATED,
    )  # fmt: skip
    return replace(joined, name=members[0].name, distinct=counted)
