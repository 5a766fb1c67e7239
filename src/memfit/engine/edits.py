"""Changes to a job that its trace alone can show: blocks that become smaller, go elsewhere, or are not made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memfit.engine.trace import Storage, Trace
from memfit.quantities import Category, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Some of a trace's storages, and what becomes of them. A condition that is None holds for all.

    Args:
        category, phase: theirs, by name.
        sizes_bytes: theirs.
        operators: parts of the operator's name, one of which it has.
        where: the line of the user's code.
        pool: theirs.
        factor: what is left of the size; 0 takes the storage out.
        to_pool: where what is left lives; None leaves it there.
        floor_bytes: storages below it are left alone.
    """

    category: str | None = None
    phase: str | None = None
    sizes_bytes: tuple[int, ...] | None = None
    operators: tuple[str, ...] | None = None
    where: str | None = None
    pool: str | None = None
    factor: float = 1.0
    to_pool: str | None = None
    floor_bytes: int = 0

    def holds_for(self, storage: Storage) -> bool:
        """Whether a storage is meant."""
        return (
            storage.size_bytes >= self.floor_bytes
            and (self.category is None or storage.category is Category(self.category))
            and (self.phase is None or storage.phase is Phase(self.phase))
            and (self.sizes_bytes is None or storage.size_bytes in self.sizes_bytes)
            and (self.operators is None or any(part in (storage.operator or "") for part in self.operators))
            and (self.where is None or storage.where == self.where)
            and (self.pool is None or storage.pool == self.pool)
        )

    def apply(self, storage: Storage) -> Storage | None:
        """The storage as the change leaves it; None where nothing is left."""
        size = round(storage.size_bytes * self.factor)
        return None if size <= 0 else replace(storage, size_bytes=size, pool=self.to_pool or storage.pool)


def edited(trace: Trace, edits: Sequence[Edit]) -> Trace:
    """Another trace: the first edit that holds for a storage is made. The trace itself stays as it is.

    >>> trace = Trace(storages=[Storage(pool="host", size_bytes=8, born=1)])
    >>> edited(trace, [Edit(pool="host", factor=0.25)]).storages[0].size_bytes
    2
    """
    storages = []
    for storage in trace.storages:
        edit = next((edit for edit in edits if edit.holds_for(storage)), None)
        left = storage if edit is None else edit.apply(storage)
        if left is not None:
            storages.append(left)
    return Trace(storages=storages, marks=trace.marks)


def phase_peaks(trace: Trace, pool: str) -> dict[str, int]:
    """The highest that live storages of a pool come to within each phase, by the phase of the birth that reached it."""
    live = 0
    peaks: dict[str, int] = {}
    for _, change, storage in trace.events(pool):
        live += change * storage.size_bytes
        if change > 0:
            peaks[storage.phase.value] = max(peaks.get(storage.phase.value, 0), live)
    return peaks
