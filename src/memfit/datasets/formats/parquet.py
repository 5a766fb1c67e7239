"""Parquet by its footer, and a bounded sample of rows for the lengths of texts. Needs pyarrow.

Trusts no size that the footer claims: what lies outside the file is refused before pyarrow is asked.
"""

from __future__ import annotations

import contextlib
from importlib import util
from pathlib import Path
from typing import Any

from memfit.datasets.formats import arrow_columns
from memfit.datasets.grouping import grouped
from memfit.datasets.opening import UnreadableData, missing, open_file
from memfit.documents.data import Column, Count, Table

_LARGEST_FOOTER_BYTES = 64 << 20
_BUFFER_BYTES = 64 << 10  # column chunks are read page by page
_PAGE_BYTES = (
    3 << 20
)  # a page of 1 MiB as writers cut them (parquet.data_pagesize), its dictionary and its decoded values
_SAMPLED_BYTES = 64 << 20  # that are decoded at once; beyond it fewer columns are sampled
_SAMPLED_ROWS = 8192
_GROUPS = 4
_TEXT_GROUPS = 16
_TEXT_ROWS = 512
_COLUMNS = 400
_GROUPS_CHECKED = 1000


def read(path: Path) -> Table:
    """What a Parquet file holds.

    Raises:
        UnreadableData: it is none, is broken, or says of itself what cannot be.
        DataReaderMissing: pyarrow is not installed.
    """
    size = _checked(path)
    if util.find_spec("pyarrow") is None:
        raise missing("pyarrow", path, "a Parquet file")
    import pyarrow
    from pyarrow import parquet

    try:
        with (
            open_file(path) as source,
            parquet.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            return _table(file, path, size)
    except (OSError, ValueError, TypeError, MemoryError, pyarrow.ArrowException) as error:
        raise UnreadableData(f"{path} is broken: {arrow_columns.first_line(error)}") from error


def cells_of(path: Path, name: str, *, most_bytes: int) -> list[str]:
    """The texts of one column at the heads of row groups spread over the file; missing ones left out.

    Args:
        path: of the file.
        name: of the column.
        most_bytes: of all texts together, about.

    Raises:
        UnreadableData: it is none, is broken, or the column is none of texts.
    """
    _checked(path)
    import pyarrow
    from pyarrow import parquet

    found: list[str] = []
    try:
        with (
            open_file(path) as source,
            parquet.ParquetFile(source, pre_buffer=False, buffer_size=_BUFFER_BYTES) as file,
        ):
            groups = sorted({file.metadata.num_row_groups * at // _TEXT_GROUPS for at in range(_TEXT_GROUPS)})
            for group in groups if file.metadata.num_row_groups else ():
                batches = file.iter_batches(
                    batch_size=_TEXT_ROWS, row_groups=[group], columns=[name], use_threads=False
                )
                found += arrow_columns.texts((batch.column(0) for batch in batches), most_bytes // len(groups), name)
    except (OSError, ValueError, TypeError, MemoryError, IndexError, pyarrow.ArrowException) as error:
        raise UnreadableData(f"{path} is broken: {arrow_columns.first_line(error)}") from error
    return found


def _checked(path: Path) -> int:
    """The file's size; its ends are those of Parquet and its footer lies within it."""
    with open_file(path) as source:
        size = source.seek(0, 2)
        if size < 12:
            raise UnreadableData(f"{path} is no Parquet file: it has {size} bytes")
        source.seek(0)
        start = source.read(4)
        source.seek(-8, 2)
        tail = source.read(8)
    if start == b"PARE" or tail[4:] == b"PARE":
        raise UnreadableData(f"{path} is encrypted", hint="memfit has no key to read it with")
    if start != b"PAR1" or tail[4:] != b"PAR1":
        raise UnreadableData(f"{path} is no Parquet file, or was cut short: its ends are not those of one")
    footer = int.from_bytes(tail[:4], "little")
    if footer > size - 12:
        raise UnreadableData(f"{path} is broken: its footer of {footer:,} bytes lies outside the file of {size:,}")
    if footer > _LARGEST_FOOTER_BYTES:
        raise UnreadableData(f"{path} has a footer of {footer:,} bytes, more than memfit reads")
    return size


def _table(file: Any, path: Path, size: int) -> Table:
    metadata, schema = file.metadata, file.schema_arrow
    rows, width = metadata.num_rows, len(schema)
    if rows < 0 or rows > 1 << 50:
        raise UnreadableData(f"{path} is broken: it claims {rows:,} rows")
    _agrees(metadata, path, size)
    chosen = range(width) if width <= _COLUMNS else range(0, width, -(-width // _COLUMNS))
    sample, taken = _sample(file, chosen)
    leaves = _leaves(metadata)
    columns: list[Column] = []
    for at in chosen:
        field = schema.field(at)
        blocks = [batch.column(field.name) for batch in sample if field.name in batch.schema.names]
        columns.append(arrow_columns.column(field, blocks, rows, leaves.get(field.name)))
    notes = () if taken or not rows else ("no row group is small enough to be sampled: lengths of texts are guessed",)
    return Table(
        name=path.name, form="parquet", files=1, disk_bytes=size, rows=Count.exactly(rows),
        columns=grouped(columns, width), notes=notes,
        sampled=f"its footer was read, and a sample of {taken:,} rows" if taken else "its footer was read",
    )  # fmt: skip


def _agrees(metadata: Any, path: Path, size: int) -> None:
    """The footer's row groups are those of the file, and lie within it."""
    rows = packed = 0
    for at in range(metadata.num_row_groups):
        group = metadata.row_group(at)
        rows += group.num_rows
        if at < _GROUPS_CHECKED:
            packed += sum(
                max(group.column(one).total_compressed_size, 0) for one in range(min(group.num_columns, _COLUMNS))
            )
    if rows != metadata.num_rows:
        raise UnreadableData(
            f"{path} is broken: it claims {metadata.num_rows:,} rows, and its row groups have {rows:,}"
        )
    if packed > size:
        raise UnreadableData(f"{path} is broken: its columns would take {packed:,} bytes of a file of {size:,}")


def _leaves(metadata: Any) -> dict[str, arrow_columns.Known]:
    """By column: what the footer knows of nulls, ends, and decoded bytes, where every row group says it."""
    found: dict[str, arrow_columns.Known] = {}
    groups = range(min(metadata.num_row_groups, 64))
    for at in range(min(metadata.num_columns, 5000)):
        chunks = [metadata.row_group(group).column(at) for group in groups]
        if not chunks or "." in chunks[0].path_in_schema:
            continue
        statistics = [chunk.statistics for chunk in chunks]
        rows = sum(metadata.row_group(group).num_rows for group in groups)
        whole = len(groups) == metadata.num_row_groups
        found[chunks[0].path_in_schema] = arrow_columns.known(statistics, rows if whole else 0, chunks)
    return found


def _sample(file: Any, chosen: range) -> tuple[list[Any], int]:
    """Rows from the heads of a few row groups spread over the file."""
    metadata, found = file.metadata, []
    number = metadata.num_row_groups
    fields = [file.schema_arrow.field(at) for at in chosen]
    names = [field.name for field in fields]
    texts = {field.name for field in fields if not arrow_columns.kind_of(field.type).is_number}
    for group in sorted({number * at // _GROUPS for at in range(_GROUPS)} if number else ()):
        part = metadata.row_group(group)
        within = _affordable(part, names, texts)
        if not within:
            continue
        with contextlib.suppress(MemoryError):  # a page that swells beyond what the reader is allowed
            for batch in file.iter_batches(
                batch_size=_SAMPLED_ROWS, row_groups=[group], columns=within, use_threads=False
            ):
                found.append(batch)
                break
    return found, sum(batch.num_rows for batch in found)


def _affordable(part: Any, names: list[str], texts: set[str]) -> list[str]:
    """The columns that can be sampled within the bound: texts first, whose lengths no footer tells."""
    costs: dict[str, int] = dict.fromkeys(names, 0)
    for at in range(part.num_columns):
        chunk = part.column(at)
        name = chunk.path_in_schema.partition(".")[0]
        if name in costs:
            costs[name] += min(max(chunk.total_compressed_size, chunk.total_uncompressed_size, 0), _PAGE_BYTES)
    found, spent = [], 0
    for name, cost in sorted(costs.items(), key=lambda item: (item[0] not in texts, item[1])):
        if spent + cost > _SAMPLED_BYTES:
            break
        found.append(name)
        spent += cost
    return found
