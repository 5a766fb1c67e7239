"""Arrays and tensors as tables: one group of equal columns, with what a sample of the bytes says of zeros and ends."""

from __future__ import annotations

import array
import math
import re
import sys
from collections.abc import Sequence

from memfit.datasets.values import commonest_share, deciles
from memfit.documents.data import Column, ColumnKind, Count, Table, TextSize

# NumPy type characters to a name that all libraries use, and safetensors' names.
_NAMES = {
    "b1": "bool", "i1": "int8", "i2": "int16", "i4": "int32", "i8": "int64", "u1": "uint8", "u2": "uint16",
    "u4": "uint32", "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "f16": "float128",
    "c8": "complex64", "c16": "complex128", "M8": "datetime64", "m8": "timedelta64",
}  # fmt: skip
_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4,
    "float32": 4, "int64": 8, "uint64": 8, "float64": 8, "complex64": 8, "datetime64": 8, "timedelta64": 8,
    "float128": 16, "complex128": 16, "float8": 1, "object": 8,
}  # fmt: skip
_CODES = {"int8": "b", "uint8": "B", "bool": "B", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I",
          "int64": "q", "uint64": "Q", "float32": "f", "float64": "d"}  # fmt: skip


def type_name(dtype: str) -> str:
    """NumPy's "<f8" as "float64"; what has no name stays as it is.

    >>> type_name("<f8"), type_name("|b1"), type_name("|O")
    ('float64', 'bool', 'object')
    """
    bare = dtype.lstrip("<>|=").partition("[")[0]
    return "object" if "O" in bare else _NAMES.get(bare, bare)


def element_bytes(dtype: str) -> int:
    """Of one element of a type, by its NumPy code or its name.

    >>> element_bytes("<U10"), element_bytes("|V24"), element_bytes("float32")
    (40, 24, 4)
    """
    name = type_name(dtype)
    if name in _BYTES:
        return _BYTES[name]
    found = re.fullmatch(r"([USVa])(\d{1,12})", name)
    if found is None:
        raise ValueError(f"{dtype!r} is no type")
    return int(found[2]) * (4 if found[1] == "U" else 1)


def array_table(
    name: str, form: str, disk_bytes: int, dtype: str, shape: tuple[int, ...], *, samples: Sequence[bytes] = (),
    notes: Sequence[str] = (), sampled: str = "its header was read",
) -> Table:  # fmt: skip
    """An array as a table: the first side its rows, all the others its columns."""
    rows, width = (shape[0], math.prod(shape[1:])) if shape else (1, 1)
    stored = type_name(dtype)
    column = Column(name="values", kind=kind_of(stored), stored=stored, columns=width)
    numbers = [number for sample in samples for number in _numbers(sample, stored, dtype)]
    if numbers:
        column = _described(column, numbers)
        sampled += f", and a sample of {len(numbers):,} values"
    elif stored.startswith("U"):
        mean = element_bytes(dtype) / 4
        column = Column(name="values", kind=ColumnKind.TEXT, stored=stored, columns=width,
                        text=TextSize(mean_bytes=mean, longest_bytes=round(mean)))  # fmt: skip
    return Table(
        name=name, form=form, files=1, disk_bytes=disk_bytes, rows=Count.exactly(rows),
        columns=(column,) if width else (), shape=shape, sampled=sampled, notes=tuple(notes),
    )  # fmt: skip


def kind_of(stored: str) -> ColumnKind:
    """The kind of a type by its name."""
    if stored.startswith("bool"):
        return ColumnKind.BOOLEAN
    if stored.startswith(("int", "uint")):
        return ColumnKind.INTEGER
    if stored.startswith(("float", "bfloat", "complex", "double", "half")):
        return ColumnKind.FLOAT
    if stored.startswith(("datetime", "timestamp")):
        return ColumnKind.DATETIME
    return ColumnKind.BINARY


def _numbers(sample: bytes, stored: str, dtype: str) -> Sequence[float]:
    code = _CODES.get(stored)
    if code is None:
        return ()
    values = array.array(code)
    values.frombytes(sample[: len(sample) // values.itemsize * values.itemsize])
    if dtype.startswith(">") != (sys.byteorder == "big") and values.itemsize > 1:
        values.byteswap()
    return values


def _described(column: Column, numbers: Sequence[float]) -> Column:
    finite = [number for number in numbers if math.isfinite(number)]
    return Column(
        name=column.name, kind=column.kind, stored=column.stored, columns=column.columns,
        missing_share=sum(1 for number in numbers if number != number) / len(numbers),
        zero_share=sum(1 for number in numbers if number == 0) / len(numbers),
        minimum=float(min(finite)) if finite else None, maximum=float(max(finite)) if finite else None,
        deciles=deciles(finite), commonest_share=commonest_share(finite),
    )  # fmt: skip
