"""Machines in a terminal: those that are known, and how full those get that hold a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TextIO

from rich.console import Group
from rich.table import Table
from rich.text import Text

from memfit.documents import Estimate, Placement
from memfit.quantities import GIB, Verdict, format_bytes
from memfit.reports import screen
from memfit.reports.text import printable
from memfit.reports.wording import many, percent

_MOST = 40  # rows of what was asked for with --only
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


def write(
    estimate: Estimate, rows: Sequence[Placement], stream: TextIO, *, all_of_them: bool, kept_share: float
) -> None:
    """Print where the job fits: the smallest machine of each provider, or every one that was asked for."""
    fitting = [row for row in rows if row.verdict is Verdict.FITS]
    shown = list(rows)[:_MOST] if all_of_them else _smallest_of_each(fitting)
    words = ("", "name", "RAM", "accelerators", "host", "device")
    parts: list[Any] = [_headline(estimate, fitting, rows), Text()]
    if shown:
        parts.append(_table(words, [_row(row) for row in shown]))
    parts += [Text(), *(Text(line, style="dim") for line in _notes(shown, rows, kept_share))]
    screen.write(Group(*parts), stream)


def _headline(estimate: Estimate, fitting: Sequence[Placement], rows: Sequence[Placement]) -> Text:
    arguments = estimate.target.get("arguments")
    name = " ".join([str(estimate.target.get("name", "")), *map(str, arguments if isinstance(arguments, list) else ())])
    if not fitting:
        return Text.assemble((" NOWHERE ", "bold reverse red"), "  ", (printable(name), "bold"), _nearest(rows))
    best = fitting[0]
    need = f": plan with {format_bytes(best.host_bytes.high)} of RAM"
    if best.device_need_bytes is not None:
        need += f" and {format_bytes(best.device_need_bytes.high)} on {many(best.devices_used, 'device')}"
    return Text.assemble((" FITS ", "bold reverse green"), "  ", (printable(name), "bold"), f" on {best.machine}{need}")


def _nearest(rows: Sequence[Placement]) -> str:
    rows = [row for row in rows if row.verdict is not Verdict.UNKNOWN]
    if not rows:
        return ": of no machine of these can it be told"
    enough = [row for row in rows if row.devices_used <= row.devices] or list(rows)
    row = min(enough, key=lambda row: row.short_bytes)
    if row.devices_used > row.devices:
        return f": it uses {many(row.devices_used, 'device')} of one machine, the most of these is {row.devices}"
    return f": {row.machine} comes nearest, {format_bytes(row.short_bytes)} short of the figure to plan with"


def _smallest_of_each(fitting: Sequence[Placement]) -> list[Placement]:
    first: dict[str, Placement] = {}
    for row in fitting:
        first.setdefault(row.provider, row)
    return list(first.values())


def _row(row: Placement) -> tuple[Text, ...]:
    word, colour = _VERDICTS.get(row.verdict, ("unknown", "yellow"))
    if row.oversized:
        word, colour = "too large", "yellow"
    elif row.verdict is Verdict.DOES_NOT_FIT and row.devices_used > row.devices:
        word = f"has {many(row.devices, 'device')} of {row.devices_used}"
    elif row.verdict in (Verdict.TIGHT, Verdict.DOES_NOT_FIT):
        word = f"{'tight, ' if row.verdict is Verdict.TIGHT else ''}{format_bytes(row.short_bytes)} short"
    device = "—" if row.device_share is None else f"{'' if row.estimated else '~'}{percent(row.device_share)}"
    if row.verdict is Verdict.UNKNOWN:
        device = "?"
    elif row.device_share is not None and row.devices > row.devices_used:
        device += f" of {row.devices_used}"
    marks = [word, *(["old entry"] if row.stale else [])]
    return (
        Text(", ".join(marks), style=colour),
        Text(printable(row.machine), style="bold"),
        Text(_stated(row.ram_bytes)),
        Text(f"{row.devices} {row.device}" if row.device else "—"),
        Text(percent(row.host_share)),
        Text(device),
    )


def _notes(shown: Sequence[Placement], rows: Sequence[Placement], kept_share: float) -> Iterator[str]:
    yield (
        f"host and device: how full, by the figures to plan with; {kept_share * 100:g} % of the stated RAM is taken to "
        "be kept by firmware, hypervisor and kernel"
    )
    if any(row.oversized for row in shown):
        yield "too large: less than a quarter is used; a smaller machine does, or a larger batch"
    if any(not row.estimated and row.comparable for row in shown):
        yield "~: carried over from another device; tensors are taken as the same, the context is exchanged"
    if any(row.verdict is Verdict.UNKNOWN for row in shown):
        yield "unknown: below compute capability 8.0 other kernels run; --on with such a device estimates for them"
    if any(row.stale for row in shown):
        yield "old entry: its sizes were read more than a year ago"
    if len(shown) < len(rows):
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
