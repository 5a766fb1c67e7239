"""Opens what the user named, and nothing else: regular files, without waiting, and says in a sentence why not."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from memfit.errors import MemfitError


class UnreadableData(MemfitError):
    """A file that cannot be read as a data set."""

    slug = "unreadable-data"


class DataReaderMissing(MemfitError):
    """The format needs a package that is not installed."""

    slug = "data-reader-missing"


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        UnreadableData: there is none, it may not be read, or it is a pipe, a device or a socket.
    """
    try:
        # A pipe without a writer would keep open() waiting for ever.
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            raise UnreadableData(f"{path} is {_kind(mode)}, expected a file", hint="save it to a file first")
        return os.fdopen(number, "rb")
    except BaseException:
        os.close(number)
        raise


def unreadable(path: Path, error: OSError) -> UnreadableData:
    """The failure as a sentence."""
    hints = {
        errno.ENOENT: "the path is taken from the folder you are in",
        errno.EACCES: "its owner can allow it: chmod +r",
        errno.ELOOP: "a link leads back to itself",
    }
    return UnreadableData(f"cannot read {path}: {error.strerror}", hint=hints.get(error.errno or 0, ""))


def missing(package: str, path: Path, what: str) -> DataReaderMissing:
    """A package that the format needs."""
    return DataReaderMissing(
        f"{path} is {what}: reading what it says of itself needs {package}", hint=f"pip install {package}"
    )


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"
