"""The files behind a name: a path, a pattern, a folder with all that is in it."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from memfit.datasets.opening import UnreadableData, unreadable

MOST_FILES = 2_000_000  # that are listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that was found, and its size."""

    path: Path
    size: int


def files_of(named: str) -> list[Found]:
    """The files behind a name, sorted: links within a folder are not followed."""
    try:
        mode = Path(named).stat()
    except OSError as error:
        # Path.glob takes no absolute patterns
        matches = sorted(glob.iglob(named, recursive=True))[:MOST_FILES] if glob.has_magic(named) else []  # noqa: PTH207
        if not matches:
            raise unreadable(Path(named), error) from error
        return [file for match in matches for file in (_walk(match) if Path(match).is_dir() else _one(match))]
    except ValueError as error:
        raise UnreadableData(f"{named!r} is no path") from error
    if stat.S_ISDIR(mode.st_mode):
        found = sorted(_walk(named), key=lambda file: str(file.path))
        if not found:
            raise UnreadableData(f"{named} is a folder without files")
        return found
    return [Found(path=Path(named), size=mode.st_size)]


def _one(match: str) -> list[Found]:
    try:
        return [Found(path=Path(match), size=Path(match).stat().st_size)]
    except OSError:
        return []


def _walk(folder: str) -> Iterator[Found]:
    waiting, number = [folder], 0
    while waiting and number < MOST_FILES:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.name.startswith((".", "_")):
                        continue  # markers of other programs: .crc files, _SUCCESS, _metadata
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file():
                        number += 1
                        yield Found(path=Path(entry.path), size=entry.stat().st_size)
        except OSError:
            continue
