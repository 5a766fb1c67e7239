"""The host's peak: the framework's own process, the job's tensors through malloc, loader workers, pinned buffers.

For a job on a device the host holds what the script loads; for a job on the CPU it holds everything. The framework's
share is measured: the simulation runs in a process that imports what the job imports and loads what it loads.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from memfit.documents import Assumption, Component, PoolEstimate
from memfit.engine.allocators import GlibcSettings, PlainAllocator
from memfit.engine.host_replay import replay_host
from memfit.engine.observation import HostSide, Observation
from memfit.engine.replay import Replay, replay
from memfit.engine.trace import Trace
from memfit.estimating.learnt import Learnt, allocator_subject, around, learnt_component
from memfit.estimating.parts import exactly
from memfit.estimating.replayed import pool_estimate, tensors
from memfit.machines import LearntConstant
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category
from memfit.sensors import HostMemory, libc_version

if TYPE_CHECKING:
    from memfit.estimating.assemble import ProcessReading

HOST = "host"
SHARED_SOURCE = "the simulating process: files' pages, which processes with the same libraries share"

# Host memory of the CUDA driver, of libraries and of kernels' code in one process, beyond its imports: 310 to 900 MiB
# were left in jobs of the tuning half on an H200 (torch 2.11, CUDA 13.0, driver 580, kernels loaded on first use); with
# CUDA_MODULE_LOADING=EAGER 2.7 GiB.
CUDA_HOST_SIDE = ByteRange(low=150 * MIB, expected=500 * MIB, high=1100 * MIB)
CUDA_HOST_SOURCE = "the CUDA driver and libraries within the process"
CUDA_HOST_MARGIN = 1.25  # on what was learnt of it: assumed, other kernels of the next job load other libraries
# What a CUDA build of torch holds after its import beyond a CPU build: 483 and 218 MiB (2.11.0+cu130, 2.13.0+cpu).
CUDA_BUILD = ByteRange(low=200 * MIB, expected=265 * MIB, high=400 * MIB)
# Private memory of one loader worker beside its batches. Measured with torch 2.13.0 on Python 3.11 by
# benchmarks/accuracy/measure_workers.py: 0 to 4 MiB forked (the job holds few Python objects; a large list in the
# dataset is written to page by page as it is read, hence the high end), 145 MiB spawned (torch is imported again).
FORKED_WORKER = ByteRange(low=0, expected=4 * MIB, high=128 * MIB)
SPAWNED_WORKER = ByteRange(low=140 * MIB, expected=150 * MIB, high=400 * MIB)
# What a real run touches and a simulation does not: kernels' code pages, thread stacks, the scratch buffers of MKL and
# oneDNN. Chosen on the tuning half of benchmarks/accuracy (torch 2.13.0, glibc 2.36, 2 threads): expected is what was
# left in the median with MALLOC_MMAP_THRESHOLD_ set, where malloc keeps nothing (25 MiB; 13 MiB by default), high
# keeps every one of those runs below the sum.
KERNEL_CODE = ByteRange(low=0, expected=20 * MIB, high=100 * MIB)
KERNEL_SOURCE = "code pages, threads and scratch of kernels that the simulation does not run"
# What a process keeps of buffers that gloo's threads took and gave back, over the weights that it gathered: 2.7, 3.1
# and 3.8 were left in the three sharded jobs of the tuning half of benchmarks/ranks (torch 2.13.0, glibc 2.36).
KEPT_OF_GATHERED = (1.5, 3.1, 4.5)


def host_pool(
    observation: Observation,
    process: ProcessReading,
    *,
    on_device: bool,
    host: HostMemory | None,
    host_memory_bytes: int | None,
    environment: Mapping[str, str],
    learnt: Learnt,
    script: str = "",
    product: str = "",
) -> tuple[PoolEstimate, list[Assumption]]:
    """The host's estimate, and what it rests on.

    Args:
        observation: what the simulation saw.
        process: what the simulating process held.
        on_device: whether the job has tensors on a device.
        host: this machine's memory.
        host_memory_bytes: what the user said instead.
        environment: the variables that the job would run with.
        learnt: this machine's constants.
        script: the job's name, by which it is known again.
        product: the device's, "" without one.
    """
    allocator = learnt.find("host_allocator", allocator_subject(script, environment)) if not on_device else None
    held, seen = _tensors(observation.trace, environment, allocator)
    parts = _framework(process, learnt) + held + _around(observation.host, on_device, learnt, product)
    total = ByteRange.total(part.range for part in parts)
    capacity = host_memory_bytes or (host.capacity_bytes if host is not None else None)
    others = None if host_memory_bytes or host is None else host.other_processes_bytes
    assumptions = []
    if on_device and host_memory_bytes is None:
        assumptions.append(
            Assumption(
                slug="host-is-this-machine",
                text="the host's memory is judged by this machine's; say another with --host-memory 64GiB",
            )
        )
    return pool_estimate(seen, parts, total, capacity, others), assumptions


def _tensors(
    trace: Trace, environment: Mapping[str, str], learnt: LearntConstant | None
) -> tuple[list[Component], Replay]:
    """The host's tensors through the machine's malloc; as they are where there is no model of it."""
    libc = libc_version() or ""
    if not libc.startswith("glibc"):
        alone = replay(trace, HOST, PlainAllocator())
        return tensors(alone, "simulated run"), alone
    version = tuple(int(part) for part in libc.split()[-1].split(".")[:2])
    found = replay_host(trace, GlibcSettings.from_environment(environment, version=(version[0], version[1])))
    parts = [part for part in tensors(found.expected, "simulated run") if part.category is not Category.FRAGMENTATION]
    live = sum(part.range.expected for part in parts)
    beyond = found.reserved_peak_bytes if learnt is None else _scaled(found.reserved_peak_bytes, live, learnt)
    spread = ByteRange(
        low=max(beyond.low - live, 0), expected=max(beyond.expected - live, 0), high=max(beyond.high - live, 0)
    )
    source = f"what {libc}'s malloc keeps of freed blocks"
    if learnt is not None:
        parts.append(learnt_component(Category.FRAGMENTATION, spread, learnt, source))
    else:
        parts.append(Component(category=Category.FRAGMENTATION, range=spread, basis=Basis.COMPUTED, source=source))
    return parts, found.expected


def _scaled(modelled: ByteRange, live: int, learnt: LearntConstant) -> ByteRange:
    """What malloc comes to hold by this script's own measured ratio; the model's range is only ever widened."""
    ratios = (learnt.range.low, learnt.range.expected, learnt.range.high)
    low, expected, high = (max(round(modelled.expected * each / 1000), live) for each in ratios)
    return ByteRange(low=min(modelled.low, low), expected=expected, high=max(modelled.high, high))


def _framework(process: ProcessReading, learnt: Learnt) -> list[Component]:
    first_step = learnt.find("first_step", "torch")
    baseline = learnt.find("baseline", "torch") if process.peak_bytes is None else None
    if baseline is not None:
        size = ByteRange(low=baseline.range.low, expected=baseline.range.expected, high=max(baseline.range.high, GIB))
        return [
            learnt_component(Category.FRAMEWORK, size, baseline, "a process with torch imported"),
            _kernels(first_step),
        ]
    if process.peak_bytes is None:
        unknown = ByteRange(low=200 * MIB, expected=400 * MIB, high=GIB)
        return [
            Component(
                category=Category.FRAMEWORK, range=unknown, basis=Basis.ASSUMED, source="a framework's usual size"
            )
        ]
    held = max(process.peak_bytes - process.own_bytes, 0)
    shared = min(process.file_bytes, held)
    parts = [
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange.exactly(held - shared),
            basis=Basis.MEASURED,
            source="the simulating process: imports, and data that the script loaded",
        ),
    ]
    if shared:
        measured = ByteRange.exactly(shared)
        parts.append(Component(category=Category.FRAMEWORK, range=measured, basis=Basis.MEASURED, source=SHARED_SOURCE))
    return [*parts, _kernels(first_step)]


def _kernels(learnt: LearntConstant | None) -> Component:
    if learnt is not None:
        return learnt_component(Category.FRAMEWORK, around(KERNEL_CODE, learnt), learnt, KERNEL_SOURCE)
    return Component(
        category=Category.FRAMEWORK,
        range=KERNEL_CODE,
        basis=Basis.EXTRAPOLATED,
        source=KERNEL_SOURCE,
    )


def _around(host: HostSide, on_device: bool, learnt: Learnt, product: str) -> list[Component]:
    parts = []
    own = learnt.find("cuda_host", product) if on_device and product else None
    if own is not None:
        high = round(own.range.high * CUDA_HOST_MARGIN)
        size = ByteRange(low=own.range.low, expected=own.range.expected, high=high)
        parts.append(learnt_component(Category.FRAMEWORK, size, own, CUDA_HOST_SOURCE))
    elif on_device:
        parts.append(
            Component(
                category=Category.FRAMEWORK,
                range=CUDA_HOST_SIDE,
                basis=Basis.EXTRAPOLATED,
                source=f"{CUDA_HOST_SOURCE}, as measured on an H200",
            )
        )
    if on_device:
        if not host.device_build:
            parts.append(
                Component(
                    category=Category.FRAMEWORK,
                    range=CUDA_BUILD,
                    basis=Basis.EXTRAPOLATED,
                    source="what a CUDA build of torch imports beyond the CPU build in use",
                )
            )
        if host.pinned_bytes:
            parts.append(exactly(Category.PINNED, host.pinned_bytes, "two page-locked batches"))
        if host.checkpoint_copy_bytes:
            parts.append(exactly(Category.CHECKPOINT, host.checkpoint_copy_bytes, "the largest tensor being saved"))
    if host.gathered_bytes:
        parts.append(_gathered(host.gathered_bytes))
    for loader in host.loaders.values():
        if not loader.workers:
            continue
        batches = loader.workers * (loader.prefetch + 1) * loader.batch_bytes
        private = ByteRange.total([_worker(loader.start_method)] * loader.workers)
        source = f"{loader.workers} workers x ({loader.prefetch} batches ahead + 1)"
        parts.append(exactly(Category.LOADER, batches, source))
        parts.append(
            Component(
                category=Category.LOADER, range=private, basis=Basis.EXTRAPOLATED, source="measured worker processes"
            )
        )
    return parts


def _gathered(size_bytes: int) -> Component:
    low, expected, high = (round(times * size_bytes) for times in KEPT_OF_GATHERED)
    return Component(
        category=Category.COLLECTIVES,
        range=ByteRange(low=low, expected=expected, high=high),
        basis=Basis.EXTRAPOLATED,
        source="what is kept of buffers of gloo's threads, by the weights gathered",
    )


def _worker(start_method: str) -> ByteRange:
    forks = start_method == "fork" or (
        start_method == "default" and sys.platform == "linux" and sys.version_info < (3, 14)
    )
    return FORKED_WORKER if forks else SPAWNED_WORKER
