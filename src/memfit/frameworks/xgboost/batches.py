"""Matrices that a script has XGBoost make of an iterator's batches: counted, and made anew of some of them in probes.

DMatrix, QuantileDMatrix and ExtMemQuantileDMatrix take a DataIter (1.7 to 3.2). Making one of all batches may take
hours and memory that is not there: the batches are only counted, and the script goes on with a matrix of the first.
A probe makes every such matrix that is alive in its own process, threads that read ahead included, and trains on it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from memfit.probing.calls import Trains
from memfit.probing.child import reading
from memfit.probing.cutting import columns_of, rows_of

# Pages of external memory that threads read ahead, of each kind (sparse_page_dmatrix.h, 1.7 to 3.2): whether all are
# there when the peak comes is a matter of timing. Three fits of 400,000 × 30 in eight pages of 11.4 MiB peaked at 239,
# 262 and 262 MiB with XGBoost 3.2.0.
_AHEAD = 3
_ENTRY_BYTES = 8
# Batches in the probes: of external memory so many that no more are held however many follow; of what stays in memory
# parts of all, since the making of the bins has the peak of small ones and what the matrix holds that of large ones.
_EXTERNAL = (8, 12, 24)
_PARTS = (16, 8, 4, 2)
_FEW = 8  # of so few all are probed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batches:
    """How a matrix is made of an iterator.

    Args:
        kind: its class.
        make: that class's own __init__.
        iterator: the script's.
        kwargs: of the making besides.
        ref: of the matrix whose bins it takes over; that matrix where it is made otherwise, None for none.
        rows: of each batch.
        columns: of the first.
        held_bytes: what the matrix of the first batch holds in this process.
    """

    kind: type
    make: Callable[..., None]
    iterator: Any
    kwargs: dict[str, Any]
    ref: Any
    rows: tuple[int, ...]
    columns: int
    held_bytes: int

    @property
    def external(self) -> bool:
        """Whether its pages are read from a cache in every pass."""
        return self.kind.__name__ != "QuantileDMatrix"

    @property
    def page_bytes(self) -> int:
        """Of the largest batch as values with their columns' numbers; 0 where no such page is kept."""
        return max(self.rows, default=0) * self.columns * _ENTRY_BYTES if self.kind.__name__ == "DMatrix" else 0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Rows that probes have: whole batches, all of them where they are few."""
        whole = len(self.rows)
        if self.external:
            counts = {min(each, whole) for each in _EXTERNAL} | ({max(whole // 2, 1)} if whole <= _FEW else set())
        else:
            counts = {math.ceil(whole / each) for each in _PARTS} | ({whole} if whole <= _FEW else set())
        at = tuple(accumulate(self.rows))
        return tuple(sorted({at[each - 1] for each in counts}))

    def share_for(self, rows: int) -> float:
        """The share of the batches that have so many rows."""
        count = next((at for at, held in enumerate(accumulate(self.rows), 1) if held >= rows), len(self.rows))
        return count / len(self.rows)

    def part(self, share: float, folder: str, made: dict[Batches, Any]) -> Any:
        """A matrix of the first batches.

        Args:
            share: of the batches.
            folder: for its cache.
            made: matrices that were made so; this one, and the one whose bins it takes over, join them.
        """
        if self not in made:
            ref = self.ref.part(share, folder, made) if isinstance(self.ref, Batches) else self.ref
            made[self] = object.__new__(self.kind)
            self.make_into(made[self], max(math.ceil(len(self.rows) * share), 1), folder, ref)
        return made[self]

    def make_into(self, matrix: Any, count: int, folder: str, ref: Any, **changed: Any) -> None:
        """Make a new object of that class a matrix of the first batches."""
        kwargs = {**self.kwargs, **changed, **({} if ref is None else {"ref": ref})}
        with _first(self.iterator, count, folder if self.external else None):
            self.make(matrix, self.iterator, **kwargs)


_alive: weakref.WeakKeyDictionary[Any, Batches] = weakref.WeakKeyDictionary()


def timing_bytes(batches: Batches) -> int:
    """What one run may hold more than another: of the pages that are read ahead, all but the next."""
    return (_AHEAD - 1) * batches.page_bytes


def batches_of(matrix: Any) -> Batches | None:
    """How a matrix was made; None of one that was not made of an iterator."""
    return _alive.get(matrix)


@contextlib.contextmanager
def made_anew(share: float) -> Iterator[Callable[[Any], Any]]:
    """Every matrix of an iterator that is alive, made of a share of its batches; asked with a matrix for its like."""
    with tempfile.TemporaryDirectory(prefix="cache-", dir=scratch()) as folder:
        made: dict[Batches, Any] = {}
        for each in list(_alive.values()):
            each.part(share, folder, made)
        yield lambda matrix: made[_alive[matrix]] if matrix in _alive else matrix
        made.clear()  # their caches are closed before the folder goes


def remade_bytes() -> int:
    """What the matrices of iterators hold in this process: what probes make anew is not there twice in earnest."""
    return sum(each.held_bytes for each in _alive.values())


def scratch() -> str | None:
    """A folder that is removed after the job, whichever way its processes end; None for the system's own."""
    return os.environ.get("MEMFIT_SCRATCH")


