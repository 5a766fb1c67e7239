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
        ends_with_step: what is left dies when the optimizer step ends in which it was born, if it lived on into the
            next one and no further.
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
    ends_with_step: bool = False

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
    steps = [mark.tick for mark in trace.marks if mark.kind == "step"]
    for storage in trace.storages:
        edit = next((edit for edit in edits if edit.holds_for(storage)), None)
        left = storage if edit is None else edit.apply(storage)
        if edit is not None and left is not None and edit.ends_with_step:
            left = replace(left, died=_freed_with_step(left, steps))
        if left is not None:
            storages.append(left)
    return Trace(storages=storages, marks=trace.marks)


def end_of_step(storage: Storage, steps: Sequence[int]) -> int | None:
    """When a storage dies that does not outlive the optimizer step of its birth; ``steps`` are their ends' ticks."""
    end = next((tick for tick in steps if tick > storage.born), None)
    return storage.died if end is None or (storage.died is not None and storage.died < end) else end


def _freed_with_step(storage: Storage, steps: Sequence[int]) -> int | None:
    """The same of what dies within the next step: what lives on is kept otherwise than by a name that is given anew."""
    later = [tick for tick in steps if tick > storage.born][1:2]
    lives_on = bool(later) and (storage.died is None or storage.died > later[0])
    return storage.died if lives_on else end_of_step(storage, steps)


def outliving_bytes(trace: Trace, pool: str, categories: frozenset[Category]) -> int:
    """The most that is handed from one optimizer step to the next and dies within that one: results still named.

    Args:
        trace: of the job.
        pool: in question.
        categories: of the storages that are counted.
    """
    steps = [mark.tick for mark in trace.marks if mark.kind == "step"]
    most = 0
    for before, end, after in zip([0, *steps], steps, steps[1:], strict=False):
        most = max(most, sum(
            storage.size_bytes
            for storage in trace.storages
            if storage.pool == pool and storage.category in categories
            and before < storage.born < end and storage.died is not None and end < storage.died < after
        ))  # fmt: skip
    return most


def phase_peaks(trace: Trace, pool: str) -> dict[str, int]:
    """The highest that live storages of a pool come to within each phase, by the phase of the birth that reached it."""
    live = 0
    peaks: dict[str, int] = {}
    for _, change, storage in trace.events(pool):
        live += change * storage.size_bytes
        if change > 0:
            peaks[storage.phase.value] = max(peaks.get(storage.phase.value, 0), live)
    return peaks
