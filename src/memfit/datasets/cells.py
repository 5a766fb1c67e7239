"""What a cell of a column costs in each library's memory: one law per form, in bytes per row and bytes per column.

Sizes of types are the libraries' own and did not change over the versions named; sizes of Python objects are asked of
this Python. pandas 3.1, polars 2.1, pyarrow 26, NumPy 2.4, Python 3.11.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace

from memfit.datasets.tensors import element_bytes
from memfit.documents.data import Column, ColumnKind, TextSize

_POINTER = 8
_OFFSET, _LARGE_OFFSET = 4, 8  # of Arrow's string and large_string
_VIEW = 16  # of Arrow's string_view, polars' String
_BIT = 1 / 8
_DATE_OBJECT = 48  # datetime.date, 32 bytes and the garbage collector's header of 16
_DECIMAL_OBJECT = 104
_ARRAY_OBJECT = 112  # a NumPy array without its data
_WIDTHS = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "float": 4, "double": 8, "halffloat": 2, "float16": 2}
_INDEXED = 28  # measured on the tuning half: of a category's place in the index, beside its text
_FEW = 0.5  # of the rows: categories pay up to about that many different values


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Bytes of one column.

    Args:
        row: per row.
        spread: of that, on either side, where a sample decides it.
        fixed: whatever the number of rows.
        fixed_high: at most.
    """

    row: float
    spread: float = 0.0
    fixed: float = 0.0
    fixed_high: float = 0.0


def pandas_str(column: Column, *, from_text: bool) -> Cost:
    """pandas 3 with pyarrow: numbers in NumPy, texts in Arrow's large_string."""
    if column.kind is ColumnKind.TEXT and not _is_dictionary(column):
        return _arrow_text(column, _LARGE_OFFSET)
    if from_text and column.text is not None and column.kind is not ColumnKind.NESTED:
        return _arrow_text(column, _LARGE_OFFSET)
    return _pandas_other(column, from_text)


def pandas_object(column: Column, *, from_text: bool, rows: int) -> Cost:
    """pandas 2: texts as Python objects. Its CSV reader shares equal ones within a chunk, its Parquet reader all."""
    textual = column.kind is ColumnKind.TEXT or (from_text and column.text is not None)
    if not textual or column.text is None or _is_dictionary(column) or column.kind is ColumnKind.NESTED:
        return _pandas_other(column, from_text)
    present = 1 - column.missing_share
    own = column.text.own_share if from_text else 1.0
    if not from_text and column.distinct is not None:
        own = min(1.0, column.distinct.expected / max(rows * present, 1))  # pyarrow's deduplicate_objects
    spread = column.text.spread_bytes * own * present
    return Cost(row=_POINTER + present * own * column.text.object_bytes, spread=spread)


def pandas_dates(column: Column, *, from_text: bool) -> Cost:
    """pandas by pyarrow's CSV reader, which knows dates and moments in ISO 8601."""
    if from_text and column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
        return Cost(row=8)
    return pandas_str(column, from_text=from_text)


def pandas_arrow(column: Column, *, from_text: bool) -> Cost:
    """pandas with dtype_backend="pyarrow", and pyarrow itself."""
    if column.text is not None and column.kind is not ColumnKind.NESTED and not _is_dictionary(column):
        if from_text and column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):  # pyarrow's CSV reader knows dates
            return Cost(row=(4 if column.kind is ColumnKind.DATE else 8) + _validity(column))
        return _arrow_text(column, _OFFSET)
    return _arrow_other(column)


def pandas_category(column: Column, *, rows: int, from_text: bool) -> Cost:
    """Texts with few different values as categories; all else as read."""
    if column.text is None or column.distinct is None or not pays(column, rows):
        return pandas_str(column, from_text=from_text)
    one = _LARGE_OFFSET + column.text.mean_bytes + _INDEXED
    return Cost(
        row=code_bytes(column.distinct.expected),
        spread=float(code_bytes(column.distinct.high) - code_bytes(column.distinct.expected)),
        fixed=one * column.distinct.expected, fixed_high=one * column.distinct.high,
    )  # fmt: skip


def pays(column: Column, rows: int) -> bool:
    """Whether categories are smaller than the texts."""
    return (
        column.text is not None
        and column.kind is not ColumnKind.NESTED
        and column.distinct is not None
        and column.distinct.expected <= _FEW * rows
    )


def code_bytes(values: int) -> int:
    """Of a category's code (pandas.core.dtypes.cast.coerce_indexer_dtype)."""
    return 1 if values < 128 else 2 if values < 32768 else 4


def polars(column: Column, *, from_text: bool, rows: int) -> Cost:
    """polars: views of texts, those beyond 12 bytes in buffers; truths as bits."""
    if column.text is not None and column.kind is not ColumnKind.NESTED:
        if not from_text and column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
            return _arrow_other(column)
        if _is_dictionary(column):
            return Cost(
                row=4 + _validity(column), fixed=_dictionary_bytes(column), fixed_high=_dictionary_bytes(column)
            )
        present = 1 - column.missing_share
        long = present * column.text.long_share * column.text.long_mean_bytes
        if not from_text and column.distinct is not None and rows:
            # of a Parquet file the pages themselves are kept, lengths and all; a dictionary once
            long = min(1.0, column.distinct.expected / rows) * (long + 4 * present * column.text.long_share)
        return Cost(row=_VIEW + long + _gaps(column), spread=column.text.spread_bytes * present)
    return replace(_arrow_other(column), row=_arrow_other(column).row - _validity(column) + _gaps(column))


