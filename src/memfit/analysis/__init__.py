"""What documents and series say beyond their figures: growth, attribution, comparison. Pure: no clock, no files.

NumPy is loaded with the first question, not with this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memfit.documents import Diagnosis
from memfit.errors import UsageError

SUMMED = ", summed resident"  # how the name of that companion ends


def diagnose_series(
    bytes: Any,
    *,
    seconds: Any = None,
    iterations: Any = None,
    swap_bytes: Any = None,
    peak_bytes: Any = None,
    summed_rss_bytes: Any = None,
    live_bytes: Any = None,
    limit_bytes: int | Mapping[str, int] | None = None,
    pool: str = "host",
    name: str = "host",
    notes: Sequence[str] = (),
    target: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """How a memory series behaves over iterations, and whether that is a leak.

    Args:
        bytes: one reading per iteration, best at the same phase of each: a list, an array, a data frame's column.
        seconds: the time of each reading, on any clock.
        iterations: the iteration of each reading; 0, 1, 2, … when None.
        swap_bytes: what of it was in swap at each reading: growth that swapping hides.
        peak_bytes: the highest point within each iteration: growth that shows only there.
        summed_rss_bytes: for a proportional size of several processes: their resident sizes summed.
        live_bytes: what the program knows to be in use of it: the rest is the allocator's.
        limit_bytes: where it ends, or several limits by name.
        pool: the memory: "host", "cuda:0".
        name: the series.
        notes: what is known of the data already, for the reader.
        target: what is diagnosed, for the document.

    Returns:
        The diagnosis; with companions, one of several series, worst first.

    Raises:
        UsageError: no numbers, negative ones, or series of different lengths.

    >>> diagnose_series([10**9 + 10**6 * step for step in range(100)]).is_leak
    True
    """
    from memfit.analysis.growth.diagnosing import diagnose

    limits = {} if limit_bytes is None else dict(limit_bytes) if isinstance(limit_bytes, Mapping) else None
    if limits is None:
        limits = {"limit": limit_bytes}  # type: ignore[dict-item]
    for label, size in limits.items():
        if not isinstance(size, int) or size <= 0:
            raise UsageError(f"the limit {label} is {size!r}: expected bytes above 0", slug="bad-size")
    return diagnose(
        bytes,
        seconds=seconds,
        iterations=iterations,
        companions_of={"swap": swap_bytes, "peak": peak_bytes, "summed": summed_rss_bytes, "live": live_bytes},
        limits=limits,
        pool=pool,
        name=name,
        notes=tuple(notes),
        target=target or {"kind": "series", "name": name},
    )
