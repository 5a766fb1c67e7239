"""Folders of text files: one text a file, sizes from the file system, a sample for how Python holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memfit.datasets.files import Found
from memfit.datasets.opening import UnreadableData, open_file
from memfit.datasets.values import object_bytes
from memfit.documents.data import Column, ColumnKind, Count, Table, TextSize
from memfit.errors import MemfitError

_LOOKED_AT = 400
_READ_BYTES = 16 << 10


def read(files: Sequence[Found], asked: str, tell: Callable[[str], None]) -> Table:
    """What a collection of text files holds: a row for each.

    Raises:
        UnreadableData: none of those looked at is text.
    """
    tell(f"looking at {min(len(files), _LOOKED_AT):,} of {len(files):,} texts")
    sizes = [file.size for file in files]
    mean = sum(sizes) / len(sizes)
    chosen = files if len(files) <= _LOOKED_AT else [files[len(files) * at // _LOOKED_AT] for at in range(_LOOKED_AT)]
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
    long = [size for size in sizes if size > 12]
    text = TextSize(
        mean_bytes=mean, longest_bytes=max(sizes), long_share=len(long) / len(sizes),
        long_mean_bytes=sum(long) / len(long) if long else 0.0,
        object_bytes=object_bytes("") + mean * held / looked,
    )  # fmt: skip
    notes = (f"{broken} of {len(chosen):,} files looked at cannot be read",) if broken else ()
    return Table(
        name=asked, form="texts", files=len(files), disk_bytes=sum(sizes), rows=Count.exactly(len(files)),
        columns=(Column(name="text", kind=ColumnKind.TEXT, text=text),),
        sampled=f"the sizes of all files, and the start of {len(chosen) - broken:,} of them", notes=notes,
    )  # fmt: skip
