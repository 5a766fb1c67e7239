"""The constants that were learnt on this machine, as a table; from their JSON alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from memfit.quantities import format_bytes
from memfit.reports import screen
from memfit.reports.text import printable


def write(document: Mapping[str, Any], stream: TextIO) -> None:
    """Print a document of kind "learnt": what was learnt now, what is known, and what could not be learnt."""
    parts: list[RenderableType] = []
    others = [one for one in document["constants"] if one not in document["learnt"]]
    others_title = "known before" if document["learnt"] else "learnt on this machine"
    for title, constants in (("learnt now", document["learnt"]), (others_title, others)):
        found = constants_table(constants)
        if found is not None:
            parts += [Text(title, style="bold"), found, Text()]
    parts += [Text.assemble(("! ", "bold yellow"), (printable(note), "yellow")) for note in document["notes"]]
    if not document["constants"]:
        parts.append(Text("nothing has been learnt on this machine yet"))
    parts.append(Text(f"kept in {printable(document['file'])}", style="dim"))
    screen.write(Group(*parts), stream)


def constants_table(constants: Iterable[Mapping[str, Any]]) -> RenderableType | None:
    """A row for each constant; None without any."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for one in constants:
        low, expected, high = (_figure(one, end) for end in ("low", "expected", "high"))
        times = "1 reading" if one["readings"] == 1 else f"{one['readings']} readings"
        span = f"{low} to {high}, {times}, last {one['date']}"
        subject = f"{one['kind'].replace('_', ' ')}: {one['subject']} {one['version']}".strip()
        table.add_row(Text(printable(subject)), Text(expected), Text(printable(span), style="dim"))
    return table if table.row_count else None


def _figure(one: Mapping[str, Any], end: str) -> str:
    size = one.get(f"{end}_bytes")
    return format_bytes(size) if size is not None else f"{one[f'{end}_per_mille'] / 1000:.2f} ×"
