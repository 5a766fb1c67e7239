"""What a process holds on a device beside its tensors: context, loaded kernels and libraries, collectives.

Trusts the rows of ``context_readings.csv`` and, before them, what was learnt on the user's own machine. What PyTorch's
own allocator hands to libraries is ``workspaces``'.

A context grows with the device: the driver sets local memory aside for every thread that can be resident. A straight
line through all readings (a fixed part, and some 2 KiB per thread that can be resident) carries them from one device to
another; the spread around the line gives the range.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from memfit.documents import Component
from memfit.machines.catalogue import shipped_devices
from memfit.machines.device import Device
from memfit.machines.learnt import LearntConstant, best_match
from memfit.machines.readings import ContextReading, Line, context_parts, context_readings, spread, straight_line
from memfit.machines.versions import cuda_of, version_pair
from memfit.quantities import Basis, ByteRange, Category

_FEWEST = 7  # readings below this number say little of their own: all devices' readings are carried over then
# Kernels are loaded on first use from torch 1.13 with CUDA 11.7 on (pytorch/pytorch#86509).
_FIRST_LAZY_TORCH = (1, 13)
_FIRST_LAZY_CUDA = (11, 7)
# Threads resident per multiprocessor, by capability: CUDA C++ Programming Guide 12.9, "Compute Capabilities".
_THREADS = {(7, 5): 1024, (8, 6): 1536, (8, 7): 1536, (8, 9): 1536, (11, 0): 1536, (12, 0): 1536, (12, 1): 1536}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextOverhead:
    """What one process holds on one device beside PyTorch's allocator.

    Args:
        range: low, expected and high, in bytes.
        basis: MEASURED on this machine, EXTRAPOLATED from what others measured, ASSUMED where nobody's reading applies.
        source: which readings, in a phrase.
        unused: what the expected value contains for each library, where that was measured: a job that does not wake
            a library up does not hold its part.
    """

    range: ByteRange
    basis: Basis
    source: str
    unused: Mapping[str, int] = field(default_factory=dict)

    def with_libraries(self, libraries: Collection[str]) -> ContextOverhead:
        """What a job holds that wakes up these libraries alone."""
        less = sum(size for name, size in self.unused.items() if name not in libraries)
        expected = self.range.expected - less
        return replace(
            self,
            range=ByteRange(low=min(self.range.low, expected), expected=expected, high=self.range.high),
            unused={name: size for name, size in self.unused.items() if name in libraries},
        )

    def component(self, category: Category = Category.FRAMEWORK, of: str = "") -> Component:
        """It as a part of a device's peak; ``of`` says of what the readings are, before them."""
        return Component(category=category, range=self.range, basis=self.basis, source=of + self.source)


def device_overhead(
    device: Device,
    torch_version: str,
    cuda_version: str | None = None,
    *,
    env: Mapping[str, str] | None = None,
    learnt: Sequence[LearntConstant] = (),
) -> ContextOverhead:
    """The CUDA context with the libraries that a training job loads, for one process of one device.

    Args:
        device: from the catalogue, or a generic one.
        torch_version: "2.13.0+cu130"; decides when kernels are loaded.
        cuda_version: "12.4"; None reads it from the version's local label, or takes lazy loading for granted.
        env: the process's environment; ``CUDA_MODULE_LOADING=EAGER`` is heeded.
        learnt: constants of the user's machine; one that matches product and torch version wins.

    >>> from memfit.machines.lookup import find
    >>> device_overhead(find("t4"), "2.6.0").range.expected // 2**20
    136
    """
    if device.is_cpu:
        return ContextOverhead(range=ByteRange.exactly(0), basis=Basis.COMPUTED, source="no device is used")
    own = best_match(learnt, kind="context", subject=device.product, version=torch_version)
    if own is not None:
        return ContextOverhead(range=own.range, basis=Basis.MEASURED, source=f"learnt on this machine on {own.date}")
    if device.vendor == "apple":
        return ContextOverhead(
            range=ByteRange.exactly(0),
            basis=Basis.ASSUMED,
            source="no reading is known for unified memory: not counted",
        )
    if not _loads_lazily(torch_version, cuda_version, env or {}):
        return _eager(device)
    return _lazy(device)


