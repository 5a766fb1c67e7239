"""Reads recordings that anybody may have sent: bounded, nothing in them is run, damage costs the damaged lines alone.

A file is one machine's; a folder of files reads as one recording of several.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from memfit.documents import Recording
from memfit.errors import InvalidDocument
from memfit.recording.building import Builder
from memfit.recording.joining import join
from memfit.recording.lines import FORMAT, LONGEST_BYTES, decode

SUFFIX = ".memfit"
MAGIC = b'{"k":"header"'
_LARGEST_BYTES = 1 << 30
_MOST_FILES = 4096
_MOST_TOLD = 8  # files of a folder that could not be read


def is_recording(path: str | os.PathLike[str]) -> bool:
    """Whether a path looks like a recording: a folder with one in it, or a file that starts like one."""
    target = Path(path)
    if target.is_dir():
        return next(target.glob(f"*{SUFFIX}"), None) is not None
    try:
        with target.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read(path: str | os.PathLike[str]) -> Recording:
    """Read a recording: a file, or a folder of files that were written together.

    Raises:
        InvalidDocument: missing, foreign, newer, or without one whole line.
    """
    target = Path(path)
    if not target.is_dir():
        return read_file(target)
    files = sorted(path for path in target.glob(f"*{SUFFIX}") if path.is_file())
    if not files:
        raise InvalidDocument(f"there is no recording in the folder {target}", hint=f"its files end in {SUFFIX}")
    if len(files) > _MOST_FILES:
        raise InvalidDocument(f"{target} holds {len(files)} recordings: more than {_MOST_FILES}")
    return _read_together(files)


def _read_together(files: Sequence[Path]) -> Recording:
    """One recording of several files; those that cannot be read are told, unless none can."""
    parts, refused = [], []
    for file in files:
        try:
            parts.append((file.name, read_file(file)))
        except InvalidDocument as error:
            refused.append(error)
    if not parts:
        raise refused[0]
    joined = join(parts)
    return replace(joined, notes=(*joined.notes, *(f"left out: {error}" for error in refused[:_MOST_TOLD])))


def read_file(path: Path) -> Recording:
    """Read one file.

    Raises:
        InvalidDocument: missing, foreign, newer, or without one whole line.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST_BYTES:
                raise InvalidDocument(f"{path} is larger than a recording gets ({_LARGEST_BYTES >> 20} MiB)")
            return _read(file, path)
    except OSError as error:
        raise InvalidDocument(f"cannot read {path}: {error.strerror}") from error


def _read(file: BinaryIO, path: Path) -> Recording:
    first = file.readline(LONGEST_BYTES)
    if not first.startswith(MAGIC[: len(first)]) or not first:
        what = "is no recording" if first else "is empty: there is nothing in it to read"
        raise InvalidDocument(f"{path} {what}", hint="`memfit run -o FILE -- CMD` makes one")
    header = decode(first)
    if header is None:
        raise InvalidDocument(
            f"the first line of {path} is {'cut off' if not first.endswith(bytes([10])) else 'damaged'}: "
            "there is nothing to go by",
            slug="damaged-recording",
        )
    if header.get("format") != FORMAT:
        raise InvalidDocument(
            f"the recording has format {header.get('format')!r}, this memfit reads format {FORMAT}",
            hint="read it with the memfit that wrote it, or a newer one",
            slug="newer-schema",
        )
    try:
        builder = Builder(header)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InvalidDocument(f"the first line of {path} is damaged: {error!r}", slug="damaged-recording") from error
    for item in _items(file):
        if not builder.take(item):
            break
    return builder.recording()


def _items(file: BinaryIO) -> Iterator[dict[str, Any] | None]:
    """The items after the header; None for a line that is damaged or too long.

    A last line without its end is what the death of a recorder leaves, or one that is being written: it is no damage.
    """
    left = _LARGEST_BYTES  # a pipe tells no size
    while left > 0 and (line := file.readline(LONGEST_BYTES)):
        left -= len(line)
        item = decode(line)
        if item is not None or line.endswith(b"\n"):
            yield item
        elif len(line) == LONGEST_BYTES:
            while left > 0 and (rest := file.readline(LONGEST_BYTES)) and not rest.endswith(b"\n"):
                left -= len(rest)
            yield None
