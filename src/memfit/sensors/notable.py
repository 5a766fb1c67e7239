"""What on this machine would surprise a job: one plain sentence each, the gravest first. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.quantities import GIB, format_bytes
from memfit.sensors.host import HostMemory
from memfit.sensors.machine import MachineReading

STRICT_OVERCOMMIT = 2  # vm.overcommit_memory
_MUCH = 0.5  # of a bound: others' share worth a word
_SOME_BYTES = GIB // 2  # on a device: above a desktop's usual share


def notable(reading: MachineReading) -> tuple[str, ...]:
    """The sentences for one machine; none when nothing stands out."""
    return (*_limits(reading.host), *_load(reading.host), *_devices(reading), *_settings(reading))


def _limits(host: HostMemory) -> Iterator[str]:
    for group in host.groups:
        if group.oom_kills:
            yield f"the kernel has killed {group.oom_kills} process(es) of this container for want of memory so far"
        if group.limit_bytes is not None and group.limit_bytes < _MUCH * host.total_bytes:
            yield (
                f"the container may hold {format_bytes(group.limit_bytes)} of the machine's "
                f"{format_bytes(host.total_bytes)}; beyond it a job is killed without an error message, "
                "and tools that read the host's memory do not see it"
            )
        if group.high_bytes is not None:
            yield f"the container is slowed down, not killed, beyond {format_bytes(group.high_bytes)} (memory.high)"
    for limit in host.limits:
        if limit.name in ("address space limit", "data limit"):
            yield (
                f"a {limit.name} of {format_bytes(limit.limit_bytes)} is set (ulimit); it counts address space, "
                "of which frameworks take far more than they use"
            )
    if host.overcommit == STRICT_OVERCOMMIT:
        yield (
            f"strict overcommit: promises end at {format_bytes(host.commit_limit_bytes)}, before RAM is full "
            "(vm.overcommit_memory=2)"
        )


def _load(host: HostMemory) -> Iterator[str]:
    binding = host.binding
    if binding.others_bytes > _MUCH * binding.limit_bytes:
        held, limit = format_bytes(binding.others_bytes), format_bytes(binding.limit_bytes)
        yield f"others hold {held} of {limit} ({binding.name})"
    if host.swap_total_bytes == 0:
        yield "no swap: a job that outgrows memory is killed at once instead of slowing down"
    if host.swap_total_bytes and host.swap_free_bytes is not None:
        used_bytes = host.swap_total_bytes - host.swap_free_bytes
        if used_bytes > _MUCH * host.swap_total_bytes:
            yield f"{format_bytes(used_bytes)} of {format_bytes(host.swap_total_bytes)} swap are in use"


def _devices(reading: MachineReading) -> Iterator[str]:
    for device in reading.devices.devices:
        taken_bytes = (device.used_bytes or 0) - (device.reserved_bytes or 0)
        if taken_bytes > _SOME_BYTES:
            yield f"device {device.index} ({device.name}): {format_bytes(taken_bytes)} are in use already"


def _settings(reading: MachineReading) -> Iterator[str]:
    names = reading.settings
    if "PYTORCH_ALLOC_CONF" in names and "PYTORCH_CUDA_ALLOC_CONF" in names:
        yield "PYTORCH_ALLOC_CONF and PYTORCH_CUDA_ALLOC_CONF are both set: which one counts depends on torch's version"
    if "PYTORCH_NO_CUDA_MEMORY_CACHING" in names:
        yield "PYTORCH_NO_CUDA_MEMORY_CACHING is set: torch keeps no blocks, which is for debugging and slow"
    if reading.allocator is not None:
        yield f"{reading.allocator} stands in for malloc (LD_PRELOAD): host figures for the C library's do not hold"
    if reading.libc is None and reading.system.startswith("Linux"):
        yield "the C library is not glibc: host figures for glibc's malloc do not hold"
