"""The writer of a recording: appends whole lines, keeps the file bounded, and goes on when the disk is full.

Every line is handed to the kernel by ``flush``: from then on the death of this process or of the job loses nothing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path
from typing import Any

from memfit.recording.lines import LONGEST_BYTES, encode
from memfit.recording.shrinking import Shrinking

_RESERVE_BYTES = 4096  # kept within the file for the last words on a full disk
_WAITING_BYTES = 1 << 20  # lines that a full disk does not take wait in memory up to here, the vital as many again
_VITAL = ("proc", "e", "end", "series")
_WORDS = 8  # events that are told in the reserve at the end
_SLICE_LINES = 500  # of a copy with each flush: some 10 ms
_AHEAD = 8  # a copy goes on so many times faster than the file grows
SMALLEST_BYTES = 256 << 10
USUAL_BYTES = 24 << 20


class Writer:
    """One file. ``add`` and then ``flush``; not thread-safe.

    Args:
        path: the file to make; it must not be there.
        header: the first line.
        largest_bytes: when the file grows beyond it, it is thinned to about half.

    Attributes:
        path: the file; another one when it was removed together with its folder.
        thinned: how often it was made smaller.
        lost_lines: that a full disk has cost, or that were longer than a line may be.
        removed: how often it was removed under us, and written anew.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, header: dict[str, Any], *, largest_bytes: int = USUAL_BYTES) -> None:
        self.path = path
        self.thinned = self.lost_lines = self.removed = 0
        self._largest_bytes = max(min(largest_bytes, _allowed_bytes()), SMALLEST_BYTES)
        self._waiting: list[tuple[bool, bytes]] = []
        self._waiting_bytes = 0
        self._words: list[bytes] = []
        self._shrinking: Shrinking | None = None
        self._header = encode(header)
        content = self._header + padding(_RESERVE_BYTES)
        self._file, self._size = create(path, content), len(content)

    @property
    def size_bytes(self) -> int:
        """What has been written."""
        return self._size

    def add(self, item: dict[str, Any]) -> None:
        """Take one item; it reaches the file with the next flush.

        Raises:
            ValueError: a number in it is not finite.
        """
        line = encode(item)
        if len(line) >= LONGEST_BYTES:
            self.lost_lines += 1
            return
        self._waiting.append((item["k"] in _VITAL, line))
        self._waiting_bytes += len(line)

    def flush(self) -> bool:
        """Hand everything to the kernel; False when the disk does not take it (it stays waiting, within bounds)."""
        written = len(self._waiting)
        try:
            self._bring_back()
            self._write(b"".join(line for _, line in self._waiting))
        except OSError as error:
            self._drop_beyond(_WAITING_BYTES)
            if error.errno == errno.EFBIG:  # files may not be larger than this: there is room in a smaller one
                self._largest_bytes = min(self._largest_bytes, self._size - 1)
                self._shrink(_SLICE_LINES)
            return False
        self._waiting, self._waiting_bytes = [], 0
        self._shrink(max(_SLICE_LINES, _AHEAD * written))
        return True

    def last_words(self, items: list[dict[str, Any]]) -> None:
        """Write items into the file's reserve, whose blocks it has already: for what must be said on a full disk."""
        self._words += map(encode, items)
        while len(self._reserve()) > _RESERVE_BYTES:
            del self._words[0]
        with contextlib.suppress(OSError):
            os.pwrite(self._file, self._reserve(), len(self._header))

    def close(self, end: dict[str, Any]) -> None:
        """Write the last item and close; on a full disk it goes into the reserve, with the events that wait."""
        self.add(end)
        if self._shrinking is not None:
            self._shrinking.abandon()
            self._shrinking = None
        self._largest_bytes = 1 << 62
        if not self.flush():
            waiting = [line for _, line in self._waiting if line.startswith(b'{"k":"e"')]
            self._words += waiting[-_WORDS:]
            self.last_words([end])
        with contextlib.suppress(OSError):
            os.close(self._file)

    def _reserve(self) -> bytes:
        words = b"".join(self._words)
        return words + padding(_RESERVE_BYTES - len(words))

    def _write(self, data: bytes) -> None:
        """Append at the known end, whole or (when the disk takes a part only) not at all."""
        at, left = self._size, memoryview(data)
        try:
            while left:
                written = os.pwrite(self._file, left, at)
                at, left = at + written, left[written:]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size = at

    def _drop_beyond(self, most_bytes: int) -> None:
        """Of what waits keep the latest, the vital apart from the rest."""
        kept, room = [], {True: most_bytes, False: most_bytes}
        for vital, line in reversed(self._waiting):
            room[vital] -= len(line)
            if room[vital] >= 0:
                kept.append((vital, line))
        self.lost_lines += len(self._waiting) - len(kept)
        self._waiting = kept[::-1]
        self._waiting_bytes = sum(len(line) for _, line in kept)

    def _shrink(self, lines: int) -> None:
        """Go on with a smaller copy if one is due; the file stays as it is until the copy is whole."""
        if self._shrinking is None and self._size <= self._largest_bytes:
            return
        skipped = len(self._header) + _RESERVE_BYTES
        try:
            if self._shrinking is None:
                self._shrinking = Shrinking(self.path, self._file, self._header + self._reserve(), skipped)
            if not self._shrinking.go_on(lines):
                return
            replacement = self._shrinking.take_place()
        except OSError:  # no room for a second copy: go on with the one there is
            if self._shrinking is not None:
                self._shrinking.abandon()
            self._shrinking = None
            self._largest_bytes = self._size + self._largest_bytes // 8
            return
        os.close(self._file)
        self._shrinking = None
        self._file, self._size = replacement, os.fstat(replacement).st_size
        self.last_words([])
        self.thinned += 1
        self._largest_bytes = max(self._largest_bytes, self._size + (self._size >> 1))

    def _bring_back(self) -> None:
        """A file that was removed (the job cleans its folder) is written anew from what we hold of it.

        Raises:
            OSError: there is no room for it.
        """
        if os.fstat(self._file).st_nlink or os.name != "posix":
            return
        content = os.pread(self._file, self._size, 0)
        path = self.path
        if path.exists() or not path.parent.is_dir():
            path = Path(tempfile.mkdtemp(prefix="memfit-saved-")) / path.name
        replacement = create(path, content)
        os.close(self._file)
        self.path, self._file = path, replacement
        self.removed += 1


