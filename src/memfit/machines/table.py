"""Reads a catalogue's CSV file: a ``# schema: 1`` line, a header, a row per thing; and where the user's own one lies.

What a row means is its catalogue's; a row that is wrong is told with its line.
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

from memfit.errors import MemfitError, UsageError

SCHEMA = 1
Cells = Mapping[str, str]
T = TypeVar("T")


def read_rows(
    text: str, make: Callable[[Cells], T], *, origin: str, needed: Sequence[str], known: Sequence[str]
) -> tuple[T, ...]:
    """Every row of a catalogue.

    Args:
        text: the file's content; lines that begin with # are comments.
        make: a row's cells (stripped, "" where one is missing) to what it stands for; ValueError says what it expected.
        origin: the file's name, for messages.
        needed: columns that the file must have.
        known: all columns.

    Raises:
        UsageError: another schema, a missing column, or a row that is wrong; the message names its line.
    """
    lines = text.splitlines()
    schema = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("# schema:")), None)
    if schema != str(SCHEMA):
        raise bad_catalogue(origin, f"it has schema {schema}, this memfit reads schema {SCHEMA}")
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.startswith("#")]
    reader = csv.DictReader(line for _, line in numbered)
    missing = [column for column in needed if column not in (reader.fieldnames or ())]
    if missing:
        raise bad_catalogue(origin, f"it has no column {missing[0]!r}")
    made = []
    for (number, _), row in zip(numbered[1:], reader, strict=False):
        cells = {column: (row.get(column) or "").strip() for column in known}
        try:
            made.append(make(cells))
        except (ValueError, MemfitError) as error:
            raise bad_catalogue(
                origin, f"line {number}, the row {cells[needed[0]] or '(no name)'!r}, is wrong: {error}"
            ) from error
    return tuple(made)


def shipped(name: str) -> str:
    """The text of the catalogue of that file name that comes with memfit."""
    return resources.files("memfit.machines").joinpath(name).read_text(encoding="utf-8")


def read_user_text(path: Path) -> str:
    """The user's own file.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise bad_catalogue(str(path), f"it cannot be read ({error})") from error


def user_file(environment: Mapping[str, str] = os.environ, *, name: str = "devices") -> Path | None:
    """The user's own catalogue of that name: MEMFIT_DEVICES, or devices.csv in the user's configuration folder."""
    variable = f"MEMFIT_{name.upper()}"
    if environment.get(variable):
        return Path(environment[variable]).expanduser()
    if sys.platform == "win32":
        folder = Path(environment.get("APPDATA") or "~/AppData/Roaming")
    else:
        folder = Path(environment.get("XDG_CONFIG_HOME") or "~/.config")
    found = folder.expanduser() / "memfit" / f"{name}.csv"
    return found if found.is_file() else None


def bad_catalogue(origin: str, what: str) -> UsageError:
    """The message about a file that is not as it should be."""
    return UsageError(
        f"the catalogue {origin} is not usable: {what}",
        hint="docs/devices.md shows the form of a row",
        slug="bad-catalogue",
    )
