"""Zip files: whether their directory is one that may be read. A bomb is refused before Python's zipfile is asked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memfit.datasets.opening import UnreadableData, open_file

_LARGEST_DIRECTORY_BYTES = 32 << 20  # some 300,000 members
_END_BYTES = 22 + 65535  # the end record and its longest comment (APPNOTE.TXT 4.3.16)


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file for reading, its directory within bounds.

    Raises:
        UnreadableData: it is none, is broken, or its directory is beyond bounds.
    """
    try:
        with open_file(path) as source:
            size = source.seek(0, 2)
            source.seek(max(size - _END_BYTES, 0))
            tail = source.read()
            at = tail.rfind(b"PK\x05\x06")
            if at < 0:
                raise UnreadableData(f"{path} is no zip file, or was cut short: it has no directory")
            length = int.from_bytes(tail[at + 12 : at + 16], "little")
            if length == 0xFFFFFFFF:  # zip64: its own end record holds the length
                place = tail.rfind(b"PK\x06\x06", 0, at)
                length = int.from_bytes(tail[place + 40 : place + 48], "little") if place >= 0 else size
            if length > min(_LARGEST_DIRECTORY_BYTES, size):
                raise UnreadableData(f"{path} has a directory of {length:,} bytes, more than memfit reads")
            with zipfile.ZipFile(source) as archive:
                yield archive
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, RuntimeError) as error:
        raise UnreadableData(f"{path} is a broken zip file: {error}") from error
