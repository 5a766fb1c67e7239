"""A check in a terminal: a line per budget, with its verdict first."""

from __future__ import annotations

from typing import TextIO

from rich.table import Table
from rich.text import Text

from memfit.documents import Check
from memfit.reports import screen
from memfit.reports.text import printable

_VERDICTS = {True: ("ok", "green"), False: ("over", "red"), None: ("unknown", "yellow")}
_GROWTH = {True: ("ok", "green"), False: ("grows", "red"), None: ("open", "yellow")}


def write(check: Check, stream: TextIO) -> None:
    """Print the check; the stream's width, colours and encoding are respected."""
    table = Table.grid(padding=(0, 2, 0, 0))
    rows = [(*_VERDICTS[one.within], one.pool, one.text) for one in check.budgets]
    rows += [(*_GROWTH[one.within], one.pool, one.text) for one in check.growth]
    for word, colour, pool, text in rows:
        table.add_row(Text(word, style=f"bold {colour}"), Text(printable(pool)), Text(printable(text)))
    if not rows:
        table.add_row(Text("unknown", style="bold yellow"), Text(""), Text("there is nothing to check in this job"))
    screen.write(table, stream)
