"""Folders of text files: one text a file, sizes from the file system, a sample for how Python holds them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from memfit.datasets.files import FileSet
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.values import object_bytes
from memfit.documents.data import Column, ColumnKind, Count, Table, TextSize
from memfit.errors import MemfitError

_LOOKED_AT = 400
_READ_BYTES = 16 << 10
_LONGEST_BYTES = 8 << 20  # of a text that is read whole: longer ones are no documents


def read(files: FileSet, asked: str, tell: Callable[[str], None]) -> Table:
    """What a collection of text files holds: a row for each.

    Raises:
        UnreadableData: none of those looked at is text.
    """
    chosen = files.some(_LOOKED_AT)
    tell(f"looking at {len(chosen):,} of {files.number:,} texts")
    mean = files.size / files.number
    held, looked, broken = 0, 0, 0
    for file in chosen:
        try:
            with open_file(file.path) as source:
                piece = source.read(_READ_BYTES)
        except MemfitError:
            broken += 1
            continue
        if piece:
            held += object_bytes(piece.decode("utf-8", "replace")) - object_bytes("")
            looked += len(piece)
    if not looked:
        raise UnreadableData(f"none of the {len(chosen):,} texts looked at in {asked} can be read")
    text = TextSize(
        mean_bytes=mean, longest_bytes=files.longest, long_share=files.long_number / files.number,
        long_mean_bytes=files.long_size / max(files.long_number, 1),
        object_bytes=object_bytes("") + mean * held / looked,
    )  # fmt: skip
    notes = (f"{broken} of {len(chosen):,} files looked at cannot be read",) if broken else ()
    return Table(
        name=asked, form="texts", files=files.number, disk_bytes=files.size, rows=Count.exactly(files.number),
        columns=(Column(name="text", kind=ColumnKind.TEXT, text=text),),
        sampled=f"the sizes of all files, and the start of {len(chosen) - broken:,} of them", notes=notes,
    )  # fmt: skip


def some_of(files: FileSet, *, most_bytes: int) -> list[str]:
    """Whole texts of files spread evenly by name, as many as stay within a bound; files that cannot be read left out.

    Args:
        files: the collection.
        most_bytes: of all texts together.
    """
    number = max(int(files.number * min(most_bytes / max(files.size, 1), 1.0)), 1)
    found: list[str] = []
    left = most_bytes
    for file in files.some(number):
        if file.size > min(left, _LONGEST_BYTES):
            continue
        with contextlib.suppress(MemfitError), open_file(file.path) as source:
            text = source.read(_LONGEST_BYTES).decode("utf-8", "replace")
            left -= file.size
            found += [text] if text.strip() else []
    return found
