"""A size with its range: low, expected, high. `high` is the figure to plan with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Three sizes in bytes, low <= expected <= high.

    Raises:
        ValueError: the three are out of order.

    >>> ByteRange(low=1, expected=2, high=4) + ByteRange.exactly(10)
    ByteRange(low=11, expected=12, high=14)
    """

    low: int
    expected: int
    high: int

    def __post_init__(self) -> None:
        if not self.low <= self.expected <= self.high:
            raise ValueError(f"expected low <= expected <= high, got {self.low}, {self.expected}, {self.high}")

    @classmethod
    def exactly(cls, size_bytes: int) -> ByteRange:
        return cls(low=size_bytes, expected=size_bytes, high=size_bytes)

    @classmethod
    def around(cls, size_bytes: int, spread_bytes: int) -> ByteRange:
        """As much above as below, not below nothing.

        >>> ByteRange.around(10, 30)
        ByteRange(low=0, expected=10, high=40)
        """
        return cls(low=max(size_bytes - spread_bytes, 0), expected=size_bytes, high=size_bytes + spread_bytes)

    @classmethod
    def total(cls, ranges: Iterable[ByteRange]) -> ByteRange:
        """The sum, end by end: the parts are taken to be high together, which is the careful reading."""
        return sum(ranges, cls.exactly(0))

    def __add__(self, other: ByteRange) -> ByteRange:
        return ByteRange(low=self.low + other.low, expected=self.expected + other.expected, high=self.high + other.high)
