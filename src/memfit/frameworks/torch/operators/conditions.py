"""Conditions on values that do not exist: what is answered, by the statement that asks.

An assertion holds, as it does in a run that works. A loop that values end goes round a few times, since most of a job's
memory may be made inside of it; an `or` of several questions could keep it going for ever, and is answered as any other
condition. Reads the source of the code that asks, where there is one.
"""

from __future__ import annotations

import ast
import linecache
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import FrameType

import torch

# Rounds of a loop on computed values. Assumed: enough to see what one round leaves to the next.
ROUNDS = 2

_NOT_THE_ASKER = (str(Path(torch.__file__).parent), str(Path(__file__).parents[3]))


class Statement(Enum):
    """What kind of statement a question belongs to."""

    ASSERTION = "assertion"
    DENIAL = "denial"  # assert not …
    LOOP = "loop"  # goes on while the answer is true
    LOOP_UNTIL = "loop until"  # while not …: goes on while it is false


class Asker:
    """The code that asks for a value: a line, and what kind of statement it belongs to."""

    def __init__(self) -> None:
        self._files: dict[str, dict[int, Statement]] = {}

    def statement(self) -> tuple[str, Statement | None]:
        """The place that asks, as "file:line", and its statement, where that is one that is answered in a way of its
        own."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(_NOT_THE_ASKER):
            frame = frame.f_back
        if frame is None:
            return "", None
        name = frame.f_code.co_filename
        known = self._files.get(name)
        if known is None:
            known = self._files[name] = dict(_conditions(name))
        return f"{name}:{frame.f_lineno}", known.get(frame.f_lineno)


def _conditions(name: str) -> Iterator[tuple[int, Statement]]:
    """The lines of a file's conditions that are answered in a way of their own."""
    try:
        tree = ast.parse("".join(linecache.getlines(name)))
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert | ast.While) and (kind := _kind(node)) is not None:
            for line in range(node.lineno, (node.test.end_lineno or node.lineno) + 1):
                yield line, kind


def _kind(node: ast.Assert | ast.While) -> Statement | None:
    if isinstance(node, ast.Assert):
        return Statement.DENIAL if _is_denied(node.test) else Statement.ASSERTION
    if any(isinstance(part, ast.BoolOp) and isinstance(part.op, ast.Or) for part in ast.walk(node.test)):
        return None
    return Statement.LOOP_UNTIL if _is_denied(node.test) else Statement.LOOP


def _is_denied(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
