"""The estimate document of a job that neither ran nor was simulated: its parts on devices and on the host, computed."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from memfit.documents import Assumption, Component, Estimate, Machine, PoolEstimate
from memfit.jobs.environment import environment_of
from memfit.jobs.hosted import host_pool
from memfit.machines import Device, details, device_overhead, load_learnt, parse_request, user_data_file
from memfit.quantities import ByteRange, Verdict

_LAZY = "2.0"  # kernels are loaded on first use, as in every build of these years


def computed_estimate(
    target: Mapping[str, Any],
    devices: Sequence[Sequence[Component]],
    host: Sequence[Component],
    *,
    on: str | None,
    assumptions: Sequence[Assumption],
    versions: Mapping[str, str],
    host_memory_bytes: int | None,
    libraries: Collection[str] = (),
    is_whole: bool = True,
) -> Estimate:
    """The estimate of these parts against a machine.

    Args:
        target: what was estimated.
        devices: parts on each device, the context of its process aside.
        host: parts in the host's memory.
        on: the devices' name, None or "cpu" without one.
        assumptions: what was not seen.
        versions: of what the figures hold for.
        host_memory_bytes: to judge by, None for this machine's, beside what others hold of it.
        libraries: of those that a process may wake up on a device, the ones that this one does.
        is_whole: whether the parts are all there is; if not, a pool that they fit is not said to be enough.
    """
    device, count = parse_request(on) if on else (None, 0)
    pools = []
    if device is not None and not device.is_cpu:
        context = _context(device, libraries)
        pools = [
            _pool(f"cuda:{number}", [*parts, context], device.usable_bytes or device.memory_bytes)
            for number, parts in enumerate(devices)
        ]
    pools.append(host_pool(host, host_memory_bytes))
    return Estimate(
        target=dict(target),
        machine=Machine(name=device.name if device is not None else "cpu", details=details(device, count)),
        pools=tuple(pool if is_whole else _refusing_alone(pool) for pool in pools),
        assumptions=tuple(assumptions),
        environment=environment_of(versions),
    )


def _pool(name: str, parts: Sequence[Component], capacity_bytes: int | None) -> PoolEstimate:
    peak = ByteRange.total(part.range for part in parts)
    return PoolEstimate(pool=name, capacity_bytes=capacity_bytes, peak_bytes=peak, components=tuple(parts))


def _refusing_alone(pool: PoolEstimate) -> PoolEstimate:
    """Of parts that are not all: too much is too much, and what would fit is not known to be enough."""
    return pool if pool.verdict is Verdict.DOES_NOT_FIT else replace(pool, capacity_bytes=None)


def _context(device: Device, libraries: Collection[str]) -> Component:
    held = device_overhead(device, _LAZY, learnt=load_learnt(user_data_file(os.environ))).with_libraries(libraries)
    return held.component()
