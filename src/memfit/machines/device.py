"""One accelerator as the catalogue describes it. Plain data; what a size rests on is said beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class MemoryBasis(str, Enum):
    """Where a device's memory size comes from.

    DRIVER: read from the driver by somebody (the source says who).
    NOMINAL: from the maker's data sheet; a driver shows a few per cent less.
    GIVEN: the user said so.
    """

    DRIVER = "driver"
    NOMINAL = "nominal"
    GIVEN = "given"

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """An accelerator, or the CPU.

    Args:
        name: the catalogue's slug, "rtx4090-24gb".
        vendor: "nvidia", "amd", "apple", or "" for the CPU.
        product: the name the driver reports, "NVIDIA GeForce RTX 4090".
        memory_bytes: all of the device's memory, as ``nvidia-smi`` shows it; None for the CPU,
            whose memory belongs to the machine and not to the catalogue.
        memory_basis: where that size comes from.
        usable_bytes: what a process is shown as the total (``torch.cuda.get_device_properties().total_memory``,
            the "total capacity" of an out-of-memory message): less than ``memory_bytes`` by what the driver keeps.
        usable_basis: DRIVER when somebody read it on such a device; NOMINAL when it was derived
            from the share that drivers keep of the same architecture's devices.
        capability: CUDA compute capability (major, minor); None where there is none.
        multiprocessors: streaming multiprocessors (compute units on AMD, GPU cores on Apple); None when unknown.
        architecture: "ampere", "hopper", "cdna3", …; "" when unknown.
        year: of the product's release; None when unknown.
        aliases: other names that find this device.
        source: where the sizes were read.
        date: when the row was written, ISO.
        note: why this device was chosen, when the name asked for could have meant another; "" otherwise.
    """

    name: str
    vendor: str
    product: str
    memory_bytes: int | None
    memory_basis: MemoryBasis
    usable_bytes: int | None
    usable_basis: MemoryBasis
    capability: tuple[int, int] | None
    multiprocessors: int | None
    architecture: str
    year: int | None
    aliases: tuple[str, ...] = ()
    source: str = ""
    date: str = ""
    note: str = field(default="", compare=False)

    @property
    def is_cuda(self) -> bool:
        """Whether torch addresses it as "cuda" with NVIDIA's rules."""
        return self.vendor == "nvidia"

    @property
    def is_cpu(self) -> bool:
        """Whether the job runs on the host alone."""
        return self.name == "cpu"


def details(device: Device | None, count: int) -> dict[str, Any]:
    """What a document says of so many devices, as plain JSON values; of the CPU, that there are none."""
    if device is None or device.is_cpu:
        return {"device_count": 0}
    return {
        "device_count": count,
        "product": device.product,
        "memory_bytes": device.memory_bytes,
        "memory_basis": device.memory_basis.value,
        "capability": list(device.capability) if device.capability else None,
    }


CPU = Device(
    name="cpu",
    vendor="",
    product="the machine's own processor and RAM",
    memory_bytes=None,
    memory_basis=MemoryBasis.GIVEN,
    usable_bytes=None,
    usable_basis=MemoryBasis.GIVEN,
    capability=None,
    multiprocessors=None,
    architecture="",
    year=None,
)
