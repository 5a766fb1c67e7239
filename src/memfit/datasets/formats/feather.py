"""Arrow IPC files (Feather) and streams (as caches of `datasets` are): schema, row counts, a sample. Needs pyarrow."""

from __future__ import annotations

import time
from importlib import util
from pathlib import Path
from typing import Any

from memfit.datasets.formats import arrow_columns
from memfit.datasets.grouping import grouped
from memfit.datasets.opening import UnreadableData, missing, open_file
from memfit.documents.data import Count, Table
from memfit.quantities import Basis

_LARGEST_BATCH_BYTES = 256 << 20
_SAMPLED_ROWS = 8192
_PLACES = 4
_TEXT_PLACES = 16
_COLUMNS = 400
_FILE = b"ARROW1"
_SECONDS = 5.0  # for the headers of a stream


def read(path: Path) -> Table:
    """What an Arrow file holds.

    Raises:
        UnreadableData: it is none, or is broken.
        DataReaderMissing: pyarrow is not installed.
    """
    if util.find_spec("pyarrow") is None:
        raise missing("pyarrow", path, "an Arrow file")
    import pyarrow
    from pyarrow import ipc

    with open_file(path) as source:
        start = source.read(len(_FILE))
        size = source.seek(0, 2)
    try:
        # Mapped, not read: of a batch that is not compressed only the pages looked at are loaded.
        with pyarrow.memory_map(str(path)) as mapped:
            if start == _FILE:
                return _table(ipc.open_file(mapped), path, size)
            return _stream(ipc.open_stream(mapped), mapped, path, size)
    except MemoryError as error:
        raise UnreadableData(
            f"{path} has batches that swell beyond the memory that memfit allows their reader: too large to be sampled",
            hint="write it in smaller batches: pyarrow.feather.write_feather(table, path, chunksize=65536)",
        ) from error
    except (OSError, ValueError, TypeError, pyarrow.ArrowException) as error:
        raise UnreadableData(f"{path} is broken: {arrow_columns.first_line(error)}") from error


def cells_of(path: Path, name: str, *, most_bytes: int) -> list[str]:
    """The texts of one column in batches spread over the file, of a stream in the first ones; missing ones left out.

    Args:
        path: of the file.
        name: of the column.
        most_bytes: of all texts together, about.

    Raises:
        UnreadableData: it is none, is broken, or the column is none of texts.
    """
    import pyarrow
    from pyarrow import ipc

    with open_file(path) as source:
        start = source.read(len(_FILE))
    try:
        with pyarrow.memory_map(str(path)) as mapped:
            if start != _FILE:
                columns = (batch.column(name) for batch in ipc.open_stream(mapped))
                return arrow_columns.texts(columns, most_bytes, name)
            file = ipc.open_file(mapped)
            number = file.num_record_batches
            places = sorted({number * at // _TEXT_PLACES for at in range(_TEXT_PLACES)} if number else ())
            found: list[str] = []
            for at in places:
                found += arrow_columns.texts([file.get_batch(at).column(name)], most_bytes // len(places), name)
            return found
    except (OSError, ValueError, TypeError, KeyError, MemoryError, pyarrow.ArrowException) as error:
        raise UnreadableData(f"{path} is broken: {arrow_columns.first_line(error)}") from error


def _table(file: Any, path: Path, size: int) -> Table:
    number, schema = file.num_record_batches, file.schema
    if number and size / number > _LARGEST_BATCH_BYTES:
        raise UnreadableData(f"{path} has batches of {size / number / 2**20:,.0f} MiB: too large to be sampled")
    places = sorted({number * at // _PLACES for at in range(_PLACES)} | ({number - 1} if number else set()))
    sizes, blocks = [], []
    for at in places:
        batch = file.get_batch(at)
        sizes.append(batch.num_rows)
        start = max((batch.num_rows - _SAMPLED_ROWS) // 2, 0)
        blocks.append(batch.slice(start, _SAMPLED_ROWS))
    return _told(schema, blocks, _rows(sizes, number), path, size)


def _stream(reader: Any, mapped: Any, path: Path, size: int) -> Table:
    """Of a stream every header is read, one by one; where that takes long, the rest is reckoned by its size."""
    end, rows, number, every = time.monotonic() + _SECONDS, 0, 0, 1
    blocks: list[Any] = []
    for batch in reader:
        if number % every == 0:
            blocks.append(batch.slice(max((batch.num_rows - _SAMPLED_ROWS) // 2, 0), _SAMPLED_ROWS))
            if len(blocks) > 2 * _PLACES:
                blocks, every = blocks[::2], 2 * every
        number, rows = number + 1, rows + batch.num_rows
        if time.monotonic() > end:
            guess = round(rows * size / max(mapped.tell(), 1))
            count = Count(low=round(guess * 0.9), expected=guess, high=round(guess * 1.1), basis=Basis.EXTRAPOLATED)
            return _told(reader.schema, blocks, count, path, size)
    return _told(reader.schema, blocks, Count.exactly(rows), path, size)


def _told(schema: Any, blocks: list[Any], rows: Count, path: Path, size: int) -> Table:
    width = len(schema)
    chosen = range(width) if width <= _COLUMNS else range(0, width, -(-width // _COLUMNS))
    columns = [
        arrow_columns.column(schema.field(at), [b.column(at) for b in blocks], rows.expected, None) for at in chosen
    ]
    taken = sum(block.num_rows for block in blocks)
    return Table(
        name=path.name, form="arrow", files=1, disk_bytes=size, rows=rows, columns=grouped(columns, width),
        sampled=f"its schema was read, and a sample of {taken:,} rows",
    )  # fmt: skip


def _rows(sizes: list[int], number: int) -> Count:
    """Batches are of one size but the last, as writers cut them; where those looked at differ, they give the range."""
    if len(sizes) == number:
        return Count.exactly(sum(sizes))
    front, last = sizes[:-1], sizes[-1]
    if min(front) == max(front):
        total = front[0] * (number - 1) + last
        return Count(low=total, expected=total, high=total, basis=Basis.COMPUTED)
    mean = sum(sizes) / len(sizes)
    return Count(low=min(sizes) * number, expected=round(mean * number), high=max(sizes) * number,
                 basis=Basis.EXTRAPOLATED)  # fmt: skip
