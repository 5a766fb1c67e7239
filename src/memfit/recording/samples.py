"""Gathers readings into the samples that are written: one line a window, each series with its last, lowest and highest.

A series is declared to the writer the first time it has a value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from memfit.recording.thinning import narrow

Item = dict[str, Any]


class Samples:
    """The window that is open.

    Args:
        write: takes the finished items.
        window_s: how long a window is; 0 writes what each tick brought.
    """

    def __init__(self, write: Callable[[Item], None], window_s: float = 0.0) -> None:
        self.window_s = window_s
        self.latest: dict[tuple[str, str, str], int] = {}
        self.highest: dict[tuple[str, str, str], int] = {}
        self._write = write
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._open: dict[int, tuple[int, int, int, int]] = {}
        self._opened_s: float | None = None

    def add(self, pool: str, scope: str, name: str, value: int, *, high: int | None = None) -> None:
        """One value of one series.

        Args:
            pool, scope, name: which series (memfit.documents.Series).
            value: in bytes.
            high: a higher value that was reached since the last one, if that is known.
        """
        key = (pool, scope, name)
        self.latest[key] = value
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._numbers)
            self._write({"k": "series", "id": number, "pool": pool, "scope": scope, "name": name})
        top = value if high is None else max(value, high)
        self.highest[key] = max(self.highest.get(key, 0), top)
        before = self._open.get(number)
        self._open[number] = (
            (number, value, value, top)
            if before is None
            else (number, value, min(before[2], value), max(before[3], top))
        )

    def tick(self, at_s: float) -> None:
        """The readings of this moment are complete; writes them when their window is over."""
        if self._opened_s is None:
            self._opened_s = at_s
        if self._open and at_s - self._opened_s >= self.window_s:
            self.close(at_s)

    def close(self, at_s: float) -> None:
        """Write what is open."""
        if self._open:
            self._write({"k": "s", "t": round(at_s, 3), "d": [narrow(entry) for entry in self._open.values()]})
        self._open, self._opened_s = {}, None
