"""A probe seen from outside: what its children hold, whether it stays within its limits, and its end.

The probe's own peak is told by itself (child.reading); here its children are sampled, which misses short spikes of
theirs, and it is killed with all that it started when it takes too much memory or time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memfit.sensors import host_capacity, process_memory, process_tree

_LOOK_S = 0.02
_CHILDREN_EVERY = 5  # looks: reading shares takes milliseconds a process


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one probe may take; beyond it is killed.

    Args:
        memory_bytes: of the probe and all that it starts.
        seconds: from its start.
    """

    memory_bytes: int
    seconds: float

    @classmethod
    def of_this_machine(cls, *, share: float = 0.25, seconds: float = 120.0) -> Limits:
        """A share of what is free now."""
        return cls(memory_bytes=round(host_capacity().binding.room_bytes * share), seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One probe.

    Args:
        size: the knob.
        rise_bytes: the peak above its start, children included; None when it failed.
        kept_bytes: what it still held above its start at its end.
        stored_bytes: what its result takes on disk; None where that was not asked or cannot be told.
        start_bytes: resident size before the measured part.
        seconds: of the measured part.
        exact: whether the peak is a high-water mark.
        children: most processes that it had at a time.
        workers_bytes: what those that it started held when they were last looked at: pools stay after a call.
        failure: "", "memory" or "time" (over the limit), "error".
        problem: what went wrong, in words.
        wall_s: of the whole probe.
        note: what the callable had to say.
        terms: different words and categories that its result has learnt; None where it learns none.
    """

    size: int
    rise_bytes: int | None
    kept_bytes: int = 0
    stored_bytes: int | None = None
    start_bytes: int = 0
    seconds: float = 0.0
    exact: bool = True
    children: int = 0
    workers_bytes: int = 0
    failure: str = ""
    problem: str = ""
    wall_s: float = 0.0
    note: object = None
    terms: int | None = None


class Watch:
    """One running probe.

    Args:
        pid: its number.
        files: "began" and "reading", which it writes, and "log".
        limits: its limits.
        ended: whether it has ended; asked again and again.
    """

    def __init__(self, pid: int, files: dict[str, str], limits: Limits, ended: Callable[[], bool]) -> None:
        self._pid = pid
        self._files = files
        self._limits = limits
        self._ended = ended
        self._children_bytes = 0
        self._workers_bytes = 0
        self._most_children = 0
        self._highest = 0
        self._failure = ""

    def follow(self, size: int) -> Reading:
        """Wait for its end, within its limits."""
        began = time.monotonic()
        turn = 0
        while not self._ended():
            if time.monotonic() - began > self._limits.seconds:
                self._kill("time")
            elif self._look(deep=turn % _CHILDREN_EVERY == 0) > self._limits.memory_bytes:
                self._kill("memory")
            turn += 1
            time.sleep(_LOOK_S)
        self.kill_rest()
        return self._told(size, time.monotonic() - began)

    def _look(self, *, deep: bool) -> int:
        own = _resident(self._pid)
        if not deep:
            return own + self._children_bytes
        below = process_tree(self._pid)[1:] if _has_children(self._pid) else ()
        shares = [child.share_bytes for child in below]
        self._children_bytes = sum(shares)
        self._workers_bytes = self._children_bytes or self._workers_bytes
        if shares and Path(self._files["began"]).exists():
            self._most_children = max(self._most_children, len(shares))
            self._highest = max(self._highest, own + self._children_bytes)
        return own + self._children_bytes

    def _kill(self, why: str) -> None:
        self._failure = self._failure or why
        self.kill_rest()
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)

    def kill_rest(self) -> None:
        """End what is left of the probe's process group, which it made for itself."""
        with contextlib.suppress(OSError):
            if self._pid != os.getpgid(0):
                os.killpg(self._pid, signal.SIGKILL)

    def _told(self, size: int, wall_s: float) -> Reading:
        told = _read(self._files["reading"])
        if self._failure or told is None or "error" in told:
            failure = self._failure or ("memory" if told is not None and told.get("memory") else "error")
            return Reading(size=size, rise_bytes=None, failure=failure, problem=self._problem(told), wall_s=wall_s)
        rise = max(int(told["rise_bytes"]), self._highest - int(told["start_bytes"]))
        return Reading(
            size=size,
            rise_bytes=rise,
            kept_bytes=int(told["kept_bytes"]),
            stored_bytes=told.get("stored_bytes"),
            start_bytes=int(told["start_bytes"]),
            seconds=float(told["seconds"]),
            exact=bool(told["exact"]),
            children=self._most_children,
            workers_bytes=self._workers_bytes,
            wall_s=wall_s,
            note=told.get("note"),
            terms=told.get("terms"),
        )

    def _problem(self, told: dict[str, Any] | None) -> str:
        if self._failure == "time":
            return f"it took longer than {self._limits.seconds:g} s"
        if self._failure == "memory":
            return f"it took more than {self._limits.memory_bytes / (1 << 30):.2f} GiB"
        if told is not None:
            return str(told["error"])
        lines = _tail(self._files["log"])
        return f"its process ended without a word{': ' + lines if lines else ''}"


def _resident(pid: int) -> int:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        found = process_memory(pid)
        return 0 if found is None else found.rss_bytes


def _has_children(pid: int) -> bool:
    try:
        return any((task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return True  # gone, or a kernel that does not tell: process_tree finds out


def _read(path: str) -> dict[str, Any] | None:
    try:
        told = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _tail(path: str) -> str:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1][:300] if lines else ""
