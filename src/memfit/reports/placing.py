"""Machines in a terminal: those that are known, and how full those get that hold a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TextIO

from rich.console import Group
from rich.table import Table
from rich.text import Text

from memfit.documents import Placement, Placements
from memfit.quantities import GIB, Verdict, format_bytes
from memfit.reports import screen
from memfit.reports.text import printable
from memfit.reports.wording import many, percent

_MOST = 40  # rows of what was asked for with --only
COLUMNS = ("name", "RAM", "accelerators", "host", "device")
_VERDICTS = {
    Verdict.FITS: ("fits", "green"),
    Verdict.TIGHT: ("tight", "yellow"),
    Verdict.DOES_NOT_FIT: ("does not fit", "red"),
}


class Accelerator(Protocol):
    """What the list needs of a device."""

    @property
    def name(self) -> str: ...


class Listed(Protocol):
    """What the list needs of a machine."""

    @property
    def name(self) -> str: ...
    @property
    def provider(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def ram_bytes(self) -> int: ...
    @property
    def device(self) -> Accelerator | None: ...
    @property
    def devices(self) -> int: ...
    @property
    def unified(self) -> bool: ...
    @property
    def source(self) -> str: ...
    @property
    def date(self) -> str: ...


def columns(machine: Listed) -> dict[str, Any]:
    """One machine as plain JSON values."""
    return {
        "name": machine.name,
        "provider": machine.provider,
        "kind": machine.kind,
        "ram_bytes": machine.ram_bytes,
        "device": None if machine.device is None else machine.device.name,
        "devices": machine.devices,
        "unified": machine.unified,
        "source": machine.source,
        "date": machine.date,
    }


def write_catalogue(machines: Sequence[Listed], stream: TextIO) -> None:
    """Print the machines as they are stated."""
    rows = [
        (machine.name, machine.provider, machine.kind, _stated(machine.ram_bytes), _accelerators(machine))
        for machine in machines
    ]
    screen.write(
        _table(
            ("name", "provider", "kind", "RAM", "accelerators"), [tuple(map(Text, map(printable, r))) for r in rows]
        ),
        stream,
    )


def write(found: Placements, stream: TextIO) -> None:
    """Print where the job fits: the smallest machine of each provider, or every one that was asked for."""
    rows = shown(found)
    badge, style = (" FITS ", "bold reverse green") if found.fitting else (" NOWHERE ", "bold reverse red")
    parts: list[Any] = [Text.assemble((badge, style), "  ", (printable(title(found)), "bold"), where(found)), Text()]
    if rows:
        parts.append(_table(("", *COLUMNS), [_row(row) for row in rows]))
    parts += [Text(), *(Text(line, style="dim") for line in notes(found))]
    screen.write(Group(*parts), stream)


def title(found: Placements) -> str:
    """The job's name and its arguments."""
    arguments = found.target.get("arguments")
    return " ".join([str(found.target.get("name", "")), *map(str, arguments if isinstance(arguments, list) else ())])


def where(found: Placements) -> str:
    """The smallest machine and what it has to hold, or the nearest: what goes on a sentence about the job."""
    if not found.fitting:
        return _nearest(found.rows)
    best = found.fitting[0]
    need = f": plan with {format_bytes(best.host_bytes.high)} of RAM"
    if best.device_need_bytes is not None:
        need += f" and {format_bytes(best.device_need_bytes.high)} on {many(best.devices_used, 'device')}"
    return f" on {best.machine}{need}"


def shown(found: Placements) -> list[Placement]:
    """What is worth a row: the smallest machine of each provider, or those that were asked for."""
    if found.all_of_them:
        return list(found.rows)[:_MOST]
    first: dict[str, Placement] = {}
    for row in found.fitting:
        first.setdefault(row.provider, row)
    return list(first.values())


