"""The writer of a recording: appends whole lines, keeps the file bounded, and goes on when the disk is full.

Every line is handed to the kernel by ``flush``: from then on the death of this process or of the job loses nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memfit.recording.lines import decode, encode
from memfit.recording.thinning import thin

_RESERVE_BYTES = 4096  # kept within the file for the last words on a full disk
_WAITING_BYTES = 1 << 20  # lines that a full disk does not take wait in memory up to here
_VITAL = ("proc", "e", "end", "series")
SMALLEST_BYTES = 256 << 10
USUAL_BYTES = 24 << 20


class Writer:
    """One file. ``add`` and then ``flush``; not thread-safe.

    Args:
        path: the file to make; it must not be there.
        header: the first line.
        largest_bytes: when the file would grow beyond it, it is thinned to about half.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, header: dict[str, Any], *, largest_bytes: int = USUAL_BYTES) -> None:
        self.path = path
        self.thinned = 0
        self.lost_lines = 0
        self._largest_bytes = max(largest_bytes, SMALLEST_BYTES)
        self._waiting: list[tuple[bool, bytes]] = []
        self._waiting_bytes = 0
        first = encode(header)
        self._reserve_at = len(first)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o644)
        self._size = 0
        self._write(first + padding(_RESERVE_BYTES))

    @property
    def size_bytes(self) -> int:
        """What has been written."""
        return self._size

    def add(self, item: dict[str, Any]) -> None:
        """Take one item; it reaches the file with the next flush."""
        line = encode(item)
        self._waiting.append((item["k"] in _VITAL, line))
        self._waiting_bytes += len(line)

    def flush(self) -> bool:
        """Hand everything to the kernel; False when the disk does not take it (it stays waiting, within bounds)."""
        if self._size + self._waiting_bytes > self._largest_bytes:
            self._thin()
        data = b"".join(line for _, line in self._waiting)
        try:
            self._write(data)
        except OSError:
            self._drop_beyond(_WAITING_BYTES)
            return False
        self._waiting, self._waiting_bytes = [], 0
        return True

    def last_words(self, items: list[dict[str, Any]]) -> None:
        """Write items into the file's reserve, whose blocks it has already: for what must be said on a full disk."""
        words = b"".join(map(encode, items))
        shortest = len(padding(0))
        if len(words) + shortest > _RESERVE_BYTES:
            return
        os.pwrite(self._file, words + padding(_RESERVE_BYTES - len(words)), self._reserve_at)

    def close(self, end: dict[str, Any]) -> None:
        """Write the last item and close; on a full disk it goes into the reserve."""
        self.add(end)
        try:
            if not self.flush():
                self.last_words([end])
        finally:
            os.close(self._file)

    def _write(self, data: bytes) -> None:
        """Append at the known end, whole or (when the disk takes a part only) not at all."""
        at, left = self._size, memoryview(data)
        try:
            while left:
                written = os.pwrite(self._file, left, at)
                at, left = at + written, left[written:]
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size = at

    def _drop_beyond(self, most_bytes: int) -> None:
        """Of what waits keep the vital, and of the rest the latest."""
        kept, room = [], most_bytes - sum(len(line) for vital, line in self._waiting if vital)
        for vital, line in reversed(self._waiting):
            room -= 0 if vital else len(line)
            if vital or room >= 0:
                kept.append((vital, line))
        self.lost_lines += len(self._waiting) - len(kept)
        self._waiting = kept[::-1]
        self._waiting_bytes = sum(len(line) for _, line in kept)

    def _thin(self) -> None:
        """Rewrite the file at about half its size; the old one stays until the new one is whole."""
        draft = self.path.with_name(f".{self.path.name}.part")
        try:
            with draft.open("wb") as out:
                for line in self._thinned_lines():
                    out.write(line)
            draft.replace(self.path)
            replacement = os.open(self.path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        except OSError:  # no room for a second copy: go on with the one there is
            draft.unlink(missing_ok=True)
            self._largest_bytes = self._size + self._largest_bytes // 8
            return
        os.close(self._file)
        self._file, self._size = replacement, os.fstat(replacement).st_size
        self.thinned += 1
        self._largest_bytes = max(self._largest_bytes, self._size + (self._size >> 1))

    def _thinned_lines(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            yield file.readline()
            yield padding(_RESERVE_BYTES)
            items = (item for line in file if (item := decode(line)) is not None and item["k"] != "pad")
            yield from map(encode, thin(items))


def padding(size_bytes: int) -> bytes:
    """A line that says nothing, that many bytes long (or the shortest there is)."""
    shortest = encode({"k": "pad", "x": ""})
    return encode({"k": "pad", "x": " " * max(0, size_bytes - len(shortest))})
