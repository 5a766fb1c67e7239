"""Holds an estimate against machines: what fits with headroom, how full it gets, the smallest first.

An estimate speaks of one device. On another the tensors are taken to be the same and the context is exchanged; whoever
can estimate again does so for the machines that matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from memfit.documents import Estimate, Placement, PoolEstimate
from memfit.errors import MemfitError
from memfit.machines.device import Device
from memfit.machines.lookup import find
from memfit.machines.overheads import device_overhead
from memfit.machines.whole import MICROCONTROLLER, PHONE, WholeMachine
from memfit.quantities import ByteRange

LITERT, MICRO = "litert", "micro"  # of a .tflite file: the runtime of microcontrollers, and that of all others


def placements(estimate: Estimate, machines: Sequence[WholeMachine], today: date) -> tuple[Placement, ...]:
    """The job on every machine it could run on: those that have what it needs of the vendor's devices.

    Args:
        estimate: of the job.
        machines: to be considered; those that cannot run such a job are left out.
        today: for the age of their rows.

    Returns:
        One placement each, fitting or not, the smallest machine first.
    """
    here = _device(estimate)
    wanted = _devices_used(estimate)
    usable = [
        each
        for each in machines
        if _runs(estimate, each)
        and (not wanted or (each.device is not None and (here is None or each.device.vendor == here.vendor)))
    ]
    return tuple(_placed(estimate, each, here, wanted, today) for each in sorted(usable, key=lambda each: each.size))


def runtime_of(estimate: Estimate) -> str | None:
    """The runtime for small devices that a model's file was estimated for; None for jobs in Python."""
    found = estimate.target.get("runtime")
    return None if found is None else str(found)


def _runs(estimate: Estimate, machine: WholeMachine) -> bool:
    """Whether a machine can run such a job: phones run no Python, microcontrollers TFLite Micro alone."""
    runtime = runtime_of(estimate)
    if machine.kind == MICROCONTROLLER or runtime == MICRO:
        return machine.kind == MICROCONTROLLER and runtime == MICRO
    return machine.kind != PHONE or runtime is not None


def _placed(estimate: Estimate, machine: WholeMachine, here: Device | None, wanted: int, today: date) -> Placement:
    host = next((pool.peak_bytes for pool in estimate.pools if pool.pool == "host"), ByteRange.exactly(0))
    need = None
    if wanted and machine.device is not None:
        fullest = max((pool.peak_bytes for pool in _device_pools(estimate)), key=lambda peak: peak.high)
        need = _carried(fullest, here, machine.device, str(estimate.environment.get("torch") or ""))
        host = host + need if machine.unified else host
    return Placement(
        machine=machine.name,
        provider=machine.provider,
        kind=machine.kind,
        ram_bytes=machine.ram_bytes,
        usable_ram_bytes=machine.usable_ram_bytes,
        host_bytes=host,
        device=None if machine.device is None else machine.device.name,
        devices=machine.devices,
        devices_used=wanted,
        device_bytes=machine.device_bytes,
        device_need_bytes=need,
        estimated=not wanted or (here is not None and machine.device is not None and machine.device.name == here.name),
        source=machine.source,
        date=machine.date,
        stale=machine.is_stale(today),
        comparable=not wanted or here is None or machine.device is None or _alike(here, machine.device),
    )


def _alike(here: Device, there: Device) -> bool:
    """Whether a job's tensors are about the same on both: flash attention and bfloat16 begin with capability 8.0.

    examples/train_gpt.py, from an H100 to an A10G, A100 and L40S: 0.9 to 2.2 % off; to a T4 and a V100: 61 % too low.
    """
    modern = [(device.capability or (0, 0)) >= (8, 0) for device in (here, there)]
    return modern[0] == modern[1]


def _carried(peak: ByteRange, here: Device | None, there: Device, torch: str) -> ByteRange:
    """A device's peak on another device: its context is exchanged for the other's."""
    if here is None or here.name == there.name or not torch:
        return peak
    old, new = (device_overhead(device, torch).range for device in (here, there))
    shift = new.expected - old.expected
    return ByteRange(
        low=max(peak.low + shift, 0),
        expected=max(peak.expected + shift, 0),
        high=max(peak.high + max(shift, new.high - old.high), peak.expected + shift, 0),
    )


def _device_pools(estimate: Estimate) -> list[PoolEstimate]:
    return [pool for pool in estimate.pools if pool.pool != "host"]


def _devices_used(estimate: Estimate) -> int:
    """Devices of one machine that the job uses: those with tensors on them; of several ranks, what a node has."""
    used = sum(1 for pool in _device_pools(estimate) if pool.allocated_peak_bytes != 0)
    return max(used, int(estimate.machine.details.get("device_count") or 0)) if used and estimate.roles else used


def _device(estimate: Estimate) -> Device | None:
    try:
        device = find(estimate.machine.name)
    except MemfitError:  # a device that was given by its size, or a row that is no longer there
        return None
    return None if device.is_cpu else device
