"""Folders of images: sizes from the headers of a sample. No pixel is decoded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from memfit.datasets.files import FileSet
from memfit.datasets.opening import UnreadableData, open_file
from memfit.documents.data import Column, ColumnKind, Count, Table
from memfit.errors import MemfitError

_LOOKED_AT = 1000
_JPEG_SEGMENTS = 2000
# JPEG start-of-frame markers: all of C0 to CF but DHT (C4), JPG (C8) and DAC (CC). ITU-T T.81, table B.1.
_FRAMES = {0xC0 + at for at in range(16)} - {0xC4, 0xC8, 0xCC}
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type; a palette is decoded to RGB. PNG 3rd edition, 11.2.1

Pixels = tuple[int, int, int]


def read(files: FileSet, asked: str, tell: Callable[[str], None]) -> Table:
    """What a collection of images holds: a row for each, a column for each value of a pixel.

    Raises:
        UnreadableData: none of those looked at is an image.
    """
    chosen = files.some(_LOOKED_AT)
    tell(f"looking at {len(chosen):,} of {files.number:,} images")
    sizes, broken = [], 0
    for file in chosen:
        try:
            sizes.append(pixels(file.path))
        except MemfitError:
            broken += 1
    if not sizes:
        raise UnreadableData(f"none of the {len(chosen):,} images looked at in {asked} can be read")
    (common, number), *_ = Counter(sizes).most_common(1)
    cells = [math.prod(size) for size in sizes]
    same = number == len(sizes)
    mean = sum(cells) / len(cells)
    notes = [f"{broken} of {len(chosen):,} files looked at are no images, or are broken"] if broken else []
    if not same:
        notes.append(f"they are of {len(set(sizes)):,} sizes, {common[0]} × {common[1]} the most common: "
                     "an array of them needs one size")  # fmt: skip
    rows = round(files.number * len(sizes) / len(chosen))
    spread = 0.0 if same else 2 * math.sqrt(sum((c - mean) ** 2 for c in cells) / len(cells) / len(cells))
    return Table(
        name=asked, form="images", files=files.number, disk_bytes=files.size,
        rows=Count(low=max(round(rows * (1 - spread / mean)), 0), expected=rows,
                   high=max(round(rows * (1 + spread / mean)), rows)),
        columns=(Column(name="pixels", kind=ColumnKind.INTEGER, stored="uint8", columns=max(round(mean), 1),
                        minimum=0.0, maximum=255.0),),
        shape=(rows, *common) if same else (), sampled=f"the headers of {len(sizes):,} images were read",
        notes=tuple(notes),
    )  # fmt: skip


def pixels(path: Path) -> Pixels:
    """Height, width and channels of an image, from its header.

    Raises:
        UnreadableData: it is no image of a known format, or is broken.
    """
    with open_file(path) as source:
        start = source.read(32)
        found: Pixels | None = None
        if start.startswith(b"\x89PNG\r\n\x1a\n") and len(start) >= 26:
            found = _big(start, 20), _big(start, 16), _PNG_CHANNELS.get(start[25], 3)
        elif start.startswith(b"\xff\xd8"):
            found = _jpeg(source)
        elif start.startswith((b"GIF87a", b"GIF89a")) and len(start) >= 10:
            found = int.from_bytes(start[8:10], "little"), int.from_bytes(start[6:8], "little"), 3
        elif start.startswith(b"BM") and len(start) >= 30:
            high = abs(int.from_bytes(start[22:26], "little", signed=True))
            found = high, int.from_bytes(start[18:22], "little"), 4 if start[28] == 32 else 3
        elif start[:4] == b"RIFF" and start[8:12] == b"WEBP":
            found = _webp(start)
    if found is None or not math.prod(found):
        raise UnreadableData(f"{path} is no image that memfit knows, or is broken")
    return found


def _big(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _jpeg(source: BinaryIO) -> Pixels | None:
    """The frame header, segment by segment."""
    source.seek(2)
    for _ in range(_JPEG_SEGMENTS):
        head = source.read(4)
        if len(head) < 4 or head[0] != 0xFF:
            return None
        if head[1] in _FRAMES:
            frame = source.read(6)
            if len(frame) < 6:
                return None
            return int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big"), frame[5]
        source.seek(int.from_bytes(head[2:4], "big") - 2, 1)
    return None


def _webp(start: bytes) -> Pixels | None:
    kind = start[12:16]
    if kind == b"VP8X" and len(start) >= 30:
        wide, high = (int.from_bytes(start[at : at + 3], "little") + 1 for at in (24, 27))
        return high, wide, 4 if start[20] & 0x10 else 3
    if kind == b"VP8L" and len(start) >= 25:
        bits = int.from_bytes(start[21:25], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, 4 if bits >> 28 & 1 else 3
    if kind == b"VP8 " and len(start) >= 30:
        return int.from_bytes(start[28:30], "little") & 0x3FFF, int.from_bytes(start[26:28], "little") & 0x3FFF, 3
    return None
