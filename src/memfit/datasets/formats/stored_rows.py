"""Some rows of a sparse matrix, read from its file: what probes learn from."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

MOST_VALUES = 1 << 20
# NumPy's types in those of Python's arrays.
_CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "b1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q",
          "u8": "Q"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """Rows as CSR holds them.

    Args:
        ends: where each row ends among the values, its beginning being the end of the row before.
        columns: of each value.
        values: float64, whatever they are in the file.
    """

    ends: array[int]
    columns: array[int]
    values: array[float]

    @classmethod
    def of(cls, rows: Iterable[Iterable[tuple[int, float]]]) -> StoredRows:
        """From (column, value) of each row, as many rows as there is room for."""
        found = cls(ends=array("q"), columns=array("q"), values=array("d"))
        for row in rows:
            if len(found.values) >= MOST_VALUES:
                break
            for column, value in row:
                found.columns.append(column)
                found.values.append(value)
            found.ends.append(len(found.values))
        return found

    @property
    def rows(self) -> int:
        """How many they are."""
        return len(self.ends)

    @property
    def broken(self) -> bool:
        """Whether ends and values do not belong together."""
        going_down = any(after < before for before, after in pairwise((0, *self.ends)))
        return going_down or not len(self.columns) == len(self.values) == (self.ends[-1] if self.ends else 0)


def numbers(source: BinaryIO, dtype: str, count: int) -> array[int] | array[float] | None:
    """The first numbers of an array of NumPy's; None of a type that is not of plain numbers, or where it is cut short.

    Args:
        source: where its data begins.
        dtype: as NumPy writes it, "<f8".
        count: how many.
    """
    code = _CODES.get(dtype.lstrip("<>|="))
    if code is None:
        return None
    found: array[float] = array(code)
    data = source.read(count * found.itemsize)
    if len(data) < count * found.itemsize:
        return None
    found.frombytes(data)
    if dtype[0] == (">" if sys.byteorder == "little" else "<"):
        found.byteswap()
    return found
