"""From a replay to what every pool's estimate has: what was live at the peak, where that fell, and step by step."""

from __future__ import annotations

from memfit.documents import Component, PeakLocation, PoolEstimate, StepPeak
from memfit.engine.replay import Replay
from memfit.engine.trace import Storage
from memfit.quantities import Basis, ByteRange, Category

_LARGEST_KEPT = 64


def pool_estimate(
    seen: Replay,
    parts: list[Component],
    peak: ByteRange,
    capacity_bytes: int | None,
    other_processes_bytes: int | None = None,
) -> PoolEstimate:
    """The estimate of a replayed pool.

    Args:
        seen: the replay; it gives the pool's name, its three figures, and what was live at the peak.
        parts: what the peak consists of.
        peak: its range; its expected value is the sum of the parts'.
        capacity_bytes: what the pool has, None when unknown.
        other_processes_bytes: what others hold of it, None when unknown.
    """
    return PoolEstimate(
        pool=seen.pool,
        capacity_bytes=capacity_bytes,
        peak_bytes=peak,
        components=tuple(parts),
        allocated_peak_bytes=seen.allocated.size_bytes,
        requested_peak_bytes=seen.requested.size_bytes,
        reserved_peak_bytes=seen.reserved.size_bytes,
        peak_at=_location(seen),
        steps=_steps(seen),
        top=_top(seen),
        other_processes_bytes=other_processes_bytes,
    )


def tensors(seen: Replay, source: str) -> list[Component]:
    """What live tensors hold at their peak, by category, and what the allocator reserves beyond them."""
    sizes = dict(seen.allocated_breakdown_bytes)
    sizes[Category.FRAGMENTATION] = seen.reserved.size_bytes - sum(sizes.values())
    return [
        Component(category=category, range=ByteRange.exactly(size), basis=Basis.TRACED, source=source)
        for category, size in sizes.items()
        if size
    ]


def _location(seen: Replay) -> PeakLocation:
    """Where the allocated peak falls: the storage whose birth reached it."""
    last: Storage | None = max(seen.alive, key=lambda storage: storage.born, default=None)
    if last is None:
        return PeakLocation()
    return PeakLocation(
        phase=last.phase, step=last.step + 1, operator=last.operator, module=last.module, where=last.where
    )


def _steps(seen: Replay) -> tuple[StepPeak, ...]:
    """Peak and end of each step, of live tensors."""
    return tuple(
        StepPeak(step=use.step, peak_bytes=use.allocated_peak_bytes, end_bytes=use.allocated_end_bytes)
        for use in seen.steps
    )


def _top(seen: Replay) -> tuple[tuple[int, str, str], ...]:
    """The largest storages alive at the peak: bytes, category, and where they come from."""
    return tuple(
        (storage.size_bytes, storage.category.value, _origin(storage)) for storage in seen.alive[:_LARGEST_KEPT]
    )


def _origin(storage: Storage) -> str:
    parts = [part for part in (storage.where, storage.module, storage.operator) if part]
    return " · ".join(parts)
