"""The catalogue of devices as a table. Takes anything that describes a device as memfit.machines.Device does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TextIO

from rich.table import Table
from rich.text import Text

from memfit.quantities import format_bytes
from memfit.reports import screen
from memfit.reports.text import printable


class Described(Protocol):
    """What the table needs of a device."""

    @property
    def name(self) -> str: ...
    @property
    def product(self) -> str: ...
    @property
    def memory_bytes(self) -> int | None: ...
    @property
    def usable_bytes(self) -> int | None: ...
    @property
    def capability(self) -> tuple[int, int] | None: ...
    @property
    def year(self) -> int | None: ...
    @property
    def source(self) -> str: ...


def columns(device: Described) -> dict[str, Any]:
    """One device as plain JSON values."""
    return {
        "name": device.name,
        "product": device.product,
        "memory_bytes": device.memory_bytes,
        "usable_bytes": device.usable_bytes,
        "capability": None if device.capability is None else f"{device.capability[0]}.{device.capability[1]}",
        "year": device.year,
        "source": device.source,
    }


def write(devices: Sequence[Described], stream: TextIO) -> None:
    """Print the devices, the usable memory beside the nominal: a process is shown less than the data sheet says."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    rows = [_row(device) for device in devices]
    for position, title in enumerate(("name", "memory", "usable", "year")):
        widest = max(len(title), *(len(row[position]) for row in rows))
        table.add_column(title, justify="right" if position else "left", no_wrap=True, min_width=widest)
    table.add_column("product", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(Text(row[0], style="bold"), *map(Text, row[1:]))
    screen.write(table, stream)


def _row(device: Described) -> tuple[str, ...]:
    sizes = format_bytes(device.memory_bytes), format_bytes(device.usable_bytes)
    year = "" if device.year is None else str(device.year)
    return printable(device.name), *sizes, year, printable(device.product)