def _nearest(rows: Sequence[Placement]) -> str:
    rows = [row for row in rows if row.verdict is not Verdict.UNKNOWN]
    if not rows:
        return ": of no machine of these can it be told"
    enough = [row for row in rows if row.devices_used <= row.devices] or list(rows)
    row = min(enough, key=lambda row: row.short_bytes)
    if row.devices_used > row.devices:
        return f": it uses {many(row.devices_used, 'device')} of one machine, the most of these is {row.devices}"
    return f": {row.machine} comes nearest, {format_bytes(row.short_bytes)} short of the figure to plan with"


def standing(row: Placement) -> tuple[str, str]:
    """How the job stands on a machine, and the colour of that."""
    word, colour = _VERDICTS.get(row.verdict, ("unknown", "yellow"))
    if row.oversized:
        word, colour = "too large", "yellow"
    elif row.verdict is Verdict.DOES_NOT_FIT and row.devices_used > row.devices:
        word = f"has {many(row.devices, 'device')} of {row.devices_used}"
    elif row.verdict in (Verdict.TIGHT, Verdict.DOES_NOT_FIT):
        word = f"{'tight, ' if row.verdict is Verdict.TIGHT else ''}{format_bytes(row.short_bytes)} short"
    return ", ".join([word, *(["old entry"] if row.stale else [])]), colour


def device_full(row: Placement) -> str:
    """How full a device gets, and of how many."""
    if row.verdict is Verdict.UNKNOWN:
        return "?"
    if row.device_share is None:
        return "—"
    of = f" of {row.devices_used}" if row.devices > row.devices_used else ""
    return f"{'' if row.estimated else '~'}{percent(row.device_share)}{of}"


def cells(row: Placement) -> tuple[str, ...]:
    """A machine and how full it gets, in the order of COLUMNS."""
    return (
        printable(row.machine),
        _stated(row.ram_bytes),
        printable(f"{row.devices} {row.device}") if row.device else "—",
        percent(row.host_share),
        device_full(row),
    )


def _row(row: Placement) -> tuple[Text, ...]:
    word, colour = standing(row)
    name, *others = cells(row)
    return (Text(word, style=colour), Text(name, style="bold"), *map(Text, others))


def notes(found: Placements) -> Iterator[str]:
    """What the words and figures of the rows mean."""
    rows, here = found.rows, shown(found)
    yield (
        f"host and device: how full, by the figures to plan with; {found.kept_share * 100:g} % of the stated RAM is "
        "taken to be kept by firmware, hypervisor and kernel"
    )
    if any(row.oversized for row in here):
        yield "too large: less than a quarter is used; a smaller machine does, or a larger batch"
    if any(not row.estimated and row.comparable for row in here):
        yield "~: carried over from another device; tensors are taken as the same, the context is exchanged"
    if any(row.verdict is Verdict.UNKNOWN for row in here):
        yield "unknown: below compute capability 8.0 other kernels run; --on with such a device estimates for them"
    if any(row.stale for row in here):
        yield "old entry: its sizes were read more than a year ago"
    if len(here) < len(rows):
        yield (
            f"the smallest of each provider of {many(len(rows), 'machine')}; --only NAME shows its others, --only edge "
            "boards, --json all"
        )
    yield "no prices: they change faster than a catalogue"


def _stated(size_bytes: int) -> str:
    """A size as providers state it: whole GiB, or KiB of a microcontroller."""
    return f"{size_bytes / GIB:g} GiB" if size_bytes >= GIB // 2 else format_bytes(size_bytes)


def _accelerators(machine: Listed) -> str:
    if machine.device is None:
        return "—"
    return f"{machine.devices} {machine.device.name}" if not machine.unified else "shares the RAM"


def _table(titles: Sequence[str], rows: Sequence[tuple[Text, ...]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for title in titles:
        table.add_column(title, no_wrap=True, justify="right" if title in ("RAM", "host", "device") else "left")
    for row in rows:
        table.add_row(*row)
    return table
