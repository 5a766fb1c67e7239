"""Whole machines, RAM and accelerators together: ``machines.csv`` beside this file, and the user's own of that form.

A device that shares the host's memory (Apple, Jetson, GB10) is a machine of its own: it is taken from ``devices.csv``.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Date
from functools import lru_cache

from memfit.errors import UnknownMachine
from memfit.machines.catalogue import all_devices
from memfit.machines.device import Device
from memfit.machines.lookup import find
from memfit.machines.table import Cells, read_rows, read_user_text, shipped, user_file
from memfit.quantities import parse_bytes

PHONE, MICROCONTROLLER = "phone", "microcontroller"
KINDS = ("cloud", "server", "workstation", "laptop", "edge", PHONE, MICROCONTROLLER)
_COLUMNS = ("name", "provider", "kind", "ram", "device", "devices", "source", "date")
_UNIFIED = ("apple-", "jetson-", "gb10-")
# What firmware, hypervisor and kernel keep of the stated RAM: Karpenter's default for EC2 instances that it has not
# seen yet, --vm-memory-overhead-percent 0.075 (karpenter.sh/docs/reference/settings, 2026-08-21).
KEPT_SHARE = 0.075
STALE_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeMachine:
    """One machine that can be rented, bought or is at hand.

    Args:
        name: the provider's name for it, "g5.xlarge".
        provider: "aws", "gcp", …, or the maker.
        kind: one of KINDS.
        ram_bytes: as stated; the GPU's memory too where it is unified.
        device: its accelerators, all alike; None without any.
        devices: how many.
        unified: processor and GPU share the RAM.
        source: where the sizes were read.
        date: when, ISO.
    """

    name: str
    provider: str
    kind: str
    ram_bytes: int
    device: Device | None = None
    devices: int = 0
    unified: bool = False
    source: str = ""
    date: str = ""

    @property
    def usable_ram_bytes(self) -> int:
        """What is left of the stated RAM for jobs, by KEPT_SHARE; a microcontroller's program has all of it."""
        if self.kind == MICROCONTROLLER:
            return self.ram_bytes
        return round(self.ram_bytes * (1 - KEPT_SHARE))

    @property
    def device_bytes(self) -> int:
        """What a process is shown of one accelerator; 0 without any."""
        return 0 if self.device is None else self.device.usable_bytes or self.device.memory_bytes or 0

    @property
    def size(self) -> tuple[int, int]:
        """By which machines are ordered, the smallest first: memory of all accelerators, then RAM."""
        return self.devices * self.device_bytes, self.ram_bytes

    def is_stale(self, today: Date) -> bool:
        """Whether the row was read too long ago to be relied on; a row of the user's without a date is not."""
        return bool(self.date) and (today - Date.fromisoformat(self.date)).days > STALE_DAYS


def all_machines() -> tuple[WholeMachine, ...]:
    """Every machine known: the user's own first, then the shipped ones, then those with unified memory.

    Raises:
        UsageError: the user's file cannot be read or a row of it is wrong.
    """
    path = user_file(name="machines")
    own = () if path is None else read_machines(read_user_text(path), origin=str(path))
    named = {machine.name for machine in own}
    rest = (*shipped_machines(), *_unified())
    return (*own, *(machine for machine in rest if machine.name not in named))


@lru_cache(maxsize=1)
def shipped_machines() -> tuple[WholeMachine, ...]:
    """The rows that come with memfit."""
    return read_machines(shipped("machines.csv"), origin="machines.csv")


def read_machines(text: str, *, origin: str) -> tuple[WholeMachine, ...]:
    """Read a catalogue of machines from text; see ``table.read_rows``."""
    return read_rows(text, _machine, origin=origin, needed=("name", "ram"), known=_COLUMNS)


def chosen(only: Sequence[str]) -> tuple[WholeMachine, ...]:
    """The machines of the given names, providers, kinds or devices; all without any.

    Args:
        only: each a provider ("aws"), a kind ("edge"), or part of a machine's or its device's name.

    Raises:
        UnknownMachine: one of them fits nothing; the hint names the nearest.
    """
    machines = all_machines()
    kept: dict[str, WholeMachine] = {}
    for word in only:
        plain = word.strip().lower()
        found = [each for each in machines if plain in (each.provider, each.kind, each.name.lower())]
        found = found or [
            each for each in machines if plain in f"{each.name} {each.device and each.device.name}".lower()
        ]
        if not found:
            raise _unknown(word, machines)
        kept.update((each.name, each) for each in found)
    return tuple(kept.values()) if only else machines


def _machine(cell: Cells) -> WholeMachine:
    devices = int(cell["devices"] or bool(cell["device"]))
    kind = cell["kind"] or "workstation"
    ram_bytes = parse_bytes(cell["ram"])
    if not cell["name"] or ram_bytes <= 0:
        raise ValueError("expected a name and a size above zero, like 64GiB")
    if kind not in KINDS:
        raise ValueError(f"expected a kind of {', '.join(KINDS)}, got {kind!r}")
    if devices < 0 or bool(devices) != bool(cell["device"]):
        raise ValueError("expected a device of devices.csv and how many, or neither")
    if cell["date"]:
        Date.fromisoformat(cell["date"])
    return WholeMachine(
        name=cell["name"],
        provider=cell["provider"] or "own",
        kind=kind,
        ram_bytes=ram_bytes,
        device=find(cell["device"]) if cell["device"] else None,
        devices=devices,
        source=cell["source"],
        date=cell["date"],
    )


def _unified() -> tuple[WholeMachine, ...]:
    return tuple(
        WholeMachine(
            name=device.name,
            provider=device.vendor,
            kind="edge" if device.name.startswith("jetson-") else "workstation" if device.is_cuda else "laptop",
            ram_bytes=device.memory_bytes or 0,
            device=device,
            devices=1,
            unified=True,
            source=device.source,
            date=device.date,
        )
        for device in all_devices()
        if device.name.startswith(_UNIFIED)
    )


def _unknown(word: str, machines: Sequence[WholeMachine]) -> UnknownMachine:
    names = {name.lower(): name for each in machines for name in (each.name, each.provider, each.kind)}
    near = difflib.get_close_matches(word.strip().lower(), names, n=3, cutoff=0.5)
    meant = " or ".join(names[each] for each in near)
    hint = f"did you mean {meant}?" if near else "`memfit machines` lists them; docs/devices.md shows how to add one"
    return UnknownMachine(f"there is no machine {word.strip()!r} in the catalogue", hint=hint)
