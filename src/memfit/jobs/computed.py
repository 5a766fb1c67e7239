"""The estimate document of a job that neither ran nor was simulated: its parts on devices and on the host, computed."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from memfit import __version__
from memfit.documents import Assumption, Component, Estimate, Machine, PoolEstimate
from memfit.machines import Device, device_overhead, load_learnt, parse_request, user_data_file
from memfit.quantities import ByteRange, Category
from memfit.sensors import host_capacity

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
            _pool(f"cuda:{number}", [*parts, context], device.usable_bytes or device.memory_bytes, None, is_whole)
            for number, parts in enumerate(devices)
        ]
    seen = host_capacity()
    others = None if host_memory_bytes else seen.other_processes_bytes
    pools.append(_pool("host", host, host_memory_bytes or seen.capacity_bytes, others, is_whole))
    return Estimate(
        target=dict(target),
        machine=Machine(name=device.name if device is not None else "cpu", details=_details(device, count)),
        pools=tuple(pools),
        assumptions=tuple(assumptions),
        environment={
            "memfit": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            **versions,
        },
    )


def _pool(
    name: str, parts: Sequence[Component], capacity: int | None, others: int | None, is_whole: bool
) -> PoolEstimate:
    peak = ByteRange.total(part.range for part in parts)
    known = is_whole or (capacity is not None and peak.expected > capacity - (others or 0))
    return PoolEstimate(
        pool=name,
        capacity_bytes=capacity if known else None,
        peak_bytes=peak,
        components=tuple(parts),
        other_processes_bytes=others,
    )


def _context(device: Device, libraries: Collection[str]) -> Component:
    held = device_overhead(device, _LAZY, learnt=load_learnt(user_data_file(os.environ))).with_libraries(libraries)
    return Component(category=Category.FRAMEWORK, range=held.range, basis=held.basis, source=held.source)


def _details(device: Device | None, count: int) -> dict[str, Any]:
    if device is None or device.is_cpu:
        return {"device_count": 0}
    return {
        "device_count": count,
        "product": device.product,
        "memory_bytes": device.memory_bytes,
        "memory_basis": device.memory_basis.value,
        "capability": list(device.capability) if device.capability else None,
    }
