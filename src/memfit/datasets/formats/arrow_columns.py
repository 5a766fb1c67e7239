"""A column of an Arrow schema, with what a sample of batches and the file's own statistics say of its values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from memfit.datasets.cardinality import distinct
from memfit.datasets.opening import UnreadableData
from memfit.datasets.values import Sampled, commonest_share, deciles, text_size
from memfit.documents.data import Column, ColumnKind, TextSize

_CHUNK_ROWS = 1 << 17
_AT_A_TIME = 256  # texts
_GUESSED_TEXT = 16.0  # bytes, where nothing could be sampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the file itself counted of a column; None where it did not.

    Args:
        missing_share: 0 to 1.
        minimum: of numbers.
        maximum: of numbers.
        dictionary: the values are stored by a dictionary.
    """

    missing_share: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    dictionary: bool = False


def texts(arrays: Iterable[Any], most_bytes: int, name: str) -> list[str]:
    """The texts of a column's arrays until there are enough; missing ones left out.

    Args:
        arrays: Arrow's.
        most_bytes: of all texts together, about.
        name: of the column.

    Raises:
        UnreadableData: the column is none of texts.
    """
    found: list[str] = []
    for array in arrays:
        for start in range(0, len(array), _AT_A_TIME):
            for cell in filter(None, array.slice(start, _AT_A_TIME).to_pylist()):
                if not isinstance(cell, str):
                    raise UnreadableData(f"column {name!r} holds {array.type}, expected texts")
                found.append(cell)
                most_bytes -= len(cell)
                if most_bytes <= 0:
                    return found
    return found


def known(statistics: Sequence[Any], rows: int, chunks: Sequence[Any]) -> Known:
    """The statistics of all chunks put together; `rows` is 0 where not every chunk was asked."""
    dictionary = any(chunk.has_dictionary_page for chunk in chunks)
    if not rows or not all(one is not None and one.has_null_count for one in statistics):
        return Known(dictionary=dictionary)
    missing = min(max(sum(one.null_count for one in statistics) / rows, 0.0), 1.0)
    ends = [(one.min, one.max) for one in statistics if one.has_min_max]
    numbers = [pair for pair in ends if all(isinstance(end, int | float) for end in pair)]
    if not numbers or len(numbers) < len(ends):
        return Known(missing_share=missing, dictionary=dictionary)
    return Known(missing_share=missing, dictionary=dictionary, minimum=float(min(low for low, _ in numbers)),
                 maximum=float(max(high for _, high in numbers)))  # fmt: skip


def column(field: Any, blocks: Sequence[Any], rows: int, said: Known | None) -> Column:
    """One column.

    Args:
        field: of the Arrow schema.
        blocks: its arrays from several places, sampled.
        rows: of the whole file.
        said: what the file's statistics say of it.
    """
    said = said or Known()
    kind, stored = kind_of(field.type), str(field.type)[:80]
    cells = sum(len(block) for block in blocks)
    nulls = sum(block.null_count for block in blocks)
    missing = said.missing_share if said.missing_share is not None else (nulls / cells if cells else 0.0)
    counted, text, zeros, commonest = None, None, 0.0, None
    tenths: tuple[float, ...] = ()
    low, high = said.minimum, said.maximum
    whole = cells >= rows
    if kind is ColumnKind.NESTED:
        text = _nested(blocks, cells)
    elif cells:
        values = [[value for value in block.to_pylist() if value is not None] for block in blocks]
        counted = distinct(values, max(round(rows * (1 - missing)), 1), whole=whole)
        flat = [value for block in values for value in block]
        commonest = commonest_share(flat)
        if kind in (ColumnKind.TEXT, ColumnKind.BINARY) and flat:
            sampled = Sampled(blocks=(), rows=rows, whole=whole, chunk_rows=_CHUNK_ROWS)
            texts = [
                [value if isinstance(value, str) else value.decode("latin-1") for value in block] for block in values
            ]
            text = text_size(texts, counted, sampled)
        elif kind.is_number and flat:
            zeros = sum(1 for value in flat if not value) / cells
            tenths = deciles([float(value) for value in flat])
            low = float(min(flat)) if low is None else low
            high = float(max(flat)) if high is None else high
    if kind in (ColumnKind.TEXT, ColumnKind.BINARY) and text is None:
        text = TextSize(mean_bytes=_GUESSED_TEXT, spread_bytes=_GUESSED_TEXT)
    return Column(name=str(field.name)[:200], kind=kind, stored=stored, missing_share=missing, zero_share=zeros,
                  distinct=counted, minimum=low, maximum=high, text=text, deciles=tenths,
                  commonest_share=commonest)  # fmt: skip


def kind_of(arrow_type: Any) -> ColumnKind:
    """The kind of an Arrow type, by its name."""
    name = str(arrow_type)
    if name.startswith("dictionary"):
        return kind_of(arrow_type.value_type)
    if name == "bool":
        return ColumnKind.BOOLEAN
    if name.startswith(("int", "uint")):
        return ColumnKind.INTEGER
    if name.startswith(("float", "double", "half", "decimal")):
        return ColumnKind.FLOAT
    if name.startswith("date"):
        return ColumnKind.DATE
    if name.startswith(("timestamp", "duration", "time")):
        return ColumnKind.DATETIME
    if name in ("string", "large_string", "string_view"):
        return ColumnKind.TEXT
    if name == "null":
        return ColumnKind.EMPTY
    return ColumnKind.BINARY if "binary" in name else ColumnKind.NESTED


def _nested(blocks: Sequence[Any], cells: int) -> TextSize | None:
    """Lists and structures: their bytes in Arrow, a cell's mean."""
    if not cells:
        return TextSize(mean_bytes=_GUESSED_TEXT, spread_bytes=_GUESSED_TEXT)
    mean = sum(block.nbytes for block in blocks) / cells
    return TextSize(mean_bytes=mean, spread_bytes=0.2 * mean, long_share=1.0, long_mean_bytes=mean)


def first_line(error: BaseException) -> str:
    """What pyarrow says is wrong with a file."""
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
