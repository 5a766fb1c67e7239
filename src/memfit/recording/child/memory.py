"""What this process holds, read by itself in microseconds. Linux; elsewhere unknown."""

from __future__ import annotations

import os

try:
    from resource import RUSAGE_SELF, getrusage
except ImportError:  # not a Unix
    getrusage = None  # type: ignore[assignment]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident_bytes() -> int | None:
    """The resident set size; opened anew each time, since a forked child's descriptor would tell of its parent."""
    try:
        fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(fd, 128).split()[1]) * _PAGE
        finally:
            os.close(fd)
    except (OSError, ValueError, IndexError):
        return None


def rising_bytes() -> int:
    """A high-water mark in under a microsecond; only its rises mean something.

    The kernel starts ru_maxrss at what the parent held before exec (Linux 2.6.32 to 6.18 at least): until this process
    is larger than that, it stays. A rise is this process's own. Writing to clear_refs resets it.
    """
    return 0 if getrusage is None else getrusage(RUSAGE_SELF).ru_maxrss * 1024


def peak_bytes() -> int | None:
    """The process's own high-water mark, VmHWM."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"VmHWM:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
