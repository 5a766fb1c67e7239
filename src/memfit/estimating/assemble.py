"""Puts the pools of a job together: devices first, the host last, with the assumptions that hold for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memfit.documents import Assumption, Estimate, Machine, PoolEstimate
from memfit.engine.observation import Observation
from memfit.estimating.device_pool import FUSIBLE, device_pool
from memfit.estimating.host_pool import host_pool
from memfit.estimating.learnt import Learnt, script_name
from memfit.machines import ContextOverhead, Device, collectives_overhead, details
from memfit.quantities import Basis
from memfit.sensors import HostMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessReading:
    """What the simulating process itself came to hold, in bytes; None where the system does not tell.

    Args:
        peak_bytes: the high-water mark of its resident memory.
        own_bytes: the part of it that is the simulation's records and not the job's.
        file_bytes: the part of it that is files' pages, libraries' code above all, which like processes share.
    """

    peak_bytes: int | None
    own_bytes: int
    file_bytes: int = 0


def assemble(
    observation: Observation,
    *,
    target: Mapping[str, Any],
    device: Device | None,
    device_count: int,
    context: ContextOverhead | None,
    process: ProcessReading,
    host: HostMemory | None,
    host_memory_bytes: int | None = None,
    environment: Mapping[str, str],
    cost: Mapping[str, Any],
    learnt: Learnt | None = None,
) -> Estimate:
    """The estimate of an observed job.

    Args:
        observation: what the simulation saw.
        target: what was estimated, as the document keeps it.
        device: the simulated device, None for a job on the CPU.
        device_count: how many of them.
        context: what a process holds on such a device beside tensors.
        process: what the simulating process held: the framework, the job's real data.
        host: this machine's memory, None when it could not be read.
        host_memory_bytes: the host memory to judge by, when the user said so.
        environment: the variables the job would run with (malloc settings are read from it).
        cost: what the estimate took.
        learnt: the constants of this machine; those that are used are told among the assumptions.
    """
    learnt = learnt or Learnt()
    pools: list[PoolEstimate] = []
    if device is not None and context is not None:
        for pool in observation.trace.pools():
            if pool != "host":
                collectives = collectives_overhead(device, observation.ranks)
                capacity = device.usable_bytes or device.memory_bytes
                pools.append(device_pool(observation, pool, context, capacity, collectives=collectives))
    on_device = bool(pools)
    assumptions = [
        Assumption(slug=slug, text=text, effect_bytes=_effect(slug, pools))
        for slug, text in observation.assumptions.items()
    ]
    host_estimate, more = host_pool(
        observation,
        process,
        on_device=on_device,
        host=host,
        host_memory_bytes=host_memory_bytes,
        environment=environment,
        learnt=learnt,
        script=script_name(target),
        product=device.product if device is not None and on_device else "",
    )
    if context is not None and on_device and context.basis is Basis.MEASURED and device is not None:
        learnt.find("context", device.product)
    assumptions += [*more, *learnt.assumptions()]
    if device is not None and device.note:
        assumptions.append(Assumption(slug="device-chosen", text=device.note))
    if device is not None and not on_device:
        assumptions.append(
            Assumption(
                slug="device-not-used", text=f"the job put nothing on {device.name}: it runs on the CPU as it stands"
            )
        )
    return Estimate(
        target=dict(target),
        machine=Machine(name=device.name if device is not None else "cpu", details=details(device, device_count)),
        pools=(*pools, host_estimate),
        assumptions=tuple(assumptions),
        environment=dict(observation.environment),
        cost=dict(cost),
    )


def _effect(slug: str, pools: list[PoolEstimate]) -> int | None:
    """How much of the devices' peaks hangs on an assumption, where that can be bounded."""
    if slug != "compiled-as-eager" or not pools:
        return None
    parts = [part for pool in pools for part in pool.components if part.category in FUSIBLE]
    return sum(part.range.expected for part in parts)
