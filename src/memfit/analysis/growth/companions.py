"""What a second series of the same memory says about the first: swapping, copies between processes, what is live."""

from __future__ import annotations

from dataclasses import replace

from memfit.analysis.growth.judgement import Judgement
from memfit.documents import Growth

_MOST_BY_COMPANION = 0.3  # of the growth: what the companion may share in to count as level


def with_swap(resident: Judgement, both: Judgement) -> Judgement:
    """The judgement on resident + swap: growth that shows only there is masked by swapping."""
    if both.is_leak and not resident.is_leak:
        return replace(both, growth=Growth.SWAP_MASKED)
    return both


def shared(proportional: Judgement, summed: Judgement, most_bytes: float) -> Judgement:
    """Proportional size that grows while the summed resident does not: shared pages become private copies.

    That growth ends where nothing is shared any more, at the summed resident size.
    """
    if not _grows_alone(proportional, summed):
        return proportional
    return replace(proportional, growth=Growth.COPY_ON_WRITE, is_leak=False, settles_at=most_bytes, needs=None)


def retained(held: Judgement, live: Judgement) -> Judgement:
    """Held memory that grows while the live part of it does not: the allocator keeps it."""
    if not _grows_alone(held, live):
        return held
    return replace(held, growth=Growth.ALLOCATOR_RETENTION, is_leak=False, needs=None)


def _grows_alone(first: Judgement, second: Judgement) -> bool:
    grown = first.end - first.start
    return (
        first.is_leak is True
        and second.is_leak is not True
        and (second.end - second.start < _MOST_BY_COMPANION * grown)
    )