def create(path: Path, content: bytes) -> int:
    """Make a file that holds the content from the first moment on in which it has a name; returns its descriptor.

    Raises:
        OSError: it cannot be made, or there is one of that name.
    """
    flags, mode = os.O_RDWR | getattr(os, "O_CLOEXEC", 0), 0o644
    with contextlib.suppress(OSError, AttributeError):  # Linux, and a file system that can
        nameless = os.open(path.parent, flags | os.O_TMPFILE, mode)
        try:
            _write_all(nameless, content)
            descriptors = os.open("/proc/self/fd", os.O_RDONLY | os.O_DIRECTORY)
            try:  # with a folder given, os.link follows the link to the file itself
                os.link(str(nameless), path.absolute(), src_dir_fd=descriptors, follow_symlinks=True)
            finally:
                os.close(descriptors)
        except OSError:
            os.close(nameless)
            raise
        return nameless
    file = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    try:
        _write_all(file, content)
    except OSError:
        os.close(file)
        path.unlink(missing_ok=True)
        raise
    return file


def _write_all(file: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]


def _allowed_bytes() -> int:
    """The largest file that this process may write, with room for one more flush."""
    try:
        import resource
    except ImportError:  # Windows
        return 1 << 62
    allowed, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return 1 << 62 if allowed == resource.RLIM_INFINITY else allowed - allowed // 8


def padding(size_bytes: int) -> bytes:
    """A line that says nothing, that many bytes long (or the shortest there is)."""
    shortest = encode({"k": "pad", "x": ""})
    return encode({"k": "pad", "x": " " * max(0, size_bytes - len(shortest))})
