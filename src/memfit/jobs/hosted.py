"""The estimate document of a job that was not simulated: one pool, the host's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memfit.documents import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.jobs.environment import environment_of
from memfit.jobs.request import Request
from memfit.quantities import ByteRange
from memfit.sensors import host_capacity

_NOWHERE = PeakLocation()


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
    return Estimate(
        target=dict(target),
        machine=Machine(name="cpu", details={"device_count": 0}),
        pools=(host_pool(parts, host_memory_bytes, peak_at=peak_at),),
        assumptions=tuple(assumptions),
        environment=environment_of(versions),
        cost=dict(cost),
    )


def host_pool(
    parts: Sequence[Component],
    host_memory_bytes: int | None,
    *,
    own_bytes: int | None = None,
    peak_at: PeakLocation = _NOWHERE,
) -> PoolEstimate:
    """The host's pool of these parts, against this machine's memory or what was named.

    Args:
        parts: of its peak; together they are it.
        host_memory_bytes: to judge by, None for this machine's, beside what others hold of it.
        own_bytes: what is held now by processes that will be gone, by default this process's share.
        peak_at: where it falls.
    """
    host = host_capacity(own_bytes=own_bytes)
    return PoolEstimate(
        pool="host",
        capacity_bytes=host_memory_bytes or host.capacity_bytes,
        peak_bytes=ByteRange.total(part.range for part in parts),
        components=tuple(parts),
        peak_at=peak_at,
        other_processes_bytes=None if host_memory_bytes else host.other_processes_bytes,
    )


def target_of(request: Request) -> dict[str, Any]:
    """A script or a module, as documents name it."""
    return {
        "kind": "module" if request.module else "script",
        "name": request.target,
        "arguments": list(request.arguments),
    }
