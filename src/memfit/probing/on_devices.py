"""A fit on a GPU: its shape and settings, and what a framework says that it holds there at each of its moments.

A moment is a part of a fit with a set of arrays of its own (the sketch of quantiles, training); the device's peak is
the fullest of them. Nothing here was measured: a part is computed from the library's source, which it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from memfit.probing.scaling import ColumnsAlike
from memfit.quantities import ByteRange, Category


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFit:
    """What decides the size of a fit on a device.

    Args:
        rows: of the data.
        alike: its columns; a cell that is not filled is missing, or zero in a sparse matrix.
        longest_row: values that the fullest row has: low, expected and high, as counts.
        outputs: trees of a round: the classes of a target with more than two, else 1.
        at_once: trees of an output that are grown in one round: a forest's.
        params: of the estimator.
        version: major and minor of the library; None where it is not known: the newest that was read.
        device_bytes: all of the device's memory.
        free_bytes: what of it the fit finds free: less what the process holds there anyway.
        stored_matrix: the data comes as a matrix of its values (xgboost.DMatrix), not as one of quantiles.
        matrix_there: the matrix was made before the fit.
        evaluated: rows of each further table that is evaluated in every round.
        weighted: rows have weights.
        page_rows: of the largest page, where the data comes in pages of external memory; None where it does not.
        pages_on_host: those pages are kept in host memory, not on a disk.
    """

    rows: int
    alike: tuple[ColumnsAlike, ...]
    longest_row: tuple[int, int, int]
    params: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    at_once: int = 1
    version: tuple[int, int] | None = None
    device_bytes: int = 0
    free_bytes: int = 0
    stored_matrix: bool = False
    matrix_there: bool = False
    evaluated: tuple[int, ...] = ()
    weighted: bool = False
    page_rows: int | None = None
    pages_on_host: bool = True

    @property
    def columns(self) -> int:
        """Of the data."""
        return sum(each.number for each in self.alike)

    @property
    def stored(self) -> int:
        """Cells that are filled."""
        return round(sum(each.number * each.filled for each in self.alike) * self.rows)

    @property
    def dense(self) -> bool:
        """Whether every cell is filled."""
        return all(each.filled >= 1 for each in self.alike)

    def bins(self, most: int) -> int:
        """Bins of all columns, each of which has one for every different value up to a number.

        >>> DeviceFit(
        ...     rows=1_000, alike=(ColumnsAlike(2, 1.0), ColumnsAlike(1, 1.0, 5)), longest_row=(3, 3, 3)
        ... ).bins(256)
        517
        """
        return sum(each.number * self._bins(each, most) for each in self.alike)

    def _bins(self, column: ColumnsAlike, most: int) -> int:
        values = max(round(self.rows * column.filled), 1)
        return min(values if column.distinct is None else min(values, max(column.distinct, 1)), most)


class Held(NamedTuple):
    """One part of what is held at a moment.

    Attributes:
        category: what the bytes are for.
        size: low, expected and high.
        source: the array, and where in the library's source it is made.
    """

    category: Category
    size: ByteRange
    source: str


class Moment(NamedTuple):
    """A part of a fit.

    Attributes:
        name: what the fit is doing.
        parts: what it holds then.
        adapts: why it would take less on a device with less room; "" where it would not.
    """

    name: str
    parts: tuple[Held, ...]
    adapts: str = ""

    @property
    def size(self) -> ByteRange:
        """All parts together."""
        return ByteRange.total(part.size for part in self.parts)


def held(category: Category, size_bytes: float, source: str, *, low: float = 1.0, high: float = 1.0) -> Held:
    """A part of that size, with ends that are multiples of it."""
    size = ByteRange(low=round(size_bytes * low), expected=round(size_bytes), high=round(size_bytes * high))
    return Held(category, size, source)


def fullest(moments: tuple[Moment, ...]) -> Moment:
    """The moment that holds the most, as expected."""
    return max(moments, key=lambda moment: moment.size.expected)


def version_of(text: str) -> tuple[int, int] | None:
    """Major and minor of a version; None where the text is none.

    >>> version_of("3.2.0"), version_of("")
    ((3, 2), None)
    """
    numbers = text.split(".")
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 and all(n.isdigit() for n in numbers[:2]) else None
