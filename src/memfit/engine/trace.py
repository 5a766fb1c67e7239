"""The trace: every storage's birth and death, with what it was for. Any framework's simulation writes this shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from memfit.quantities import Category, Phase


@dataclass(slots=True, kw_only=True)
class Storage:
    """One block of memory that a tensor (or several) lived in.

    Mutable while the simulation runs: its death and its category are known later than its birth.

    Args:
        pool: "host", "cuda:0", …
        size_bytes: as requested, before any allocator's rounding.
        born: tick of the allocation; ticks count births and deaths together and are unique.
        died: tick of the release, None while alive at the end of the trace.
        category: what the bytes are for.
        phase: what the job was doing at the birth.
        step: the optimizer step of the birth, from 1; 0 before the first.
        operator: the operator that allocated.
        module: dotted name of the innermost module.
        where: the line of the user's code, "train.py:42".
        stream: the device stream it was allocated on; blocks are reused within one stream only.
    """

    pool: str
    size_bytes: int
    born: int
    died: int | None = None
    category: Category = Category.OTHER
    phase: Phase = Phase.SETUP
    step: int = 0
    operator: str | None = None
    module: str | None = None
    where: str | None = None
    stream: int = 0


@dataclass(slots=True, kw_only=True)
class Mark:
    """A moment in the trace. ``kind`` is "step" (an optimizer step ended) or "empty_cache" (cached blocks released)."""

    tick: int
    kind: str
    step: int = 0
    pool: str | None = None


@dataclass(slots=True, kw_only=True)
class Trace:
    """Every storage of a simulated job in the order of birth, and its marks in order."""

    storages: list[Storage] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def pools(self) -> list[str]:
        """The pools that were used, devices first, host last."""
        return sorted({storage.pool for storage in self.storages}, key=lambda pool: (pool == "host", pool))

    def events(self, pool: str) -> Iterator[tuple[int, int, Storage]]:
        """Births (+1) and deaths (-1) of one pool in order of time: (tick, +1 or -1, storage)."""
        found = [(item.born, 1, item) for item in self.storages if item.pool == pool]
        found += [(item.died, -1, item) for item in self.storages if item.pool == pool and item.died is not None]
        found.sort(key=lambda event: event[0])
        return iter(found)
