"""Everything the sensors can say of this machine, read once, and as plain JSON values for `memfit doctor`."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.sensors.devices import DeviceMemory, DeviceReading, read_devices
from memfit.sensors.host import HostMemory, host_capacity
from memfit.sensors.processes import ProcessMemory, largest_processes, process_tree
from memfit.sensors.software import allocator_settings, frameworks_found, libc_version, preloaded_allocator

LARGEST = 5  # processes named beside what is held


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineReading:
    """This machine at one moment.

    Args:
        host: memory and its bounds.
        largest: the processes that hold most, this one and what it started left out.
        devices: the accelerators.
        settings: environment variables that change how memory is taken or kept.
        allocator: what stands in malloc's place through LD_PRELOAD; None for the C library's own.
        libc: "glibc 2.36"; None when unknown.
        frameworks: installed versions by package.
        python: "3.11.14".
        system: "Linux-6.1-x86_64".
    """

    host: HostMemory
    largest: tuple[ProcessMemory, ...]
    devices: DeviceReading
    settings: Mapping[str, str]
    allocator: str | None
    libc: str | None
    frameworks: Mapping[str, str]
    python: str
    system: str


def read_machine(environment: Mapping[str, str], root: Path = Path("/")) -> MachineReading:
    """Read it all; takes some tens of milliseconds and starts nothing.

    Args:
        environment: the variables that a job started now would see.
        root: where /proc and /sys are found.
    """
    own = {process.pid for process in process_tree()}
    return MachineReading(
        host=host_capacity(root),
        largest=largest_processes(LARGEST, leave_out=own),
        devices=read_devices(root),
        settings=allocator_settings(environment),
        allocator=preloaded_allocator(environment),
        libc=libc_version(),
        frameworks=frameworks_found(),
        python=platform.python_version(),
        system=platform.platform(terse=True),
    )


def to_json(reading: MachineReading) -> dict[str, Any]:
    """The reading as plain JSON values; sizes in bytes, null for what is not known."""
    host = reading.host
    return {
        "system": reading.system,
        "python": reading.python,
        "libc": reading.libc,
        "allocator": reading.allocator,
        "host": {
            "total_bytes": host.total_bytes,
            "available_bytes": host.available_bytes,
            "swap_total_bytes": host.swap_total_bytes,
            "swap_free_bytes": host.swap_free_bytes,
            "overcommit": host.overcommit,
            "capacity_bytes": host.capacity_bytes,
            "other_processes_bytes": host.other_processes_bytes,
            "room_bytes": host.binding.room_bytes,
            "bound_by": host.binding.name,
        },
        "limits": [
            {"name": each.name, "where": each.where, "limit_bytes": each.limit_bytes, "others_bytes": each.others_bytes}
            for each in host.limits
        ],
        "processes": [{"pid": one.pid, "name": one.name, "held_bytes": one.share_bytes} for one in reading.largest],
        "devices": [_device(device) for device in reading.devices.devices],
        "nvidia_driver": reading.devices.driver,
        "nvidia_problem": reading.devices.problem or None,
        "settings": dict(reading.settings),
        "frameworks": dict(reading.frameworks),
    }


def _device(device: DeviceMemory) -> dict[str, Any]:
    return {
        "index": device.index,
        "vendor": device.vendor,
        "name": device.name,
        "total_bytes": device.total_bytes,
        "used_bytes": device.used_bytes,
        "reserved_bytes": device.reserved_bytes,
        "processes": [{"pid": pid, "held_bytes": held} for pid, held in device.processes],
    }
