"""Sends a trace through an allocator model: the peaks, when they fell, what was alive then, and step by step.

The allocator sees every event once, in order; everything else is linear in the number of storages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from memfit.engine.allocators.interface import Allocator, OutOfMemory
from memfit.engine.trace import Mark, Storage, Trace
from memfit.quantities import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The highest value of a figure and the tick of the event that first reached it (None when nothing was allocated).

    Args:
        size_bytes: the value.
        tick: of the trace.
    """

    size_bytes: int
    tick: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUse:
    """One optimizer step, from the end of the one before to its own end.

    Args:
        step: its number, as the mark gave it.
        requested_peak_bytes, allocated_peak_bytes, reserved_peak_bytes: the highest within it.
        requested_end_bytes, allocated_end_bytes, reserved_end_bytes: what was left at its end.
    """

    step: int
    requested_peak_bytes: int
    allocated_peak_bytes: int
    reserved_peak_bytes: int
    requested_end_bytes: int
    allocated_end_bytes: int
    reserved_end_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfMemoryAt:
    """Where a job first did not fit.

    Args:
        tick: of the birth that failed.
        storage: the storage that was to be born.
        oom: what the allocator said.
    """

    tick: int
    storage: Storage
    oom: OutOfMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What one pool of a trace holds under one allocator.

    Args:
        pool: "host", "cuda:0", …
        requested, allocated, reserved: the three peaks; they may fall at different ticks.
        alive: the storages alive at the allocated peak, the largest first.
        allocated_breakdown_bytes: the allocated peak by category; adds up to it.
        reserved_breakdown_bytes: the reserved peak by category, FRAGMENTATION being reserved less allocated at
            that tick; adds up to it.
        steps: one entry per mark "step"; what comes after the last mark is in the peaks alone.
        oom: where the allocator's capacity was first too small, None if never.
    """

    pool: str
    requested: Peak
    allocated: Peak
    reserved: Peak
    alive: tuple[Storage, ...]
    allocated_breakdown_bytes: Mapping[Category, int]
    reserved_breakdown_bytes: Mapping[Category, int]
    steps: tuple[StepUse, ...]
    oom: OutOfMemoryAt | None


def replay(trace: Trace, pool: str, allocator: Allocator) -> Replay:
    """Replay one pool of a trace.

    Args:
        trace: what the simulation saw.
        pool: the pool to replay; its events alone reach the allocator.
        allocator: a fresh model; it is used up. Peaks are what the replay sees after each event.

    A mark takes effect after the events of its own tick and before those of later ticks. "empty_cache" reaches the
    allocator when the mark names this pool or none.
    """
    run = _Run(allocator=allocator)
    marks = _marks_of(trace, pool)
    for tick, change, storage in trace.events(pool):
        while marks and marks[-1].tick < tick:
            run.mark(marks.pop())
        run.event(tick, change, storage)
    while marks:
        run.mark(marks.pop())
    return run.result(pool)


def _marks_of(trace: Trace, pool: str) -> list[Mark]:
    """Last first, to be popped."""
    chosen = (mark for mark in trace.marks if mark.pool is None or mark.pool == pool)
    return sorted(chosen, key=lambda mark: mark.tick, reverse=True)


@dataclass(slots=True, kw_only=True)
class _Figure:
    """One of requested, allocated, reserved while it is followed."""

    size_bytes: int = 0
    tick: int | None = None
    in_step_bytes: int = 0

    def see(self, size_bytes: int, tick: int) -> None:
        if size_bytes > self.in_step_bytes:
            self.in_step_bytes = size_bytes
            if size_bytes > self.size_bytes:
                self.size_bytes = size_bytes
                self.tick = tick

    def peak(self) -> Peak:
        return Peak(size_bytes=self.size_bytes, tick=self.tick)


@dataclass(slots=True, kw_only=True)
class _Run:
    """The state of a replay under way."""

    allocator: Allocator
    requested: _Figure = field(default_factory=_Figure)
    allocated: _Figure = field(default_factory=_Figure)
    reserved: _Figure = field(default_factory=_Figure)
    handles: dict[int, int] = field(default_factory=dict)  # id(storage) -> the allocator's handle
    sizes: list[tuple[Storage, int]] = field(default_factory=list)  # what each storage's block holds
    steps: list[StepUse] = field(default_factory=list)
    oom: OutOfMemoryAt | None = None

    def event(self, tick: int, change: int, storage: Storage) -> None:
        allocator = self.allocator
        if change < 0:
            allocator.free(self.handles.pop(id(storage)))
            self.reserved.see(allocator.reserved_bytes, tick)
            return
        before = allocator.allocated_bytes
        self.handles[id(storage)] = allocator.malloc(storage.size_bytes, storage.stream)
        after = allocator.allocated_bytes
        self.sizes.append((storage, after - before))
        self.requested.see(allocator.requested_bytes, tick)
        self.allocated.see(after, tick)
        self.reserved.see(allocator.reserved_bytes, tick)
        if self.oom is None and allocator.first_oom is not None:
            self.oom = OutOfMemoryAt(tick=tick, storage=storage, oom=allocator.first_oom)

    def mark(self, mark: Mark) -> None:
        if mark.kind == "empty_cache":
            self.allocator.empty_cache()
        elif mark.kind == "step":
            self.steps.append(self._end_step(mark.step))

    def _end_step(self, step: int) -> StepUse:
        allocator = self.allocator
        now = (allocator.requested_bytes, allocator.allocated_bytes, allocator.reserved_bytes)
        use = StepUse(
            step=step,
            requested_peak_bytes=self.requested.in_step_bytes,
            allocated_peak_bytes=self.allocated.in_step_bytes,
            reserved_peak_bytes=self.reserved.in_step_bytes,
            requested_end_bytes=now[0],
            allocated_end_bytes=now[1],
            reserved_end_bytes=now[2],
        )
        for figure, size_bytes in zip((self.requested, self.allocated, self.reserved), now, strict=True):
            figure.in_step_bytes = size_bytes
        return use

    def result(self, pool: str) -> Replay:
        at_allocated = _alive_at(self.sizes, self.allocated.tick)
        reserved = _by_category(_alive_at(self.sizes, self.reserved.tick))
        fragmentation = self.reserved.size_bytes - sum(reserved.values())
        if fragmentation:
            reserved[Category.FRAGMENTATION] = reserved.get(Category.FRAGMENTATION, 0) + fragmentation
        alive = sorted(at_allocated, key=lambda pair: pair[1], reverse=True)
        return Replay(
            pool=pool,
            requested=self.requested.peak(),
            allocated=self.allocated.peak(),
            reserved=self.reserved.peak(),
            alive=tuple(storage for storage, _ in alive),
            allocated_breakdown_bytes=MappingProxyType(_by_category(at_allocated)),
            reserved_breakdown_bytes=MappingProxyType(reserved),
            steps=tuple(self.steps),
            oom=self.oom,
        )


def _alive_at(sizes: Iterable[tuple[Storage, int]], tick: int | None) -> list[tuple[Storage, int]]:
    """The storages that live right after the event of a tick, with what their blocks hold."""
    if tick is None:
        return []
    return [
        (storage, size)
        for storage, size in sizes
        if storage.born <= tick and (storage.died is None or storage.died > tick)
    ]


def _by_category(sizes: Iterable[tuple[Storage, int]]) -> dict[Category, int]:
    found: dict[Category, int] = {}
    for storage, size in sizes:
        found[storage.category] = found.get(storage.category, 0) + size
    return found
