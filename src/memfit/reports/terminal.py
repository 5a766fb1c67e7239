"""The estimate in a terminal: verdict, a bar per pool and per category, the peak's place, what it rests on.

Draws what `view` says and nothing else. Colour only where the terminal has it; ASCII where the encoding demands it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from memfit.documents import Estimate
from memfit.quantities import Verdict, format_bytes
from memfit.reports import screen
from memfit.reports.bars import CAPACITY_CELLS, bar, capacity_bar
from memfit.reports.view import EstimateView, PoolView, RoleView, Share, view

_COLOURS = {Verdict.FITS: "green", Verdict.TIGHT: "yellow", Verdict.DOES_NOT_FIT: "red", Verdict.UNKNOWN: "cyan"}
_WORDS = {verdict: verdict.value.replace("_", " ").upper() for verdict in Verdict}
_INDENT = 2
_SHARE_BAR = 24  # cells of a category's bar
_SHORTEST_BAR = 6  # a bar below this says nothing
_BESIDE_BAR = 48  # cells for a category's name, size, share and basis beside its bar
# A category keeps its colour in every pool and report; red is left to the verdict.
_CATEGORY_COLOURS = {
    "activations": "cyan", "parameters": "blue", "gradients": "green", "optimizer state": "yellow",
    "temporaries": "magenta", "framework": "bright_black", "fragmentation": "white",
}  # fmt: skip
_OTHER_COLOUR = "bright_blue"


def write(estimate: Estimate, stream: TextIO) -> None:
    """Print the whole report.

    Args:
        estimate: what to show.
        stream: where to; its width, colours and encoding are respected.
    """
    screen.write(report(view(estimate), width=screen.console(stream).width), stream)


def write_headline(estimate: Estimate, stream: TextIO) -> None:
    """Print the verdict alone, in one line that is not wrapped."""
    seen = view(estimate)
    stream.write(screen.encodable(f"{_WORDS[seen.verdict]} on {seen.machine}: {seen.reason}\n", stream))


def report(seen: EstimateView, *, width: int) -> RenderableType:
    """The report as one renderable, for that many columns."""
    parts: list[RenderableType] = [_headline(seen)]
    for pool in seen.pools:
        parts += [Text(), _pool(pool, width - _INDENT)]
    if seen.roles:
        parts += [Text(), _roles(seen.roles)]
    parts += [Text(), _notes(seen)]
    return Group(*parts)


def _headline(seen: EstimateView) -> RenderableType:
    colour = _COLOURS[seen.verdict]
    verdict = Text(f" {_WORDS[seen.verdict]} ", style=f"bold reverse {colour}")
    return Group(
        Text.assemble(verdict, "  ", (seen.target, "bold"), " on ", (seen.machine, "bold")),
        Text(seen.reason, style=colour),
    )


def _pool(pool: PoolView, width: int) -> RenderableType:
    title = Text.assemble((pool.name, "bold"), "  ", (_WORDS[pool.verdict].lower(), _COLOURS[pool.verdict]))
    body: list[RenderableType] = [
        *_against_capacity(pool, width),
        Text(),
        _shares(pool.shares, width),
        Text(),
        _facts(pool),
    ]
    return Group(title, Padding(Group(*body), (0, 0, 0, _INDENT)))


def _against_capacity(pool: PoolView, width: int) -> Iterable[RenderableType]:
    capacity = "capacity unknown" if pool.capacity_bytes is None else format_bytes(pool.capacity_bytes)
    drawn = capacity_bar(pool, colour=_COLOURS[pool.verdict], cells=min(CAPACITY_CELLS, width - len(capacity) - 2))
    yield Text.assemble(drawn, " ", capacity)
    legend = Text.assemble(
        *((("▒", "dim"), f" others {format_bytes(pool.other_bytes)}   ") if pool.other_bytes else ()),
        ("█", _COLOURS[pool.verdict]),
        f" low {format_bytes(pool.peak.low)}   ",
        ("▓", _COLOURS[pool.verdict]),
        f" expected {format_bytes(pool.peak.expected)}   ",
        ("░", _COLOURS[pool.verdict]),
        " high ",
        (format_bytes(pool.peak.high), "bold"),
    )
    yield legend


def _shares(shares: tuple[Share, ...], width: int) -> RenderableType:
    cells = min(_SHARE_BAR, width - _BESIDE_BAR)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for share in shares:
        row = [Text(share.name), Text(format_bytes(share.size_bytes)), Text(_percent(share.share))]
        if cells >= _SHORTEST_BAR:
            row.append(
                Text(bar(share.share, cells), style=_CATEGORY_COLOURS.get(share.name, _OTHER_COLOUR), no_wrap=True)
            )
        row.append(Text(share.basis, style="dim"))
        table.add_row(*row)
    return table


def _facts(pool: PoolView) -> RenderableType:
    table = _labelled()
    if pool.peak_at:
        table.add_row("peak", Text(pool.peak_at))
    table.add_row("figures", Text(" · ".join(f"{format_bytes(size)} {name}" for name, size in pool.figures)))
    if pool.steps:
        table.add_row("steps", Text(pool.steps))
    for position, tensor in enumerate(pool.largest):
        times = f"{tensor.count} × " if tensor.count > 1 else ""
        line = f"{times + format_bytes(tensor.size_bytes):>13}  {tensor.category}  {tensor.where}"
        table.add_row("" if position else "largest", Text(line, no_wrap=True, overflow="ellipsis"))
    return table


def _roles(roles: tuple[RoleView, ...]) -> RenderableType:
    """One line for each kind of rank."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(style="dim", no_wrap=True, overflow="ellipsis")
    for role in roles:
        ranks = f"rank {role.ranks}" if role.count == 1 else f"ranks {role.ranks}"
        device = f"device {role.device}" if role.device else ""
        table.add_row(Text(ranks, style="bold"), Text(device), Text(f"host {role.host}"), Text(role.at))
    return Group(Text("each rank", style="bold"), Padding(table, (0, 0, 0, _INDENT)))


def _notes(seen: EstimateView) -> RenderableType:
    table = _labelled()
    if seen.serving:
        table.add_row("requests", Text(seen.serving))
    if seen.engine:
        table.add_row("engine", Text(seen.engine))
    for position, (slug, text) in enumerate(seen.assumptions):
        table.add_row("" if position else "assumed", Text.assemble(text, (f"  [{slug}]", "dim")))
    if seen.environment:
        table.add_row("environment", Text(seen.environment, style="dim"))
    if seen.cost:
        table.add_row("estimate took", Text(seen.cost, style="dim"))
    return table


def _labelled() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    return table


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{share * 100:.0f} %"
