"""Reads tables of a FlatBuffer without its schema compiler; trusts no offset and no length.

The format: flatbuffers.dev, "FlatBuffer Internals". A table begins with the distance back to its list of fields; a
field that was left out has the place 0 there, or none.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from memfit.datasets.opening import UnreadableData

MOST_ENTRIES = 1 << 22  # of one list: the largest models have some ten thousand tensors and operators


class Table:
    """One table of a buffer.

    Args:
        data: the whole buffer.
        at: where the table begins.
        where: the file, for messages.

    Raises:
        UnreadableData: of every method, when what is claimed lies outside the buffer.
    """

    def __init__(self, data: memoryview, at: int, where: str) -> None:
        self._data, self._at, self._where = data, at, where
        self._fields = at - self._number("<i", at)
        self._fields_bytes = self._number("<H", self._fields)

    @classmethod
    def root(cls, data: memoryview, where: str) -> Table:
        """The table that a buffer begins with."""
        return cls(data, cls._read(data, "<I", 0, where), where)

    def number(self, field: int, form: str = "<i", default: int = 0) -> int:
        """A number in the table itself, of a form as in `struct`."""
        place = self._place(field)
        return self._number(form, place) if place else default

    def table(self, field: int) -> Table | None:
        """A table that the field leads to."""
        place = self._place(field)
        return Table(self._data, self._follow(place), self._where) if place else None

    def tables(self, field: int) -> Iterator[Table]:
        """Those of a list."""
        start, count = self._list(field, 4)
        for index in range(count):
            yield Table(self._data, self._follow(start + 4 * index), self._where)

    def numbers(self, field: int, form: str = "i") -> tuple[int, ...]:
        """A list of numbers."""
        size = struct.calcsize("<" + form)
        start, count = self._list(field, size)
        return struct.unpack(f"<{count}{form}", self._data[start : start + count * size])

    def length(self, field: int, size: int = 1) -> int:
        """How many entries of so many bytes a list has; 0 for none."""
        return self._list(field, size, most=len(self._data))[1]

    def text(self, field: int) -> str:
        """A string."""
        start, count = self._list(field, 1)
        return bytes(self._data[start : start + count]).decode("utf-8", "replace")

    def content(self, field: int) -> memoryview:
        """The bytes of a list of bytes."""
        start, count = self._list(field, 1, most=len(self._data))
        return self._data[start : start + count]

    def _list(self, field: int, size: int, most: int = MOST_ENTRIES) -> tuple[int, int]:
        place = self._place(field)
        if not place:
            return 0, 0
        start = self._follow(place)
        count = self._number("<I", start)
        if count > most or start + 4 + count * size > len(self._data):
            raise UnreadableData(f"{self._where} is broken: a list of {count:,} entries lies outside it")
        return start + 4, count

    def _place(self, field: int) -> int:
        entry = 4 + 2 * field
        if entry + 2 > self._fields_bytes:
            return 0
        distance = self._number("<H", self._fields + entry)
        return self._at + distance if distance else 0

    def _follow(self, at: int) -> int:
        return at + self._number("<I", at)

    def _number(self, form: str, at: int) -> int:
        return self._read(self._data, form, at, self._where)

    @staticmethod
    def _read(data: memoryview, form: str, at: int, where: str) -> int:
        if at < 0 or at + struct.calcsize(form) > len(data):
            raise UnreadableData(f"{where} is broken: it points outside itself, to byte {at:,} of {len(data):,}")
        found: int = struct.unpack_from(form, data, at)[0]
        return found
