"""What the machine says of itself: host memory and its limits, processes, devices, settings. No framework is loaded."""

from memfit.sensors.container import ControlGroup, control_groups
from memfit.sensors.devices import DeviceMemory, DeviceReading, read_devices
from memfit.sensors.host import HostMemory, MemoryLimit, host_capacity
from memfit.sensors.processes import (
    ProcessMemory,
    largest_processes,
    process_memory,
    process_tree,
    resident_bytes,
    tree_bytes,
)
from memfit.sensors.software import allocator_settings, frameworks_found, libc_version, preloaded_allocator

__all__ = [
    "ControlGroup",
    "DeviceMemory",
    "DeviceReading",
    "HostMemory",
    "MemoryLimit",
    "ProcessMemory",
    "allocator_settings",
    "control_groups",
    "frameworks_found",
    "host_capacity",
    "largest_processes",
    "libc_version",
    "preloaded_allocator",
    "process_memory",
    "process_tree",
    "read_devices",
    "resident_bytes",
    "tree_bytes",
]
