"""What machines there are: the catalogue of devices, and what a device holds that is no tensor."""

from memfit.machines.catalogue import all_devices
from memfit.machines.device import CPU, Device, MemoryBasis
from memfit.machines.lookup import find, parse_request

__all__ = ["CPU", "Device", "MemoryBasis", "all_devices", "find", "parse_request"]
