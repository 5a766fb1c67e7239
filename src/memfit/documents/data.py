"""The weighing of data sets: what files hold, what that weighs in each library, what reading peaks at, lighter ways.

Plain data. Every figure that was not counted has a range and says its basis; who finds them out is memfit.datasets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from memfit.quantities import Basis, ByteRange, Verdict


class ColumnKind(str, Enum):
    """What the values of a column are."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"
    BINARY = "binary"
    NESTED = "nested"
    EMPTY = "empty"

    @property
    def is_number(self) -> bool:
        """Whether NumPy holds it as a number without being told how."""
        return self in (ColumnKind.BOOLEAN, ColumnKind.INTEGER, ColumnKind.FLOAT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A number of things with its range, low <= expected <= high.

    Raises:
        ValueError: the three are out of order.
    """

    low: int
    expected: int
    high: int
    basis: Basis = Basis.MEASURED

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.expected <= self.high:
            raise ValueError(f"expected 0 <= low <= expected <= high, got {self.low}, {self.expected}, {self.high}")

    @classmethod
    def exactly(cls, number: int) -> Count:
        """A number that was read or counted."""
        return cls(low=number, expected=number, high=number)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSize:
    """How long the texts of a column are, over those that are not missing.

    Args:
        mean_bytes: in UTF-8.
        spread_bytes: twice the standard error of that mean; 0 when every value was read.
        longest_bytes: the longest seen.
        long_share: of values longer than the 12 bytes that a string view holds inline.
        long_mean_bytes: their mean.
        object_bytes: mean size of the value as a CPython str, in malloc's steps of 16 bytes.
        own_share: of values that get an object of their own in pandas' C reader, which shares equal ones in a chunk.
    """

    mean_bytes: float
    spread_bytes: float = 0.0
    longest_bytes: int = 0
    long_share: float = 0.0
    long_mean_bytes: float = 0.0
    object_bytes: float = 64.0
    own_share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, or several alike that are told together.

    Args:
        name: of the column; of a group, what it stands for.
        kind: of the values; a column of mixed values is text.
        stored: the type that the file declares ("int32", "dictionary"); "" where the file is text.
        columns: how many columns it stands for.
        missing_share: of cells that are missing, 0 to 1.
        zero_share: of all cells that are zero (or false), 0 to 1.
        distinct: how many different values; None where that was not looked at.
        minimum: of numbers; None where unknown.
        maximum: of numbers; None where unknown.
        text: of texts; None otherwise.
        mixed: numbers and texts stand in one column.
        file_bytes: a cell's mean width in the file, where the file is text; 0 otherwise.
        deciles: of the sampled numbers, the nine that cut them into tenths; () where there are none.
        commonest_share: of the sampled values that are not missing, the share of the one seen most; None if not seen.
    """

    name: str
    kind: ColumnKind
    stored: str = ""
    columns: int = 1
    missing_share: float = 0.0
    zero_share: float = 0.0
    distinct: Count | None = None
    minimum: float | None = None
    maximum: float | None = None
    text: TextSize | None = None
    mixed: bool = False
    file_bytes: float = 0.0
    deciles: tuple[float, ...] = ()
    commonest_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What a table holds in one library, in one form.

    Args:
        library: "pandas", "polars", "NumPy", "SciPy", "torch", "pyarrow".
        form: "as read", "object strings", "float32", …
        held: bytes while it lives.
        covers: which columns that is, where it is not all; "" for all.
    """

    library: str
    form: str
    held: ByteRange
    covers: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one way to read the files peaks at.

    Args:
        call: the code.
        library: whose call it is.
        peak: of the process above what it holds after its imports.
        held: what stays afterwards.
        mapped_bytes: of the peak, the mapped file: shown as resident, but given back when memory runs short.
        basis: how the peak was found.
        source: of the law: the version it was measured with.
    """

    call: str
    library: str
    peak: ByteRange
    held: ByteRange
    mapped_bytes: int
    basis: Basis
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a usual step of preprocessing adds.

    Args:
        step: the step, in code.
        held: what its result weighs.
        peak: of input, result and temporaries together.
        note: what decides it.
    """

    step: str
    held: ByteRange
    peak: ByteRange
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A lighter way.

    Args:
        slug: its stable name.
        text: what to do, in a sentence.
        code: to type.
        held: what is held then.
        peak: while reading that way; None where it is not known.
        saves_bytes: against pandas as read: of the peak where it is known, else of what is held.
        loses: what is given up; "" for nothing.
    """

    slug: str
    text: str
    code: str
    held: ByteRange
    peak: ByteRange | None
    saves_bytes: int
    loses: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What a reader of a text file must be told, where it is not what readers expect.

    Args:
        separator: between the cells.
        encoding: "" for UTF-8.
        header: the first line names the columns.
        missing: what stands for a missing cell, beside nothing at all.
    """

    separator: str = ","
    encoding: str = ""
    header: bool = True
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table, array or collection.

    Args:
        name: of the file, or of the table within it.
        path: what to open, as it was named; of a set the folder or a pattern.
        form: "csv", "parquet", "npy", "images", …
        files: how many files it is spread over.
        disk_bytes: their sizes.
        rows: how many.
        columns: those of the file; like ones may stand together.
        shape: of an array; () for a table.
        sampled: what was read to say this, in a sentence.
        weights: in each library.
        readings: what reading peaks at.
        growths: usual preprocessing.
        ways: lighter ones, those that save most first.
        notes: what the reader should know.
        dialect: of a text file.
    """

    name: str
    path: str = ""
    form: str
    files: int
    disk_bytes: int
    rows: Count
    columns: tuple[Column, ...]
    shape: tuple[int, ...] = ()
    sampled: str = ""
    weights: tuple[Weight, ...] = ()
    readings: tuple[Reading, ...] = ()
    growths: tuple[Growth, ...] = ()
    ways: tuple[Way, ...] = ()
    notes: tuple[str, ...] = ()
    dialect: Dialect = Dialect()

    @property
    def within(self) -> str:
        """The name of the table or array within its file; "" where the file is one."""
        return self.name.partition("/")[2] if self.form in ("npz", "hdf5", "sqlite") else ""

    @property
    def is_array(self) -> bool:
        """Whether it is one block of values of one type, and no table of columns."""
        return self.form in ("npy", "npz", "hdf5", "images")

    @property
    def width(self) -> int:
        """How many columns it has."""
        return sum(column.columns for column in self.columns)

    @property
    def missing_share(self) -> float:
        """Of all cells."""
        return _mean((column.missing_share, column.columns) for column in self.columns)

    @property
    def zero_share(self) -> float | None:
        """Of the cells that are numbers; None without such."""
        numbers = [column for column in self.columns if column.kind.is_number]
        return _mean((column.zero_share, column.columns) for column in numbers) if numbers else None

    def weight(self, library: str, form: str) -> Weight | None:
        """The weight in that library and form, or None."""
        return next((one for one in self.weights if (one.library, one.form) == (library, form)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The memory that a process which reads the data would find.

    Args:
        bound_by: what bounds it: "RAM", "container limit", …
        limit_bytes: that bound.
        others_bytes: what others hold of it and will not give back.
        swap_free_bytes: of swap; no part of the room. None when unknown.
    """

    bound_by: str
    limit_bytes: int
    others_bytes: int = 0
    swap_free_bytes: int | None = None

    @property
    def bytes(self) -> int:
        """What is left of it."""
        return max(self.limit_bytes - self.others_bytes, 0)

    def verdict(self, peak: ByteRange) -> Verdict:
        """FITS when the high end does, TIGHT when only the expected figure does."""
        if peak.high <= self.bytes:
            return Verdict.FITS
        return Verdict.TIGHT if peak.expected <= self.bytes else Verdict.DOES_NOT_FIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What data sets weigh.

    Args:
        target: the paths that were asked about.
        tables: what was found, the heaviest first.
        problems: what could not be read, one sentence each.
        environment: versions that the figures hold for.
        room: what the machine in question has for them; None when unknown.
    """

    target: Mapping[str, Any]
    tables: tuple[Table, ...]
    problems: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    room: Room | None = None


def _mean(shares: Any) -> float:
    pairs = list(shares)
    weight = sum(count for _, count in pairs)
    return sum(share * count for share, count in pairs) / weight if weight else 0.0
