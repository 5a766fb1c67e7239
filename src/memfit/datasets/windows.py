"""Text files of any size seen through windows: the head, places spread over the file, the end. Never the whole.

A window starts and ends anywhere, perhaps within a quoted cell: whoever knows the format finds the rows in it.
"""

from __future__ import annotations

import random
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from memfit.datasets import compressed
from memfit.datasets.opening import UnreadableData, open_file
from memfit.documents.data import Count

WHOLE_BYTES = 1 << 20  # a file up to this is read whole
HEAD_BYTES = 256 << 10
_LONGEST_LINE_BYTES = 32 << 20  # of the first: a header of a million names is some 10 MB
_LIST_BYTES = 2 << 20  # of a list on one line
_PLACES = 40
_WINDOW_BYTES = 64 << 10
_ALL_WINDOWS_BYTES = 8 << 20
_COUNTED_BYTES = 256 << 20  # line ends are counted in files up to this: a quarter of a second
_HALF = (0.3, 0.55)  # of the bytes of UTF-16 text are zeros, but for far scripts
_ZEROS = 0.02  # of bytes: more zeros or control characters than a damaged text has
_CONTROLS = bytes(byte for byte in range(1, 32) if byte not in b"\t\n\v\f\r\x1b")
_ENCODINGS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of the file.

    Args:
        text: decoded.
        size: of the stretch in (uncompressed) bytes; more than its characters where some take several.
        at_line: it starts at the start of a line.
        at_end: it goes to the end of the file.
    """

    text: str
    size: int
    at_line: bool = False
    at_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """What was seen of a text file.

    Args:
        head: its start.
        places: further on; empty where the head is all there is.
        total: bytes of all of it, decompressed.
        whole: the head is all there is.
        lines: line ends that were counted in the whole file; None where they were not.
        encoding: that fits what was seen.
        compression: "gzip", …; "" for none.
        notes: damage, in sentences.
    """

    head: Window
    places: tuple[Window, ...]
    total: Count
    whole: bool
    lines: int | None
    encoding: str
    compression: str = ""
    notes: tuple[str, ...] = ()


def look(path: Path, *, width_bytes: int = _WINDOW_BYTES) -> Windows:
    """See a text file through windows.

    Args:
        path: of the file.
        width_bytes: of a window, of which there are 40 at most.

    Raises:
        UnreadableData: it is empty, binary, or cannot be read.
    """
    with open_file(path) as source:
        size = source.seek(0, 2)
        source.seek(0)
        start = source.read(HEAD_BYTES)
        if not size or not start:
            raise UnreadableData(f"{path} is empty")
        form = compressed.form_of(start)
        try:
            found = _look_inside(source, form, path, size) if form else _look_at(source, start, size, path, width_bytes)
        except OSError as error:
            raise UnreadableData(f"cannot read {path}: {error.strerror or error}") from error
    return found


def _look_inside(source: BinaryIO, form: str, path: Path, size: int) -> Windows:
    prefix = compressed.read_prefix(source, form, path, size)
    encoding = _encoding([prefix.data], path)
    head = _head_of(prefix.data, encoding)
    starts = () if prefix.whole else range(len(head), len(prefix.data) - _WINDOW_BYTES, _WINDOW_BYTES)
    places = [prefix.data[at : at + _WINDOW_BYTES] for at in starts][:_PLACES]
    notes = (f"{path.name} is damaged: {prefix.damaged}",) if prefix.damaged else ()
    return Windows(
        head=_window(prefix.data if prefix.whole else head, encoding, at_line=True, at_end=prefix.whole),
        places=tuple(_window(place, encoding) for place in places),
        total=prefix.total, whole=prefix.whole, lines=None, encoding=encoding, compression=form, notes=notes,
    )  # fmt: skip


def _look_at(source: BinaryIO, start: bytes, size: int, path: Path, least: int) -> Windows:
    if size <= WHOLE_BYTES:
        start += source.read(size - len(start))
    encoding = _encoding([start], path)
    if encoding.startswith("utf-16") or size <= WHOLE_BYTES:
        head = _window(start, encoding, at_line=True, at_end=len(start) >= size)
        return Windows(head=head, places=(), total=Count.exactly(size), whole=len(start) >= size, lines=None,
                       encoding=encoding)  # fmt: skip
    start = _whole_line(source, start)
    longest = max(map(len, start.splitlines()[:50]), default=0)
    most = max(_ALL_WINDOWS_BYTES, _PLACES * least)
    width = min(max(least, 4 * longest), most // 2)
    places = list(_read_places(source, len(start), size, width, most))
    if encoding != "utf-8-sig":
        encoding = _encoding([start, *places], path)
    windows = [_window(place, encoding) for place in places]
    windows[-1:] = [replace(window, at_end=True) for window in windows[-1:]]
    return Windows(
        head=_window(start, encoding, at_line=True), places=tuple(windows), total=Count.exactly(size), whole=False,
        lines=_count_lines(source, size), encoding=encoding,
    )  # fmt: skip


def _whole_line(source: BinaryIO, start: bytes) -> bytes:
    """The start, until it holds its first line and a second; of a JSON list, which may be one line, some records."""
    most = _LIST_BYTES if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") else _LONGEST_LINE_BYTES
    while start.count(b"\n") + start.count(b"\r") < 2 and len(start) < most:
        more = source.read(1 << 20)
        if not more:
            break
        start += more
    return start


def _read_places(source: BinaryIO, first: int, size: int, width: int, most: int) -> Sequence[bytes]:
    """Stretches spread over the file, one in each of equal parts at a place of its own, the last at the end.

    The places depend on the size alone: the same file gives the same answer.
    """
    rest = size - first
    if rest <= 0:
        return []
    number = max(1, min(_PLACES, most // width, rest // width))  # they do not overlap
    dice = random.Random(size)
    part = rest / number
    starts = [first + round(part * at + dice.random() * max(part - width, 0)) for at in range(number - 1)]
    found = []
    for at in [*starts, max(size - width, first)]:
        source.seek(at)
        found.append(source.read(width))
    return [place for place in found if place]


def _count_lines(source: BinaryIO, size: int) -> int | None:
    if size > _COUNTED_BYTES:
        return None
    source.seek(0)
    lines, last = 0, b"\n"
    while chunk := source.read(1 << 20):
        lines, last = lines + chunk.count(b"\n"), chunk[-1:]
    return lines + (last != b"\n")


def _head_of(data: bytes, encoding: str) -> bytes:
    return data[:HEAD_BYTES] if data.find(b"\n", 0, HEAD_BYTES) >= 0 or "16" in encoding else data


def _encoding(pieces: Sequence[bytes], path: Path) -> str:
    start = pieces[0][:4]
    if start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        raise UnreadableData(f"{path} is UTF-32 text: memfit reads UTF-8, UTF-16 and Latin-1", hint=_iconv(path, 32))
    for mark, name in _ENCODINGS.items():
        if start.startswith(mark):
            return name
    total = max(sum(map(len, pieces)), 1)
    zeros = sum(piece.count(0) for piece in pieces) / total
    if zeros > _ZEROS:
        hint = _iconv(path, 16) if _HALF[0] < zeros < _HALF[1] else ""  # UTF-16 without its mark
        raise UnreadableData(f"{path} is no text: {zeros:.0%} of what was read are zero bytes", hint=hint)
    controls = sum(len(piece) - len(piece.translate(None, _CONTROLS)) for piece in pieces) / total
    if controls > _ZEROS:
        raise UnreadableData(f"{path} is no text: {controls:.0%} of what was read are control characters")
    try:
        for piece in pieces:
            _trimmed(piece).decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _iconv(path: Path, width: int) -> str:
    return f"if it is text: iconv -f UTF-{width}LE -t UTF-8 {shlex.quote(str(path))} > utf8.csv"


def _trimmed(piece: bytes) -> bytes:
    """Without the parts of a character at either end."""
    start = next((at for at, byte in enumerate(piece[:4]) if byte & 0xC0 != 0x80), 0)
    for back in range(1, min(4, len(piece)) + 1):
        byte = piece[-back]
        if byte & 0xC0 == 0xC0:  # the first byte of a character, perhaps cut
            return piece[start:-back]
        if byte < 0x80:
            break
    return piece[start:]


def _window(piece: bytes, encoding: str, *, at_line: bool = False, at_end: bool = False) -> Window:
    text = piece.decode(encoding, "replace").lstrip("\ufeff")
    return Window(text=text.replace("\0", ""), size=len(piece), at_line=at_line, at_end=at_end)
