"""Reads the catalogue: ``devices.csv`` beside this file, and the user's own file of the same form.

Every row is checked when it is read; a damaged shipped row is a bug, a damaged user's row is the user's to mend.
Finding a device by name is ``lookup``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from memfit.machines.device import Device, MemoryBasis
from memfit.machines.table import Cells, read_rows, read_user_text, shipped, user_file
from memfit.quantities import MIB

COLUMNS = (
    "name", "product", "vendor", "memory_mib", "memory_basis", "usable_mib", "capability",
    "multiprocessors", "architecture", "year", "aliases", "source", "date",
)  # fmt: skip


def all_devices(extra: Path | None = None) -> tuple[Device, ...]:
    """Every device known: the user's own first, then the shipped catalogue.

    Args:
        extra: a CSV file of the user's devices; by default the one that ``user_file`` names, if it exists.

    Raises:
        UsageError: the user's file cannot be read or a row of it is wrong.
    """
    path = user_file() if extra is None else extra
    if path is None:
        return shipped_devices()
    own = read_devices(read_user_text(path), origin=str(path))
    named = {device.name for device in own}
    return (*own, *(device for device in shipped_devices() if device.name not in named))


def read_devices(text: str, *, origin: str) -> tuple[Device, ...]:
    """Read a catalogue from text: a ``# schema: 1`` line, a header, a row per device.

    Args:
        text: the file's content; lines that begin with # are comments.
        origin: the file's name, for messages.

    Raises:
        UsageError: another schema, a missing column, or a row that is wrong; the message names the row.
    """
    return _fill_usable(read_rows(text, _device, origin=origin, needed=("name", "memory_mib"), known=COLUMNS))


@lru_cache(maxsize=1)
def shipped_devices() -> tuple[Device, ...]:
    """The devices of the catalogue that comes with memfit, whatever the user added."""
    return read_devices(shipped("devices.csv"), origin="devices.csv")


def _device(cell: Cells) -> Device:
    memory_mib = int(cell["memory_mib"])
    usable_mib = int(cell["usable_mib"]) if cell["usable_mib"] else None
    if not cell["name"] or memory_mib <= 0 or (usable_mib is not None and not 0 < usable_mib <= memory_mib):
        raise ValueError("expected a name and 0 < usable_mib <= memory_mib")
    return Device(
        name=cell["name"].lower(),
        vendor=cell["vendor"] or "nvidia",
        product=cell["product"] or cell["name"],
        memory_bytes=memory_mib * MIB,
        memory_basis=MemoryBasis(cell["memory_basis"] or "given"),
        usable_bytes=None if usable_mib is None else usable_mib * MIB,
        usable_basis=MemoryBasis.NOMINAL if usable_mib is None else MemoryBasis.DRIVER,
        capability=_capability(cell["capability"]),
        multiprocessors=int(cell["multiprocessors"]) if cell["multiprocessors"] else None,
        architecture=cell["architecture"],
        year=int(cell["year"]) if cell["year"] else None,
        aliases=tuple(cell["aliases"].split()),
        source=cell["source"],
        date=cell["date"],
    )


def _capability(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    major, _, minor = text.partition(".")
    return int(major), int(minor)


def _fill_usable(devices: tuple[Device, ...]) -> tuple[Device, ...]:
    """Where nobody read what a process is shown, derive it from a device where somebody did."""
    return tuple(
        device if device.usable_bytes is not None else replace(device, usable_bytes=_derived_usable(device, devices))
        for device in devices
    )


def _derived_usable(device: Device, devices: Iterable[Device]) -> int | None:
    """What the driver keeps hangs on architecture and size: the share of the device nearest in both."""
    size_bytes = device.memory_bytes
    if size_bytes is None or device.memory_basis is MemoryBasis.GIVEN:
        return size_bytes
    read = [
        (_kind(other) != _kind(device), other.vendor != device.vendor, *_nearness(size_bytes, other))
        for other in devices
        if other.usable_basis is MemoryBasis.DRIVER
    ]
    share = min(read)[-1] if read else 1.0
    return round(size_bytes * share / MIB) * MIB


def _nearness(size_bytes: int, other: Device) -> tuple[float, float]:
    """(distance in size, the share that a process gets); of equally near devices the one with the smaller share."""
    if other.memory_bytes is None or other.usable_bytes is None:
        return math.inf, 1.0
    return abs(math.log(other.memory_bytes / size_bytes)), other.usable_bytes / other.memory_bytes


def _kind(device: Device) -> str:
    """Devices whose drivers keep a like share: those of an architecture; boards that share the host's memory apart."""
    return "jetson" if device.name.startswith("jetson") else device.architecture
