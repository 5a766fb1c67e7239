"""How far this process and its children rise while a block of code runs, above where they stood at its start.

The process's own peak is the kernel's high-water mark, reset at the start; where that may not be reset it is sampled.
Children are sampled. What earlier code left to the allocator is given back first: it would hide what the block takes.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from memfit.sensors import ProcessMemory, process_memory, process_tree, resident_bytes, tree_bytes

_SAMPLE_S = 0.005  # of the own process, where there is no high-water mark: spikes shorter than this are missed
_CHILDREN_S = 0.02  # to look whether there are any; reading them takes milliseconds, so they are read every fifth time
_TASKS = Path("/proc/self/task")


class PeakMeter:
    """The rise of this process and its children within a ``with`` block.

    Attributes:
        start_bytes: the process's resident size at the start.
        peak_bytes: the highest above the start, children included; 0 when it never rose.
        own_bytes: the same of this process alone.
        exact: whether the own figure is a high-water mark; otherwise it was sampled every 5 ms.
        children: most children seen at a time.

    >>> with PeakMeter() as meter:
    ...     block = bytearray(64 << 20)
    >>> meter.peak_bytes > 60 << 20
    True
    """

    def __init__(self) -> None:
        self.start_bytes = 0
        self.own_bytes = 0
        self.exact = False
        self.children = 0
        self._start_tree_bytes = 0
        self._highest_own = 0
        self._highest_tree = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="memfit-peak")

    @property
    def peak_bytes(self) -> int:
        return max(self.own_bytes, self._highest_tree - self._start_tree_bytes, 0)

    def __enter__(self) -> PeakMeter:
        give_back()
        self._start_tree_bytes = tree_bytes(process_tree())
        self._thread.start()
        self.exact = _reset_high_water_mark()
        now = process_memory()
        self.start_bytes = 0 if now is None else now.rss_bytes
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        now = process_memory()
        self._done.set()
        self._thread.join()
        if now is not None:
            highest = (now.peak_rss_bytes if self.exact else None) or max(now.rss_bytes, self._highest_own)
            self.own_bytes = max(highest - self.start_bytes, 0)

    def _watch(self) -> None:
        turn = 0
        while not self._done.wait(_CHILDREN_S if self.exact else _SAMPLE_S):
            if not self.exact:
                self._highest_own = max(self._highest_own, resident_bytes() or 0)
            turn += 1
            if turn % 5 == 1 and has_children():
                tree = process_tree()
                self.children = max(self.children, len(tree) - 1)
                self._highest_tree = max(self._highest_tree, tree_bytes(tree))


def give_back() -> None:
    """Collect garbage and return freed memory to the system: glibc's malloc keeps it otherwise."""
    gc.collect()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (OSError, AttributeError):  # another C library
            return


def has_children() -> bool:
    """Whether this process has children now; a few microseconds for each thread."""
    try:
        return any(text.strip() for text in _children_files())
    except OSError:
        return len(process_tree()) > 1


def _children_files() -> Iterator[str]:
    for task in _TASKS.iterdir():
        try:
            yield (task / "children").read_text()
        except FileNotFoundError:
            if (_TASKS / str(os.getpid()) / "children").exists():
                continue  # that thread has ended
            raise  # a kernel without these files


def _reset_high_water_mark() -> bool:
    """Whether the kernel began this process's high-water mark anew (Linux; a container may forbid it)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    now = process_memory()
    return now is not None and _agrees(now)


def _agrees(now: ProcessMemory) -> bool:
    """A mark far above the resident size just after its reset was not reset."""
    return now.peak_rss_bytes is not None and now.peak_rss_bytes - now.rss_bytes < 16 << 20
