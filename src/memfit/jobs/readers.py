"""Readers that load a part of a file, for a script whose data does not fit: the rest of the script stays as it is.

Rows are kept by one share everywhere, so that tables which belong together stay equally long. What cannot be cut is
read as the script says, and told of.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from memfit.quantities import MIB

_LEAST_ROWS = 2_000  # that a part must have; files of fewer rows are read whole: tables to look things up in
_AIM_BYTES = 256 * MIB  # of a file's rows in memory, where the share is not given


class Size(NamedTuple):
    """What is known of a whole file.

    Attributes:
        rows: expected.
        rows_high: at most.
        held_bytes: in memory.
    """

    rows: int
    rows_high: int
    held_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A file of which a part was read.

    Args:
        reader: "pandas.read_csv".
        how: "nrows".
        name: of the file.
        rows: that were read.
        whole: that there are, about.
        whole_high: at most.
    """

    reader: str
    how: str
    name: str
    rows: int
    whole: int
    whole_high: int

    def __str__(self) -> str:
        about = "" if self.whole_high == self.whole else "about "
        return f"{self.rows:,} of {about}{self.whole:,} rows of {self.name} ({self.reader}, by {self.how})"


class Readers:
    """Cuts what a script reads.

    Args:
        share: of the rows that is kept; 0 to choose it by the first large file.
        part: of that share that is really read: half of it by the run that goes ahead.
        count: what a text file holds; None where that cannot be told.
        heads: makes a smaller Parquet file, of so many rows; None where it cannot.
        free_bytes: what a file may take a part of, where the share is chosen.
        reading: entered while a part is read.
    """

    def __init__(
        self, share: float, part: float, *, count: Callable[[str], Size | None],
        heads: Callable[[str, int], str | None], free_bytes: int, reading: Callable[[], AbstractContextManager[None]],
    ) -> None:  # fmt: skip
        self.share = share
        self.part = part
        self.cuts: list[Cut] = []
        self.whole: dict[str, str] = {}  # files that were read as they are: why
        self._count, self._heads, self._free_bytes, self._reading = count, heads, free_bytes, reading

    def hooks(self) -> Iterator[tuple[str, Callable[[Any], None]]]:
        """What to call after which module was imported."""
        parquet = {"read_parquet": self._parquet, "scan_parquet": self._parquet}
        yield "pandas", functools.partial(self._patch, by_option=_PANDAS, own=parquet)
        yield "polars", functools.partial(self._patch, by_option=_POLARS, own=parquet)
        yield "numpy", functools.partial(self._patch, by_option=_NUMPY, own={"load": self._numpy_load})
        yield "pyarrow.parquet", functools.partial(self._patch, by_option={}, own={"read_table": self._parquet})

    def _patch(self, module: Any, by_option: dict[str, str], own: dict[str, Callable[..., Any]]) -> None:
        for name, option in by_option.items():
            original = getattr(module, name, None)
            if original is not None:
                setattr(module, name, self._optional(original, f"{module.__name__}.{name}", option))
        for name, made in own.items():
            if hasattr(module, name):
                setattr(module, name, made(getattr(module, name), f"{module.__name__}.{name}"))

    # -- how many ------------------------------------------------------------------------------------------------

    def _kept(self, path: str, size: Size | None) -> int | None:
        """How many rows of a file to read; None to read it whole."""
        if size is None:
            self.whole[path] = "memfit cannot count its rows"
            return None
        if not self.share and size.held_bytes > self._aim:
            self.share = self._aim / size.held_bytes
        if not self.share or size.rows * self.share / 2 < _LEAST_ROWS:
            self.whole[path] = f"it has {size.rows:,} rows"
            return None
        return max(round(size.rows * self.share * self.part), 1)

    @property
    def _aim(self) -> int:
        return min(_AIM_BYTES, self._free_bytes // 16)

    def _told(self, reader: str, how: str, path: str, rows: int, size: Size) -> None:
        self.cuts.append(
            Cut(reader=reader, how=how, name=Path(path).name, rows=rows, whole=size.rows, whole_high=size.rows_high)
        )

    def _optional(self, original: Callable[..., Any], reader: str, option: str) -> Callable[..., Any]:
        """A reader that has an option for the number of rows."""

        @functools.wraps(original)
        def read(source: Any = None, *args: Any, **kwargs: Any) -> Any:
            path = _file(source)
            why = "" if path else "it is no file by name"
            given = sorted(_IN_PARTS & {name for name, value in kwargs.items() if value not in (None, False)})
            if given:
                why = f"{given[0]} says already how much is read"
            elif reader == "pandas.read_json" and not kwargs.get("lines"):
                why = "it is one list, not a record a line"
            if source is None or why:
                self.whole[path or f"what {reader} was given"] = why
                return original(*(() if source is None else (source,)), *args, **kwargs)
            size = self._count(path)
            rows = self._kept(path, size)
            if rows is None or size is None:
                return original(source, *args, **kwargs)
            with self._reading():
                found = original(source, *args, **{**kwargs, option: rows})
            self._told(reader, option, path, rows, size)
            return found

        return read

    # -- formats that tell their rows themselves -----------------------------------------------------------------

    def _numpy_load(self, original: Callable[..., Any], reader: str) -> Callable[..., Any]:
        @functools.wraps(original)
        def load(file: Any, mmap_mode: Any = None, *args: Any, **kwargs: Any) -> Any:
            path = _file(file)
            if not path.endswith(".npy"):
                self.whole[path or f"what {reader} was given"] = "only .npy files can be cut"
                return original(file, mmap_mode, *args, **kwargs)
            try:
                mapped = original(file, mmap_mode or "r", *args, **kwargs)
            except ValueError:  # of objects: there is nothing to map
                self.whole[path] = "it holds objects"
                return original(file, mmap_mode, *args, **kwargs)
            length = int(mapped.shape[0]) if mapped.shape else 0
            size = Size(length, length, int(mapped.nbytes))
            rows = self._kept(path, size)
            if rows is None:
                return original(file, mmap_mode, *args, **kwargs)
            numpy: Any = import_module("numpy")
            with self._reading():  # evenly, so that files sorted by a label keep all of them
                found = mapped[numpy.arange(rows) * length // rows]
            self._told(reader, "memory map", path, rows, size)
            return found

        return load

    def _parquet(self, original: Callable[..., Any], reader: str) -> Callable[..., Any]:
        """Given a smaller file to read: by its own option polars decodes whole row groups, and pandas has none."""

        @functools.wraps(original)
        def read(source: Any, *args: Any, **kwargs: Any) -> Any:
            path = _file(source)
            if not path:
                self.whole[f"what {reader} was given"] = "it is no file by name"
                return original(source, *args, **kwargs)
            size = self._count(path)
            rows = self._kept(path, size)
            part = self._heads(path, rows) if rows is not None else None
            if rows is None or size is None or part is None:
                return original(source, *args, **kwargs)
            with self._reading():
                found = original(part, *args, **kwargs)
            self._told(reader, "the heads of its row groups", path, rows, size)
            return found

        return read


_IN_PARTS = frozenset({"nrows", "n_rows", "max_rows", "chunksize", "iterator", "skipfooter", "skip_footer"})
_PANDAS = {"read_csv": "nrows", "read_table": "nrows", "read_json": "nrows"}
_POLARS = {
    "read_csv": "n_rows", "scan_csv": "n_rows", "read_ndjson": "n_rows", "scan_ndjson": "n_rows",
}  # fmt: skip
_NUMPY = {"loadtxt": "max_rows", "genfromtxt": "max_rows"}


def _file(source: Any) -> str:
    """The path of a file by name; "" of anything else."""
    if not isinstance(source, (str, os.PathLike)):
        return ""
    path = os.fsdecode(source)
    return path if Path(path).is_file() else ""