def install(core: Any, trains: Trains) -> None:
    """From now on, matrices of iterators are made of their first batch."""
    for name in ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix"):
        if hasattr(core, name):
            cls = getattr(core, name)
            cls.__init__ = _of_the_first(cls.__init__, core.DataIter)


def _of_the_first(original: Callable[..., None], iterators: type) -> Callable[..., None]:
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        data = args[0] if args else kwargs.get("data")
        if not isinstance(data, iterators) or len(args) > 1:
            original(self, *args, **kwargs)
            return
        ref = kwargs.get("ref")
        rows, columns = _counted(data)
        batches = Batches(
            kind=type(self),
            make=original,
            iterator=data,
            kwargs={name: each for name, each in kwargs.items() if name not in ("data", "ref")},
            ref=ref if ref is None else _alive.get(ref, ref),
            rows=rows,
            columns=columns,
            held_bytes=0,
        )
        before = _resident()
        folder = tempfile.mkdtemp(prefix="cache-", dir=scratch())
        batches.make_into(self, 1, folder, ref, nthread=1)  # this process is forked: no threads of its own
        _alive[self] = replace(batches, held_bytes=max(_resident() - before, 0))

    return init


def _resident() -> int:
    """Of this process, without what was freed: the matrix would hide in what reading the batches left."""
    reading.give_back()
    return reading.sizes().get("VmRSS", 0)


def _counted(iterator: Any) -> tuple[tuple[int, ...], int]:
    """(rows of each batch, columns of the first), by one pass of the script's own reading."""
    rows, columns = [], []

    def seen(*, data: Any, **_: Any) -> None:
        rows.append(rows_of(data))
        columns.append(columns_of(data))

    iterator.reset()
    while iterator.next(seen):
        pass
    iterator.reset()
    return tuple(rows), columns[0] if columns else 0


@contextlib.contextmanager
def _first(iterator: Any, count: int, folder: str | None) -> Iterator[None]:
    """Meanwhile an iterator ends after so many batches, and what is cached of them goes into a folder, if it is."""
    given = 0
    script_next, script_reset, prefix = iterator.next, iterator.reset, iterator.cache_prefix

    def following(input_data: Any) -> Any:
        nonlocal given
        given += 1
        return script_next(input_data) if given <= count else 0

    def reset() -> None:
        nonlocal given
        given = 0
        script_reset()

    iterator.next, iterator.reset = following, reset
    if folder is not None:  # without a prefix of its own it would be where the script is run
        iterator.cache_prefix = str(Path(folder, "cache"))
    try:
        yield
    finally:
        del iterator.next, iterator.reset
        iterator.cache_prefix = prefix