def collectives_overhead(device: Device, processes: int) -> ContextOverhead:
    """What NCCL holds on each device of a job with several processes, for one communicator.

    Args:
        device: from the catalogue.
        processes: how many processes communicate; 1 or fewer hold nothing.
    """
    if processes <= 1 or not device.is_cuda:
        return ContextOverhead(range=ByteRange.exactly(0), basis=Basis.COMPUTED, source="nothing is communicated")
    alone = [row.outside_bytes for row in context_readings() if row.kind == "collectives"]
    above = [
        max(0, row.outside_bytes - _lazy(_by_name()[row.device]).range.expected)
        for row in context_readings()
        if row.kind == "distributed" and row.device
    ]
    source = f"{len(alone)} readings of the first collective, {len(above)} of whole processes"
    return ContextOverhead(range=spread([*alone, *above]), basis=Basis.EXTRAPOLATED, source=source)


def _loads_lazily(torch_version: str, cuda_version: str | None, env: Mapping[str, str]) -> bool:
    if env.get("CUDA_MODULE_LOADING", "").upper() == "EAGER":
        return False
    torch, cuda = version_pair(torch_version), cuda_of(torch_version, cuda_version)
    return (torch is None or torch >= _FIRST_LAZY_TORCH) and (cuda is None or cuda >= _FIRST_LAZY_CUDA)


def _eager(device: Device) -> ContextOverhead:
    """All kernels at once: the code outweighs the device, so readings are taken as they are."""
    rows = [row for row in context_readings() if row.loading == "eager"]
    own = [row for row in rows if row.device == device.name]
    chosen = own if len(own) >= _FEWEST else rows
    source = f"{len(chosen)} published readings with all kernels loaded at the start"
    return ContextOverhead(range=spread([row.outside_bytes for row in chosen]), basis=Basis.EXTRAPOLATED, source=source)


def _lazy(device: Device) -> ContextOverhead:
    rows = _jobs()
    alike = [row for row in rows if _by_name()[row.device].capability == device.capability]
    enough = device.is_cuda and len(alike) >= _FEWEST
    capability = ".".join(str(part) for part in device.capability or ())
    what = f"compute capability {capability}" if enough else "CUDA devices of all kinds"
    chosen = alike if enough else rows
    measured = _measured(device)
    if measured is not None:
        whole, unused, where = measured
        spread_bytes = _carried(chosen, device)
        return ContextOverhead(
            range=ByteRange(low=min(spread_bytes.low, whole), expected=whole, high=max(spread_bytes.high, whole)),
            basis=Basis.EXTRAPOLATED,
            source=f"library by library as measured on {where}, with {len(chosen)} published readings as the range",
            unused=unused,
        )
    return ContextOverhead(
        range=_carried(chosen, device),
        basis=Basis.EXTRAPOLATED if device.is_cuda else Basis.ASSUMED,
        source=f"{len(chosen)} published readings of jobs on {what}",
    )


def _measured(device: Device) -> tuple[int, dict[str, int], str] | None:
    """What was measured on a device of the same capability, carried over: the whole, its libraries, and where."""
    here = resident_threads(device)
    for row in context_parts():
        other = _by_name()[row.device]
        there = resident_threads(other)
        if other.capability == device.capability and here is not None and there is not None:
            factor = _line().at(here) / _line().at(there)
            libraries = {name: round(size * factor) for name, size in row.libraries.items()}
            return round(row.context * factor) + sum(libraries.values()), libraries, row.device
    return None


def _carried(rows: Sequence[ContextReading], device: Device) -> ByteRange:
    """The readings carried over to the device along the line; as they are when its size is unknown."""
    threads = resident_threads(device)
    if threads is None:
        return spread([row.outside_bytes for row in rows])
    line, here = _line(), _line().at(threads)
    return spread([row.outside_bytes * here / line.at(_threads_of(row)) for row in rows])


@lru_cache(maxsize=1)
def _line() -> Line:
    return straight_line([(_threads_of(row), row.outside_bytes) for row in _jobs()])


def resident_threads(device: Device) -> int | None:
    """How many threads the device can hold at once; None where its size is not known."""
    if device.capability is None or device.multiprocessors is None:
        return None
    major, minor = device.capability
    return device.multiprocessors * _THREADS.get((major, minor), _THREADS.get((major, 0), 2048))


def _threads_of(row: ContextReading) -> int:
    threads = resident_threads(_by_name()[row.device])
    if threads is None:
        raise ValueError(f"a reading on {row.device}, whose size is not in the catalogue")
    return threads


def _jobs() -> list[ContextReading]:
    return [row for row in context_readings() if row.kind == "job" and row.loading == "lazy" and row.device]


def _by_name() -> dict[str, Device]:
    return {device.name: device for device in shipped_devices()}
