"""What a table weighs in each library: the costs of its columns times its rows, end by end of their ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memfit.datasets import cells
from memfit.datasets.cells import Cost
from memfit.datasets.tensors import element_bytes
from memfit.documents.data import Column, ColumnKind, Table, Weight
from memfit.quantities import ByteRange

# What buffers take beyond their contents: Arrow rounds each to 64 bytes, builders and allocators keep a little.
_LEAST = 0.99
_MOST = 1.02
_SPARSE_PAYS = 2 / 3  # of the cells zero: below it CSR (12 bytes a value) is larger than float64
_INDEX_LIMIT = 2**31

NUMBERS = "number columns"


def weights(table: Table) -> tuple[Weight, ...]:
    """The table in every library and form that can hold it."""
    if table.form in ("safetensors", "torch"):
        return _tensors(table)
    if table.is_array:
        return _arrays(table)
    return _frames(table)


def is_text_file(table: Table) -> bool:
    """Whether readers must guess the types: pandas reads dates as text then."""
    return table.form.startswith(("csv", "tsv", "json", "sqlite", "texts"))


def held(table: Table, cost: Callable[[Column], Cost], columns: Sequence[Column] | None = None) -> ByteRange:
    """The columns by a law."""
    rows, low, expected, high = table.rows, 0.0, 0.0, 0.0
    for column in table.columns if columns is None else columns:
        one = cost(column)
        low += column.columns * (rows.low * max(one.row - one.spread, 0.0) + min(one.fixed, one.fixed_high))
        expected += column.columns * (rows.expected * one.row + one.fixed)
        high += column.columns * (rows.high * (one.row + one.spread) + max(one.fixed, one.fixed_high))
    return ordered(low * _LEAST, expected, high * _MOST)


def ordered(low: float, expected: float, high: float) -> ByteRange:
    """A range of whole bytes, in order."""
    middle = round(expected)
    return ByteRange(low=min(round(low), middle), expected=middle, high=max(round(high), middle))


def scaled(size: ByteRange, factor: float) -> ByteRange:
    """The range times a factor."""
    return ordered(size.low * factor, size.expected * factor, size.high * factor)


def numbers(table: Table) -> list[Column]:
    """The columns that NumPy holds as they are."""
    return [column for column in table.columns if column.kind.is_number]


def _frames(table: Table) -> tuple[Weight, ...]:
    text, rows = is_text_file(table), table.rows.expected
    laws: list[tuple[str, str, Callable[[Column], Cost]]] = [
        ("pandas", "str columns (pandas 3)", lambda c: cells.pandas_str(c, from_text=text)),
        ("pandas", "object columns (pandas 2)", lambda c: cells.pandas_object(c, from_text=text, rows=rows)),
        ("pandas", "Arrow-backed", lambda c: cells.pandas_arrow(c, from_text=text)),
        ("pandas", "with categories", lambda c: cells.pandas_category(c, rows=rows, from_text=text)),
        ("pandas", "smallest types", lambda c: cells.narrow(c, rows=rows, from_text=text)),
        ("polars", "DataFrame", lambda c: cells.polars(c, from_text=text, rows=rows)),
    ]
    if any(column.kind in (ColumnKind.DATE, ColumnKind.DATETIME) for column in table.columns) and text:
        laws.insert(2, ("pandas", "str columns, dates known", lambda c: cells.pandas_dates(c, from_text=text)))
    found = [Weight(library=library, form=form, held=held(table, law)) for library, form, law in laws]
    return (*found, *_matrices(table))


def _matrices(table: Table) -> list[Weight]:
    """The number columns as one matrix."""
    columns = numbers(table)
    if not columns:
        return []
    covers = "" if len(columns) == len(table.columns) else NUMBERS
    return [
        Weight(library="NumPy", form="float64", held=held(table, lambda _: Cost(row=8), columns), covers=covers),
        Weight(library="NumPy", form="float32", held=held(table, lambda _: Cost(row=4), columns), covers=covers),
        Weight(library="SciPy", form="CSR, float64", held=sparse(table, columns), covers=covers),
        Weight(library="torch", form="float32", held=held(table, lambda _: Cost(row=4), columns), covers=covers),
    ]


def sparse(table: Table, columns: Sequence[Column]) -> ByteRange:
    """The number columns as a SciPy CSR matrix of float64: a value and its column for each cell that is no zero."""
    cells_ = table.rows.expected * sum(column.columns * (1 - column.zero_share) for column in columns)
    index = 4 if cells_ < _INDEX_LIMIT else 8
    body = held(table, lambda c: Cost(row=(8 + index) * (1 - c.zero_share)), columns)
    rows = index * (table.rows.expected + 1)
    return ByteRange(low=body.low + rows, expected=body.expected + rows, high=body.high + rows)


def sparse_pays(table: Table) -> bool:
    """Whether so many cells are zero that CSR is smaller than float64."""
    share = table.zero_share
    return share is not None and share > _SPARSE_PAYS


def _arrays(table: Table) -> tuple[Weight, ...]:
    column = table.columns[0] if table.columns else Column(name="", kind=ColumnKind.FLOAT, columns=0)
    stored = element_bytes(column.stored) if column.stored else 8
    if column.stored == "object":
        return ()
    as_stored = f"{column.stored}, as stored"
    forms = [("NumPy", as_stored, stored)]
    if column.kind.is_number:
        forms += [
            ("NumPy", "float64", 8),
            ("NumPy", "float32", 4),
            ("torch", as_stored, stored),
            ("torch", "float32", 4),
        ]
    found = [
        Weight(library=library, form=form, held=_exactly(held(table, _flat(size)), table))
        for library, form, size in forms
        if form != column.stored
    ]
    if column.kind.is_number and len(table.shape) == 2:
        found.append(Weight(library="SciPy", form="CSR, float64", held=sparse(table, table.columns)))
    return tuple(found)


def _flat(size: int) -> Callable[[Column], Cost]:
    return lambda _: Cost(row=size)


def _exactly(size: ByteRange, table: Table) -> ByteRange:
    """An array of known shape has no range."""
    return ByteRange.exactly(size.expected) if table.rows.is_exact else size


def _tensors(table: Table) -> tuple[Weight, ...]:
    stored = sum(
        column.columns * (1 if column.stored == "bytes" else element_bytes(column.stored)) for column in table.columns
    )
    found = [Weight(library="torch", form="as stored", held=ByteRange.exactly(stored))]
    if all(column.kind is ColumnKind.FLOAT for column in table.columns) and table.columns:
        found.append(Weight(library="torch", form="float32", held=ByteRange.exactly(4 * table.width)))
    return tuple(found)
