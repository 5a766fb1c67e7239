"""The files behind a name: a path, a pattern, a folder with all below it. Of millions, counts and an even sample."""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from memfit.datasets.opening import UnreadableData, unreadable
from memfit.errors import MemfitError

MOST_FILES = 5_000_000  # that are listed: some 15 s for a million on a local disk
_TOLD = 100  # folders and files that could not be listed; of more the first
_KEPT = 20_000  # of a set, evenly spread in the order of listing
INLINE_BYTES = 12  # of a text in a string view


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that was found, and its size."""

    path: Path
    size: int


@dataclass(slots=True, kw_only=True)
class FileSet:
    """Files of one format, counted; a sample of them is kept, so that a million cost no more than twenty thousand.

    Args:
        number: of files.
        size: of all, in bytes.
        longest: of any, in bytes.
        long_number: of those beyond 12 bytes.
        long_size: of these, in bytes.
    """

    number: int = 0
    size: int = 0
    longest: int = 0
    long_number: int = 0
    long_size: int = 0
    _kept: list[Found] = field(default_factory=list)
    _stride: int = 1

    def add(self, file: Found) -> None:
        """Count a file; keep it if its turn has come."""
        if self.number % self._stride == 0:
            self._kept.append(file)
            if len(self._kept) >= _KEPT:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
        self.number += 1
        self.size += file.size
        self.longest = max(self.longest, file.size)
        if file.size > INLINE_BYTES:
            self.long_number += 1
            self.long_size += file.size

    def with_those_of(self, other: FileSet) -> FileSet:
        """The two together."""
        return FileSet(
            number=self.number + other.number, size=self.size + other.size, longest=max(self.longest, other.longest),
            long_number=self.long_number + other.long_number, long_size=self.long_size + other.long_size,
            _kept=self._kept + other._kept, _stride=max(self._stride, other._stride),
        )  # fmt: skip

    def some(self, most: int) -> Sequence[Found]:
        """At most so many, evenly spread, by name."""
        kept = sorted(self._kept, key=lambda file: str(file.path))
        return kept if len(kept) <= most else [kept[len(kept) * at // most] for at in range(most)]


def files_of(named: str, problems: list[MemfitError]) -> Iterator[Found]:
    """The files behind a name; links to folders are not followed.

    Args:
        named: a path or a pattern.
        problems: takes what could not be listed.

    Raises:
        UnreadableData: there is nothing of that name.
    """
    try:
        mode = Path(named).stat().st_mode
    except OSError as error:
        found = glob.iglob(named, recursive=True) if glob.has_magic(named) else iter(())  # noqa: PTH207
        matches = islice(found, MOST_FILES)
        first = next(matches, None)
        if first is None:
            raise unreadable(Path(named), error) from error
        for match in chain((first,), matches):
            yield from _walk(match, problems) if Path(match).is_dir() else _one(match, problems)
        return
    except ValueError as error:
        raise UnreadableData(f"{named!r} is no path") from error
    if not stat.S_ISDIR(mode):
        yield Found(path=Path(named), size=Path(named).stat().st_size)
        return
    files = _walk(named, problems)
    first_file = next(files, None)
    if first_file is None:
        raise UnreadableData(f"{named} is a folder without files")
    yield first_file
    yield from files


def _one(match: str, problems: list[MemfitError]) -> Iterator[Found]:
    try:
        yield Found(path=Path(match), size=Path(match).stat().st_size)
    except OSError as error:
        _add(problems, unreadable(Path(match), error))


def _add(problems: list[MemfitError], problem: MemfitError) -> None:
    if len(problems) < _TOLD:
        problems.append(problem)


def _walk(folder: str, problems: list[MemfitError]) -> Iterator[Found]:
    waiting, number = [folder], 0
    while waiting and number < MOST_FILES:
        try:
            below = waiting.pop()
            entries = os.scandir(below)
        except OSError as error:
            _add(problems, unreadable(Path(below), error))
            continue
        with entries:
            for entry in entries:
                if entry.name.startswith((".", "_")):
                    continue  # markers of other programs: .crc files, _SUCCESS, _metadata
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                    continue
                try:
                    size = entry.stat().st_size if entry.is_file() else None
                except OSError:
                    size = None  # gone meanwhile
                if size is not None:
                    number += 1
                    yield Found(path=Path(entry.path), size=size)
    if number >= MOST_FILES:
        _add(problems, UnreadableData(f"{folder} has more than {MOST_FILES:,} files: the others were not listed"))
