"""How many requests a served model can hold: its estimate, with more or fewer of their caches."""

from __future__ import annotations

from memfit.documents import Estimate, PoolEstimate, Serving
from memfit.quantities import Category


def serving(estimate: Estimate, *, context: int, concurrent: int) -> Serving | None:
    """What one request keeps, and how many fit in the estimate's fullest pool that holds them.

    Args:
        estimate: of a job that holds the caches of ``concurrent`` requests of ``context`` tokens.

    Returns:
        None when no pool holds any cache.
    """
    pool = max(estimate.pools, key=_cache_bytes, default=None)
    if pool is None or not _cache_bytes(pool):
        return None
    each = max(_cache_bytes(pool) // concurrent, 1)
    return Serving(
        context=context,
        concurrent=concurrent,
        request_bytes=each,
        fit=_fitting(pool, pool.peak_bytes.high, each, concurrent),
        fit_expected=_fitting(pool, pool.peak_bytes.expected, each, concurrent),
    )


def _cache_bytes(pool: PoolEstimate) -> int:
    return sum(part.range.expected for part in pool.components if part.category is Category.CACHE)


def _fitting(pool: PoolEstimate, peak_bytes: int, each: int, concurrent: int) -> int | None:
    """Fewer requests take their caches with them; more bring the allocator's share along, too."""
    if pool.capacity_bytes is None:
        return None
    spare = pool.capacity_bytes - (pool.other_processes_bytes or 0) - peak_bytes
    if spare < 0:
        return max(concurrent - -(spare // each), 0)
    return concurrent + spare * pool.peak_bytes.expected // (each * max(peak_bytes, pool.peak_bytes.expected))
