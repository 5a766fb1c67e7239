"""The accelerators of this machine and who holds their memory: NVIDIA by its driver's library, AMD by the kernel.

Nothing is loaded until it is asked for; a missing driver is a sentence, not an error. No context is made on a device.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.sensors.linux import parse_limit, read


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """One accelerator, in bytes; None for what the driver does not tell.

    Args:
        index: its number in the driver's order, which CUDA_VISIBLE_DEVICES may change for a job.
        vendor: "nvidia" or "amd".
        name: the product's name as the driver reports it.
        total_bytes: its memory.
        used_bytes: by all processes and the driver.
        reserved_bytes: kept by the driver itself.
        processes: (process number, bytes held) for each process on it.
    """

    index: int
    vendor: str
    name: str
    total_bytes: int | None
    used_bytes: int | None
    reserved_bytes: int | None = None
    processes: tuple[tuple[int, int | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReading:
    """All accelerators that were found.

    Args:
        devices: in the driver's order.
        driver: the NVIDIA driver's version; None without one.
        problem: why NVIDIA devices could not be read; "" when they could.
    """

    devices: tuple[DeviceMemory, ...]
    driver: str | None
    problem: str


def read_devices(root: Path = Path("/"), *, nvml: Any = None) -> DeviceReading:
    """Read every accelerator.

    Args:
        root: where /sys is found.
        nvml: the pynvml module, or one like it; by default it is imported here.
    """
    amd = _amd_devices(root)
    try:
        library = nvml or _nvml()
    except ImportError:
        return DeviceReading(
            devices=amd, driver=None, problem="nvidia-ml-py is not installed: pip install nvidia-ml-py"
        )
    try:
        library.nvmlInit()
    except library.NVMLError:
        return DeviceReading(devices=amd, driver=None, problem="no NVIDIA driver")
    try:
        count = library.nvmlDeviceGetCount()
        nvidia = tuple(_nvidia_device(library, index) for index in range(count))
        driver = _text(library.nvmlSystemGetDriverVersion())
        return DeviceReading(devices=(*nvidia, *amd), driver=driver, problem="")
    except library.NVMLError as error:
        return DeviceReading(devices=amd, driver=None, problem=f"the NVIDIA driver does not answer: {error}")
    finally:
        library.nvmlShutdown()


def _nvml() -> Any:
    import pynvml

    return pynvml


def _nvidia_device(nvml: Any, index: int) -> DeviceMemory:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = _memory(nvml, handle)
    return DeviceMemory(
        index=index,
        vendor="nvidia",
        name=_text(nvml.nvmlDeviceGetName(handle)),
        total_bytes=None if memory is None else int(memory.total),
        used_bytes=None if memory is None else int(memory.used),
        reserved_bytes=getattr(memory, "reserved", None),
        processes=_device_processes(nvml, handle),
    )


def _memory(nvml: Any, handle: Any) -> Any:
    """The second form tells what the driver keeps apart from what is used; older drivers know the first alone."""
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    except (nvml.NVMLError, AttributeError, TypeError):
        pass
    try:
        return nvml.nvmlDeviceGetMemoryInfo(handle)
    except nvml.NVMLError:  # devices that share the host's memory have none of their own
        return None


def _device_processes(nvml: Any, handle: Any) -> tuple[tuple[int, int | None], ...]:
    try:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        return ()
    return tuple((int(one.pid), None if one.usedGpuMemory is None else int(one.usedGpuMemory)) for one in running)


def _amd_devices(root: Path) -> tuple[DeviceMemory, ...]:
    """By the amdgpu driver's files, one folder per card."""
    found = []
    for folder in sorted(root.glob("sys/class/drm/card[0-9]*/device")):
        total = parse_limit(read(folder / "mem_info_vram_total"))
        if total is not None:
            found.append((folder, total))
    return tuple(
        DeviceMemory(
            index=index,
            vendor="amd",
            name=(read(folder / "product_name") or "").strip() or "AMD GPU",
            total_bytes=total,
            used_bytes=parse_limit(read(folder / "mem_info_vram_used")),
        )
        for index, (folder, total) in enumerate(found)
    )


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
