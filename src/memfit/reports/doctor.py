"""The doctor's findings in a terminal, drawn from its document alone (the JSON that `memfit doctor --json` prints)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.quantities import format_bytes
from memfit.reports import screen
from memfit.reports.bars import bar
from memfit.reports.learnt import constants_table
from memfit.reports.text import printable

_BAR = 24  # cells
_FULL = 0.9  # of a memory in use: drawn in red above


def write(document: Mapping[str, Any], stream: TextIO) -> None:
    """Print the findings.

    Args:
        document: of kind "doctor".
        stream: where to; its width, colours and encoding are respected.
    """
    screen.write(report(document), stream)


def report(document: Mapping[str, Any]) -> RenderableType:
    """The findings as one renderable."""
    parts: list[RenderableType] = []
    sections: tuple[tuple[str, RenderableType | None], ...] = (
        ("memory", _host(document)),
        ("held by", _processes(document["processes"])),
        ("devices", _devices(document)),
        ("settings", _pairs(document["settings"])),
        ("found", _software(document)),
        ("learnt", constants_table(document["learnt"])),
    )
    for title, body in sections:
        if body is not None:
            parts += [Text(title, style="bold"), Padding(body, (0, 0, 1, 2))]
    return Group(*parts, _warnings(document["warnings"]))


def _host(document: Mapping[str, Any]) -> RenderableType:
    host = document["host"]
    table = _grid()
    _memory_row(table, "RAM", host["total_bytes"] - host["available_bytes"], host["total_bytes"])
    for limit in document["limits"]:
        if limit["name"] != "RAM":
            name = f"{limit['name']} {limit['where'].rsplit('/', 1)[-1]}".strip()
            _memory_row(table, name, limit["others_bytes"], limit["limit_bytes"])
    swap, free = host["swap_total_bytes"], host["swap_free_bytes"]
    if swap and free is not None:
        _memory_row(table, "swap", swap - free, swap)
    else:
        table.add_row("swap", "", Text("none" if swap == 0 else "—"))
    room = f"{format_bytes(host['room_bytes'])} of {format_bytes(host['capacity_bytes'])}"
    table.add_row(Text("for a job", style="bold"), "", Text(f"{room} ({printable(host['bound_by'])})"))
    return table


def _memory_row(table: Table, name: str, used_bytes: int | None, total_bytes: int | None) -> None:
    if not total_bytes or used_bytes is None:
        table.add_row(Text(printable(name)), "", Text(f"{format_bytes(used_bytes)} of {format_bytes(total_bytes)}"))
        return
    share = used_bytes / total_bytes
    drawn = Text(bar(share, _BAR), style="red" if share > _FULL else "cyan", no_wrap=True)
    figures = f"{format_bytes(used_bytes)} of {format_bytes(total_bytes)}"
    table.add_row(Text(printable(name)), drawn, Text(figures))


def _processes(processes: Iterable[Mapping[str, Any]]) -> RenderableType | None:
    table = _grid()
    for one in processes:
        table.add_row(Text(printable(one["name"])), Text(str(one["pid"]), style="dim"), format_bytes(one["held_bytes"]))
    return table if table.row_count else None


def _devices(document: Mapping[str, Any]) -> RenderableType:
    table = _grid()
    for device in document["devices"]:
        _memory_row(table, f"{device['index']}  {device['name']}", device["used_bytes"], device["total_bytes"])
        for one in device["processes"]:
            table.add_row(Text(f"   process {one['pid']}", style="dim"), "", format_bytes(one["held_bytes"]))
    if document["nvidia_driver"]:
        table.add_row("NVIDIA driver", "", Text(printable(document["nvidia_driver"])))
    problem = Text(printable(document["nvidia_problem"] or "none"), style="dim")
    if not table.row_count:
        return problem
    return Group(table, problem) if document["nvidia_problem"] else table


def _software(document: Mapping[str, Any]) -> RenderableType:
    first = {"Python": document["python"], "C library": document["libc"] or "—"}
    return _pairs({**first, **document["frameworks"]}) or Text("none", style="dim")


def _pairs(values: Mapping[str, str]) -> RenderableType | None:
    table = _grid()
    for name, value in values.items():
        table.add_row(Text(printable(name)), Text(printable(value), overflow="fold"))
    return table if table.row_count else None


def _warnings(sentences: Iterable[str]) -> RenderableType:
    table = Table.grid(padding=(0, 1, 0, 0))
    for sentence in sentences:
        table.add_row(Text("!", style="bold yellow"), Text(printable(sentence), style="yellow"))
    return table


def _grid() -> Table:
    return Table.grid(padding=(0, 2, 0, 0))
