"""One pool of a document in the form in which two documents can be laid on each other: like figures by like names.

A recording and an estimate tell different things apart; each part says which categories it holds together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from memfit.analysis.measured import (
    category_bytes,
    column_peak,
    counted,
    framework_bytes,
    main_iterations,
    phase_highs,
    worker_bytes,
)
from memfit.documents import Estimate, PoolEstimate, Recording
from memfit.quantities import ByteRange, Category, Phase

ALLOCATED, RESERVED = "allocated", "reserved"
# What is held on from step to step once it is there.
_LASTING = (Category.PARAMETERS, Category.BUFFERS, Category.OPTIMIZER_STATE, Category.GRADIENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Bytes of one or several categories that are known only together."""

    categories: tuple[str, ...]
    range: ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSide:
    """One pool of one document.

    Args:
        pool: its name.
        peak: as a monitor would show it; None when unknown.
        parts: of the peak; what they leave of it is the rest.
        whole: the parts are all of the peak.
        unlike: categories that are at the peak another figure than between iterations.
        figures: allocated and reserved peaks, those that are known.
        phases: highest resident size of the main process by phase.
    """

    pool: str
    peak: ByteRange | None
    parts: tuple[Part, ...] = ()
    whole: bool = False
    unlike: frozenset[str] = frozenset()
    figures: Mapping[str, ByteRange] = field(default_factory=dict)
    phases: Mapping[str, ByteRange] = field(default_factory=dict)


def pool_sides(document: Estimate | Recording) -> dict[str, PoolSide]:
    """Every pool of a document by its name."""
    if isinstance(document, Estimate):
        return {pool.pool: _predicted(pool) for pool in document.pools}
    return {name: _measured(document, name) for name in document.pools}


def _predicted(pool: PoolEstimate) -> PoolSide:
    sums: dict[str, ByteRange] = {}
    for part in pool.components:
        sums[part.category.value] = sums.get(part.category.value, ByteRange.exactly(0)) + part.range
    device = not pool.pool.endswith("host")
    return PoolSide(
        pool=pool.pool,
        peak=pool.peak_bytes,
        parts=tuple(Part(categories=(name,), range=size) for name, size in sums.items()),
        whole=True,
        unlike=frozenset() if pool.peak_at.phase is Phase.OPTIMIZER else frozenset({Category.GRADIENTS.value}),
        # On the host no allocator tells a process what it holds: there is nothing measured to set beside it.
        figures=_exact({ALLOCATED: pool.allocated_peak_bytes, RESERVED: pool.reserved_peak_bytes} if device else {}),
    )


def _measured(recording: Recording, pool: str) -> PoolSide:
    parts = _host_parts(recording, pool) if pool.endswith("host") else _device_parts(recording, pool)
    figures = {name: column_peak(recording, pool, name) for name in (ALLOCATED, RESERVED)}
    return PoolSide(
        pool=pool,
        peak=_range(recording.peak_bytes(pool)),
        parts=tuple(parts),
        figures=_exact(figures),
        phases=_exact(phase_highs(recording)) if pool == "host" else {},
    )


def _host_parts(recording: Recording, pool: str) -> Iterable[Part]:
    if pool != "host":  # a second machine's processes are not told apart
        return
    held = category_bytes(recording, pool)
    yield from _lasting(held)
    before = framework_bytes(recording)
    if before is not None:
        model = [Category.PARAMETERS.value, Category.BUFFERS.value]
        known = sum(held.get(name, 0) for name in model)
        together = [Category.FRAMEWORK.value, *([] if held else model)]  # a look at tensors tells the model apart
        if before >= known:
            yield Part(categories=tuple(together), range=ByteRange.exactly(before - known))
    workers = worker_bytes(recording)
    if workers is not None:
        yield Part(categories=(Category.LOADER.value,), range=ByteRange.exactly(workers))


def _device_parts(recording: Recording, pool: str) -> Iterable[Part]:
    yield from _lasting(category_bytes(recording, pool))
    allocated, reserved = (column_peak(recording, pool, name) for name in (ALLOCATED, RESERVED))
    used = recording.peak_bytes(pool)
    if reserved is not None and allocated is not None and reserved >= allocated:
        yield Part(categories=(Category.FRAGMENTATION.value,), range=ByteRange.exactly(reserved - allocated))
    if used is not None and reserved is not None and used >= reserved:
        yield Part(categories=(Category.FRAMEWORK.value,), range=ByteRange.exactly(used - reserved))


def _lasting(held: Mapping[str, int]) -> Iterable[Part]:
    """Holders that were found between iterations. Gradients that were set to None there say nothing of the peak."""
    for category in _LASTING:
        if held.get(category.value):
            yield Part(categories=(category.value,), range=ByteRange.exactly(held[category.value]))


def iterations_of(document: Estimate | Recording) -> int | None:
    """How many iterations were simulated or recorded; None when they were not counted."""
    if isinstance(document, Estimate):
        steps = document.cost.get("steps")
        return steps if isinstance(steps, int) and not isinstance(steps, bool) else None
    return counted(main_iterations(document))


def _exact(sizes: Mapping[str, int | None]) -> dict[str, ByteRange]:
    return {name: ByteRange.exactly(size) for name, size in sizes.items() if size is not None}


def _range(size_bytes: int | None) -> ByteRange | None:
    return None if size_bytes is None else ByteRange.exactly(size_bytes)
