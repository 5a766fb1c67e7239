"""The tables that a script holds by name when it fits: each memory once, with the line that made it."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.probing.cutting import held_by

_WORTH_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One variable of the script.

    Args:
        name: of it.
        size_bytes: of its memory; 0 for a view of what another name holds.
        line: that gave it its value last; None where none is found.
        given: whether the fit was given it.
    """

    name: str
    size_bytes: int
    line: int | None
    given: bool = False


def holdings(variables: Mapping[str, Any], script: Path, given: Iterable[Any] = ()) -> tuple[Holding, ...]:
    """What the variables of a script hold of tables and arrays, the largest first.

    Args:
        variables: the script's own, by name.
        script: its file, for the lines.
        given: what the fit was called with.
    """
    seen: set[int] = set()
    handed = list(given)
    for each in handed:
        seen |= _memories(each)
    lines = _assignments(script)
    found = []
    for name, value in list(variables.items()):
        if name.startswith("__") or not hasattr(value, "shape"):
            continue
        size = 0
        with contextlib.suppress(Exception):  # an object that is no table after all
            size = held_by(value)
        if size < _WORTH_BYTES:
            continue
        ours = any(value is each for each in handed)
        memory = _memories(value)
        view = not ours and memory <= seen
        seen |= memory
        found.append(Holding(name=name, size_bytes=0 if view else size, line=lines.get(name), given=ours))
    return tuple(sorted(found, key=lambda each: -each.size_bytes))


def _memories(table: Any) -> set[int]:
    """Where a table's memory is: views of one array have it in common."""
    blocks: list[Any] = []
    with contextlib.suppress(Exception):
        blocks = [getattr(block.values, "_ndarray", block.values) for block in table._mgr.blocks]
    if hasattr(table, "indptr"):
        blocks = [table.data, table.indices, table.indptr]
    return {id(_root(each)) for each in blocks or [table]}


def _root(array: Any) -> Any:
    while getattr(array, "base", None) is not None and hasattr(array.base, "shape"):
        array = array.base
    return array


def _assignments(script: Path) -> dict[str, int]:
    """The line that gives each name of a script its value last."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = max(found.get(node.id, 0), node.lineno)
    return found