def narrow(column: Column, *, rows: int, from_text: bool) -> Cost:
    """The smallest types that hold what was seen: integers by their ends, float32, categories, moments as 8 bytes."""
    if column.kind is ColumnKind.INTEGER and not column.missing_share:
        return Cost(row=min(integer_bytes(column), _number_bytes(column)))
    if column.kind is ColumnKind.FLOAT or (column.kind is ColumnKind.INTEGER and column.missing_share):
        return Cost(row=min(4, _number_bytes(column)))
    if from_text and column.kind in (ColumnKind.DATE, ColumnKind.DATETIME):
        return Cost(row=8)
    return pandas_category(column, rows=rows, from_text=from_text)


def integer_bytes(column: Column) -> int:
    """The smallest signed integer that holds the column's ends, with as much room again as a sample may have missed."""
    if column.minimum is None or column.maximum is None:
        return 8
    room = 2.0 if column.distinct is None or not column.distinct.is_exact else 1.0
    reach = max(abs(column.minimum), abs(column.maximum)) * room
    if column.distinct is not None:  # so many different integers need as wide a span: a key beyond what a sample saw
        reach = max(reach, column.distinct.high / 2 if column.minimum < 0 else column.distinct.high)
    return next((width for width in (1, 2, 4) if reach < 2 ** (8 * width - 1)), 8)


def _arrow_text(column: Column, offset: int) -> Cost:
    text = column.text or TextSize(mean_bytes=0.0)
    present = 1 - column.missing_share
    return Cost(row=offset + present * text.mean_bytes + _validity(column), spread=present * text.spread_bytes)


def _pandas_other(column: Column, from_text: bool) -> Cost:
    stored = column.stored
    if _is_dictionary(column):
        codes = code_bytes(column.distinct.expected) if column.distinct is not None else 4
        return Cost(row=codes, fixed=_dictionary_bytes(column), fixed_high=2 * _dictionary_bytes(column))
    if column.kind is ColumnKind.BOOLEAN:
        return Cost(row=_POINTER if column.missing_share else 1)  # with gaps: an object column of shared truths
    if column.kind is ColumnKind.INTEGER and column.missing_share:
        return Cost(row=8)
    if column.kind is ColumnKind.DATE and not from_text:
        return Cost(row=_POINTER + _DATE_OBJECT * (1 - column.missing_share))
    if stored.startswith("decimal"):
        return Cost(row=_POINTER + _DECIMAL_OBJECT)
    if column.kind is ColumnKind.BINARY and column.text is not None:
        size = sys.getsizeof(b"") + column.text.mean_bytes
        return Cost(row=_POINTER + size, spread=column.text.spread_bytes)
    if column.kind is ColumnKind.NESTED and column.text is not None:
        return Cost(row=_POINTER + _ARRAY_OBJECT + column.text.mean_bytes, spread=0.5 * column.text.mean_bytes)
    return Cost(row=_number_bytes(column))


def _arrow_other(column: Column) -> Cost:
    if _is_dictionary(column):
        size = _dictionary_bytes(column)
        return Cost(row=4 + _validity(column), fixed=size, fixed_high=2 * size)
    if column.kind is ColumnKind.BOOLEAN:
        return Cost(row=_BIT + _validity(column))
    if column.kind is ColumnKind.NESTED and column.text is not None:
        return Cost(row=_OFFSET + column.text.mean_bytes + _validity(column), spread=column.text.spread_bytes)
    if column.kind is ColumnKind.BINARY and column.text is not None:
        return _arrow_text(column, _OFFSET)
    if column.kind is ColumnKind.EMPTY:
        return Cost(row=0.0 if column.stored else _BIT)
    if column.kind is ColumnKind.DATE:
        return Cost(row=4 + _validity(column))
    return Cost(row=_number_bytes(column) + _validity(column))


def _number_bytes(column: Column) -> int:
    """Of a number as the file declares it; 8 where it declares nothing."""
    stored = column.stored
    decimal = re.match(r"decimal(\d+)", stored)
    if decimal:
        return int(decimal[1]) // 8
    if stored in _WIDTHS:
        return _WIDTHS[stored]
    try:
        return element_bytes(stored) if stored else 8
    except ValueError:
        return 8


def _validity(column: Column) -> float:
    """A bit for each row where cells are missing; pyarrow's Parquet reader makes them of all but truths."""
    return _BIT if column.stored and column.kind is not ColumnKind.BOOLEAN else _gaps(column)


def _gaps(column: Column) -> float:
    return _BIT if column.missing_share else 0.0


def _is_dictionary(column: Column) -> bool:
    return column.stored.startswith("dictionary")


def _dictionary_bytes(column: Column) -> float:
    values = column.distinct.expected if column.distinct is not None else 1000
    return values * (_LARGE_OFFSET + (column.text.mean_bytes if column.text is not None else 8))
