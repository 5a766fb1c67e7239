"""What the tests of probing probe: importable by a fresh process."""

from __future__ import annotations

import os
import time


def fill(size: int) -> None:
    """Take so many bytes, all of them touched."""
    bytearray(os.urandom(1)) * size


def spike(size: int) -> int:
    """Take twice the size for a moment, then keep nothing."""
    first = b"x" * size
    second = b"y" * size
    return len(first) + len(second)


def refuses_small(size: int) -> None:
    """As an estimator that needs more samples."""
    if size < 8 << 20:
        raise ValueError("expected at least 8 MiB")
    fill(size)


def sleep(size: int) -> None:
    """Never within its time."""
    time.sleep(60)


def with_child(size: int) -> None:
    """Let a process of its own take the memory."""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", f"x = b'x' * {size}; import time; time.sleep(0.6)"], check=True)


class Prepared:
    """Its data is not counted, what is done with it is."""

    def prepare(self, size: int) -> bytes:
        return b"x" * size

    def __call__(self, data: bytes) -> int:
        return len(data + b"y")
