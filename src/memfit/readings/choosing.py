"""Which column is the memory, the time, the iteration: as told, or guessed from the names, and then said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from memfit.errors import UsageError
from memfit.quantities import parse_bytes
from memfit.readings.columns import Columns, read_columns

_MEMORY = re.compile(r"(^|[_\W])(pss|rss|uss|vms|res|mem|memory|bytes|used|usage|allocated|reserved|resident)", re.I)
_SWAP = re.compile(r"(^|[_\W])swap", re.I)
_TIME = re.compile(
    r"^(t|ts|time|times|timestamp|datetime|date|elapsed|seconds?|secs?|wall\w*|relative.time)([_\W]|$)", re.I
)
_ITERATION = re.compile(
    r"(^|[_\W])(step|steps|iteration|iterations|iter|batch|global_step|round|epoch|index|i|n)([_\W]|$)", re.I
)
_UNIT = re.compile(r"(?:[_\W]|^)(?:in[_\W])?([kmgt]i?b)\W*$", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """A memory series from a file.

    Args:
        name: the column.
        readings_bytes: bytes, NaN where there was no number.
        seconds: the time of each reading, None without such a column.
        iterations: the iteration of each, None without such a column.
        swap_bytes: what was in swap, None unless it was named.
        notes: what was taken for what.
    """

    name: str
    readings_bytes: Sequence[float]
    seconds: Sequence[float] | None
    iterations: Sequence[float] | None
    swap_bytes: Sequence[float] | None
    notes: tuple[str, ...]


def load_readings(
    path: str | Path,
    *,
    column: str | None = None,
    time: str | None = None,
    iteration: str | None = None,
    swap: str | None = None,
    unit: str | None = None,
) -> Readings:
    """Read a memory series from a file.

    Args:
        path: .csv, .tsv, .json, .jsonl or .npy.
        column: the column with the memory; guessed from the names when None.
        time: the column with the times in seconds; guessed when None.
        iteration: the column with the iterations; guessed when None.
        swap: the column with what was in swap; not looked for when None.
        unit: the unit of the memory column, "MiB"; by the end of its name when None ("rss_mb"), bytes otherwise.

    Raises:
        InvalidDocument: the file cannot be read, or holds no numbers.
        UsageError: there is no such column, or no unit of that name.
    """
    columns = read_columns(path)
    chosen = _column(columns, column) if column is not None else _memory(columns)
    seconds = _column(columns, time) if time is not None else _guess(columns, _TIME, {chosen, iteration})
    numbered = _column(columns, iteration) if iteration is not None else _guess(columns, _ITERATION, {chosen, seconds})
    factor, unit_note = _factor(chosen, unit)
    notes = [unit_note] if unit_note else []
    for what, name, told in (("memory", chosen, column), ("time", seconds, time), ("iteration", numbered, iteration)):
        if name is not None and told is None and len(columns) > 1:
            notes.append(f"column {name!r} was taken for the {what}")
    return Readings(
        name=chosen,
        readings_bytes=[value * factor for value in columns[chosen]],
        seconds=None if seconds is None else columns[seconds],
        iterations=None if numbered is None else columns[numbered],
        swap_bytes=None if swap is None else _swap(columns, swap, unit),
        notes=tuple(notes),
    )


def _swap(columns: Columns, swap: str, unit: str | None) -> list[float]:
    name = _column(columns, swap)
    factor, _ = _factor(name, unit)
    return [value * factor for value in columns[name]]


def _column(columns: Columns, name: str) -> str:
    if name in columns:
        return name
    alike = [known for known in columns if known.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    near = get_close_matches(name, list(columns), n=1, cutoff=0.5)
    raise UsageError(
        f"there is no column {name!r} of numbers",
        hint=f"did you mean {near[0]!r}?" if near else "the columns are " + ", ".join(map(repr, list(columns)[:20])),
        slug="no-column",
    )


def _memory(columns: Columns) -> str:
    """The column that sounds most like memory; the only one that is neither time nor iteration otherwise."""
    sounding = [name for name in columns if _MEMORY.search(name) and not _SWAP.search(name)]
    for wanted in ("pss", "rss", "resident", "allocated"):
        for name in sounding:
            if wanted in name.lower():
                return name
    if sounding:
        return sounding[0]
    others = [name for name in columns if not _TIME.search(name) and not _ITERATION.search(name)]
    if len(others) == 1 or (len(columns) == 1 and not others):
        return (others or list(columns))[0]
    raise UsageError(
        "none of the columns is called like memory",
        hint="name it with --column; the columns are " + ", ".join(map(repr, list(columns)[:20])),
        slug="no-column",
    )


def _guess(columns: Columns, pattern: re.Pattern[str], taken: set[str | None]) -> str | None:
    return next((name for name in columns if name not in taken and pattern.search(name)), None)


def _factor(name: str, unit: str | None) -> tuple[int, str]:
    if unit is not None:
        return parse_bytes(f"1{unit}"), ""
    found = _UNIT.search(name)
    if found is None:
        return 1, ""
    return parse_bytes(f"1{found[1]}"), f"column {name!r} was read in {found[1]} (say another with --unit)"
