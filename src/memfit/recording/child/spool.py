"""A process's own file in the spool folder: lines are appended as they come, so that a kill loses nothing written.

It never raises and never gets in the way: a full disk pauses it, a folder that is gone or a recorder that reads no
more ends it, and a descriptor that the job closed or reused is noticed before anything is written to it.
"""

from __future__ import annotations

import os
from time import monotonic, monotonic_ns

TYPE_CHECKING = False  # typing is not loaded in the job's small processes
if TYPE_CHECKING:
    from collections.abc import Callable

try:  # json itself costs every small process of the job milliseconds
    from _json import encode_basestring_ascii as _quote
except ImportError:  # another implementation of Python
    from json.encoder import py_encode_basestring_ascii as _quote

ROTATE_BYTES = 1 << 20
# The recorder takes away what it has read: so many full files of one process mean that it reads no more.
_UNREAD_FILES = 4
_PAUSE_SECONDS = 5.0


def encode(value: object) -> str:
    """JSON of plain values, without loading a library for it; what is not finite or not plain becomes null or text.

    >>> encode(["i", 1.5, "step", 3, {"host/rss": 4096}, None, True])
    '["i",1.5,"step",3,{"host/rss":4096},null,true]'
    """
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quote(str(value))
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if value - value == 0 else "null"
    if isinstance(value, dict):
        return "{" + ",".join(f"{_quote(str(key))}:{encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(encode, value)) + "]"
    return _quote(str(value))


class Spool:
    """Appends lines to PID.START_NS.N.log in a folder.

    Args:
        folder: the spool folder; it is never created.
        hello: gives the first line of a process, made when there is something to say.
    """

    __slots__ = ("_dead", "_fd", "_file", "_folder", "_hello", "_number", "_paused", "_size", "_start")

    def __init__(self, folder: str, hello: Callable[[], object]) -> None:
        self._folder = folder
        self._hello = hello
        self._forget()

    def _forget(self) -> None:
        self._start = monotonic_ns()
        self._fd = -1
        self._file: tuple[int, int] | None = None
        self._number = 0
        self._size = 0
        self._paused: float | None = None
        self._dead = False

    @property
    def alive(self) -> bool:
        """Whether what is written can still arrive."""
        return not self._dead

    @property
    def begun(self) -> bool:
        """Whether this process has a file yet."""
        return self._number > 0

    def forked(self) -> None:
        """In a forked child: let go of the parent's file; one of its own begins with the first line."""
        if self._fd >= 0 and self._still_ours():
            os.close(self._fd)
        self._forget()

    def begin(self) -> None:
        """Open the file, which says hello, if it is not yet."""
        if not self.begun:
            self.write(None)

    def write(self, line: object) -> None:
        """Append a line."""
        if self._dead:
            return
        try:
            if self._paused is not None and monotonic() < self._paused:
                return
            if self._fd < 0 or self._size > ROTATE_BYTES or not self._still_ours():
                self._open()
            if line is not None and not self._dead:
                self._append(encode(line))
        except OSError as error:
            self._failed(error)
        except RecursionError:  # the job is at the end of its stack: this line is lost, no more
            pass

    def _append(self, text: str) -> None:
        # After a failed write there may be half a line: end it first, an empty line means nothing.
        data = ("\n" * (self._paused is not None) + text + "\n").encode("ascii")
        written = os.write(self._fd, data)
        self._size += written
        if written < len(data):
            self._paused = monotonic() + _PAUSE_SECONDS
        else:
            self._paused = None

    def _failed(self, error: OSError) -> None:
        import errno

        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.EINTR):
            self._paused = monotonic() + _PAUSE_SECONDS
        else:
            self._dead = True

    def _still_ours(self) -> bool:
        """Whether the descriptor is still this file: a job may close all it has, and reuse the number."""
        try:
            found = os.fstat(self._fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def _open(self) -> None:
        if self._fd >= 0 and self._still_ours():
            os.close(self._fd)
        self._fd = -1
        if self._number >= _UNREAD_FILES and os.path.exists(self._path(self._number - _UNREAD_FILES)):
            self._dead = True
            return
        path = self._path(self._number)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        found = os.fstat(self._fd)
        self._file = (found.st_dev, found.st_ino)
        self._size = found.st_size
        self._number += 1
        self._append(encode(self._hello()))

    def _path(self, number: int) -> str:
        return f"{self._folder}/{os.getpid()}.{self._start}.{number}.log"

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0 and self._still_ours():
            os.close(self._fd)
        self._fd = -1
        self._dead = True
