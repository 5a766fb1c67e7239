"""The estimate document of a job that was not simulated: one pool, the host's."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

from memfit import __version__
from memfit.documents import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.jobs.request import Request
from memfit.quantities import ByteRange
from memfit.sensors import host_capacity


def host_estimate(
    target: Mapping[str, Any],
    parts: Sequence[Component],
    *,
    peak_at: PeakLocation,
    assumptions: Sequence[Assumption],
    versions: Mapping[str, str],
    cost: Mapping[str, Any],
    host_memory_bytes: int | None,
) -> Estimate:
    """The estimate of a job's parts against this machine's memory, or against what was named.

    Args:
        target: what was estimated.
        parts: of the host's peak; together they are it.
        peak_at: where it falls.
        assumptions: what was not seen.
        versions: of packages, and settings, that the figures hold for.
        cost: what the estimate took.
        host_memory_bytes: to judge by, None for this machine's, beside what others hold of it.
    """
    host = host_capacity()
    pool = PoolEstimate(
        pool="host",
        capacity_bytes=host_memory_bytes or host.capacity_bytes,
        peak_bytes=ByteRange.total(part.range for part in parts),
        components=tuple(parts),
        peak_at=peak_at,
        other_processes_bytes=None if host_memory_bytes else host.other_processes_bytes,
    )
    return Estimate(
        target=dict(target),
        machine=Machine(name="cpu", details={"device_count": 0}),
        pools=(pool,),
        assumptions=tuple(assumptions),
        environment={
            "memfit": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            **versions,
        },
        cost=dict(cost),
    )


def target_of(request: Request) -> dict[str, Any]:
    """A script or a module, as documents name it."""
    return {
        "kind": "module" if request.module else "script",
        "name": request.target,
        "arguments": list(request.arguments),
    }
