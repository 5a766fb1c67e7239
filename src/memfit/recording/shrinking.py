"""A smaller copy of a recording, made beside it a slice at a time while it is being written, until it takes its place.

Killed at any moment, one of the two is whole under the recording's name.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from memfit.recording.lines import decode, encode
from memfit.recording.thinning import Thinning


class Shrinking:
    """One copy in the making.

    Args:
        path: of the recording.
        file: its descriptor; whole lines are appended to it meanwhile.
        first: its header and what follows that the copy has to begin with.
        skipped_bytes: where the other lines begin.

    Raises:
        OSError: there is no room, or the recording is not at its path any more.
    """

    def __init__(self, path: Path, file: int, first: bytes, skipped_bytes: int) -> None:
        self._path, self._file = path, file
        self._draft = path.with_name(f".{path.name}.part")
        self._thinning = Thinning()
        if not is_at(path, file):
            raise FileNotFoundError(f"the recording is not at {path} any more")
        self._out = self._draft.open("wb")
        try:
            self._out.write(first)
            self._source = os.fdopen(os.dup(file), "rb")
            self._source.seek(skipped_bytes)
        except OSError:
            self._out.close()
            self._draft.unlink(missing_ok=True)
            raise

    def go_on(self, lines: int) -> bool:
        """Copy up to so many lines; True when all that the recording has by now is in the copy.

        Raises:
            OSError: there is no room.
        """
        for _ in range(lines):
            line = self._source.readline()
            if not line:
                return True
            item = decode(line)
            kept = None if item is None or item["k"] == "pad" else self._thinning.take(item)
            if kept is not None:
                self._out.write(encode(kept))
        return False

    def take_place(self) -> int:
        """Put the copy where the recording is; returns its descriptor.

        Raises:
            OSError: there is no room, or the recording is not at its path any more.
        """
        for item in self._thinning.rest():
            self._out.write(encode(item))
        self._out.flush()
        os.fsync(self._out.fileno())  # a machine that goes down right after the change of names has the new one
        if not is_at(self._path, self._file):
            raise FileNotFoundError(f"the recording is not at {self._path} any more")
        replacement = os.open(self._draft, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
        try:
            self._draft.replace(self._path)
        except OSError:
            os.close(replacement)
            raise
        self._source.close()
        self._out.close()
        return replacement

    def abandon(self) -> None:
        """Let the recording be as it is."""
        with contextlib.suppress(OSError):
            self._source.close()
        with contextlib.suppress(OSError):
            self._out.close()
        with contextlib.suppress(OSError):
            self._draft.unlink(missing_ok=True)


def is_at(path: Path, file: int) -> bool:
    """Whether the open file is what the path names: another recording may have taken its name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except OSError:
        return False
