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
from memfit.estimating.replayed import pool_estimate, tensors
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category
from memfit.sensors import HostMemory, libc_version

if TYPE_CHECKING:
    from memfit.estimating.assemble import ProcessReading

HOST = "host"

# Host memory of the CUDA driver and libraries in one process, beyond a CPU build of the framework. Assumed from
# readings of torch 2.x processes after their first kernel; not yet measured by this repository's device benchmark.
CUDA_HOST_SIDE = ByteRange(low=150 * MIB, expected=600 * MIB, high=2 * GIB)
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


def host_pool(
    observation: Observation,
    process: ProcessReading,
    *,
    on_device: bool,
    host: HostMemory | None,
    host_memory_bytes: int | None,
    environment: Mapping[str, str],
) -> tuple[PoolEstimate, list[Assumption]]:
    """The host's estimate, and what it rests on."""
    held, seen = _tensors(observation.trace, environment)
    parts = _framework(process) + held + _around(observation.host, on_device)
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


def _tensors(trace: Trace, environment: Mapping[str, str]) -> tuple[list[Component], Replay]:
    """The host's tensors through the machine's malloc; as they are where there is no model of it."""
    libc = libc_version() or ""
    if not libc.startswith("glibc"):
        alone = replay(trace, HOST, PlainAllocator())
        return tensors(alone, "simulated run"), alone
    version = tuple(int(part) for part in libc.split()[-1].split(".")[:2])
    found = replay_host(trace, GlibcSettings.from_environment(environment, version=(version[0], version[1])))
    parts = [part for part in tensors(found.expected, "simulated run") if part.category is not Category.FRAGMENTATION]
    live = sum(part.range.expected for part in parts)
    beyond = found.reserved_peak_bytes
    spread = ByteRange(
        low=max(beyond.low - live, 0), expected=max(beyond.expected - live, 0), high=max(beyond.high - live, 0)
    )
    source = f"what {libc}'s malloc keeps of freed blocks"
    parts.append(Component(category=Category.FRAGMENTATION, range=spread, basis=Basis.COMPUTED, source=source))
    return parts, found.expected


def _framework(process: ProcessReading) -> list[Component]:
    if process.peak_bytes is None:
        unknown = ByteRange(low=200 * MIB, expected=400 * MIB, high=GIB)
        return [
            Component(
                category=Category.FRAMEWORK, range=unknown, basis=Basis.ASSUMED, source="a framework's usual size"
            )
        ]
    held = max(process.peak_bytes - process.own_bytes, 0)
    return [
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange.exactly(held),
            basis=Basis.MEASURED,
            source="the simulating process: imports, and data that the script loaded",
        ),
        Component(
            category=Category.FRAMEWORK,
            range=KERNEL_CODE,
            basis=Basis.EXTRAPOLATED,
            source="code pages, threads and scratch of kernels that the simulation does not run",
        ),
    ]


def _around(host: HostSide, on_device: bool) -> list[Component]:
    parts = []
    if on_device:
        parts.append(
            Component(
                category=Category.FRAMEWORK,
                range=CUDA_HOST_SIDE,
                basis=Basis.ASSUMED,
                source="the CUDA driver and libraries within the process",
            )
        )
        if host.pinned_bytes:
            parts.append(_exactly(Category.PINNED, host.pinned_bytes, "two page-locked batches"))
        if host.checkpoint_copy_bytes:
            parts.append(_exactly(Category.CHECKPOINT, host.checkpoint_copy_bytes, "the largest tensor being saved"))
    for loader in host.loaders.values():
        if not loader.workers:
            continue
        batches = loader.workers * (loader.prefetch + 1) * loader.batch_bytes
        private = ByteRange.total([_worker(loader.start_method)] * loader.workers)
        source = f"{loader.workers} workers x ({loader.prefetch} batches ahead + 1)"
        parts.append(_exactly(Category.LOADER, batches, source))
        parts.append(
            Component(
                category=Category.LOADER, range=private, basis=Basis.EXTRAPOLATED, source="measured worker processes"
            )
        )
    return parts


def _worker(start_method: str) -> ByteRange:
    forks = start_method == "fork" or (
        start_method == "default" and sys.platform == "linux" and sys.version_info < (3, 14)
    )
    return FORKED_WORKER if forks else SPAWNED_WORKER


def _exactly(category: Category, size_bytes: int, source: str) -> Component:
    return Component(category=category, range=ByteRange.exactly(size_bytes), basis=Basis.COMPUTED, source=source)
