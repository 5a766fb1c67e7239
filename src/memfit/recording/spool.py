"""The recorder's end of the spool: what the job's processes marked, turned into items (the lines are in child/).

Trusts the lines no further than their form; what cannot be read is passed over.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Item = dict[str, Any]
_LONGEST_READ_BYTES = 4 << 20


class Spool:
    """A folder in which processes leave lines.

    Args:
        folder: it; what has been read is taken away.
        since_s: time.monotonic() at the start of the recording.

    Attributes:
        gone: the folder is not there any more.
    """

    def __init__(self, folder: Path, since_s: float) -> None:
        self.folder = folder
        self.gone = False
        self.roles: dict[int, tuple[str, int | None]] = {}
        self.ends: dict[int, int] = {}
        self.now: dict[int, dict[str, Any]] = {}
        self._since_s = since_s
        self._at: dict[str, int] = {}
        self._told: dict[str, str] = {}
        self._open: dict[tuple[int, str], list[tuple[float, int | None]]] = {}
        self._read: dict[str, Callable[[int, float, list[Any]], Iterator[Item]]] = {
            "h": self._hello, "v": self._versions, "i": self._iteration, "b": self._begin, "e": self._finish,
            "t": self._totals, "r": self._role, "a": self._look, "n": self._note, "x": self._exit,
        }  # fmt: skip

    def drain(self) -> Iterator[Item]:
        """The items of all lines that are new and whole."""
        try:
            names = sorted((path.name for path in self.folder.iterdir()), key=_in_turn)
        except OSError:
            self.gone = True
            return
        there = set(names)
        for name in names:
            if name.endswith(".log"):
                yield from self._file(name, superseded=_next(name) in there)

    def open_phases(self, end_s: float) -> Iterator[Item]:
        """The phases that have begun and not ended: the job ended within them."""
        for (pid, name), begun in self._open.items():
            for start_s, rss in begun:
                yield {"k": "p", "pid": pid, "name": name, "t0": min(start_s, end_s), "t1": None, "rss0": rss}

    def phase_of(self, pid: int) -> str | None:
        """The phase that a process is in, as far as it told; the innermost of several."""
        return next((name for (one, name), begun in reversed(self._open.items()) if one == pid and begun), None)

    def _file(self, name: str, *, superseded: bool) -> Iterator[Item]:
        """The new lines of a file; it is removed when its process went on to another before we read it to its end."""
        first = name.partition(".")[0]
        pid = int(first) if first.isdecimal() and len(first) < 11 else 0
        at = self._at.get(name, 0)
        try:
            data = _read(self.folder / name, at)
        except OSError:
            return
        whole = data.rfind(b"\n") + 1
        full = len(data) == _LONGEST_READ_BYTES
        self._at[name] = at + (whole or (len(data) if full else 0))
        for line in data[:whole].splitlines():
            yield from self._line(pid, line)
        if superseded and not full:
            (self.folder / name).unlink(missing_ok=True)
            del self._at[name]

    def _line(self, pid: int, line: bytes) -> Iterator[Item]:
        try:
            kind, at, *rest = json.loads(line)
            yield from self._read[kind](pid, round(max(0.0, at - self._since_s), 4), rest)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError):
            return

    def _hello(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        yield from self._settings({"python": str(rest[0].get("python", ""))})

    def _versions(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        yield from self._settings({str(name): str(version) for name, version in rest[0].items()})

    def _settings(self, values: dict[str, str]) -> Iterator[Item]:
        """What is new of it: every process says the same."""
        if not values.items() <= self._told.items():
            self._told |= values
            yield {"k": "env", "values": values}

    def _iteration(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        unit, number, values = rest
        columns = {str(name): int(value) for name, value in values.items() if value is not None}
        self.now[pid] = {"unit": str(unit), "number": int(number), "at_s": at, "columns": columns}
        yield {"k": "i", "pid": pid, "unit": str(unit), "n": int(number), "t": at, "c": columns}

    def _begin(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        self._open.setdefault((pid, str(rest[0])), []).append((at, rest[1]))
        return iter(())

    def _finish(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        name, rss, high = rest
        begun = self._open.get((pid, str(name)))
        if not begun:
            return
        start_s, start_rss = begun.pop()
        yield {
            "k": "p", "pid": pid, "name": str(name), "t0": start_s, "t1": at, "rss0": start_rss, "rss1": rss,
            "high": high,
        }  # fmt: skip

    def _totals(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        for name, (count, seconds, high) in rest[0].items():
            yield {
                "k": "pt", "pid": pid, "name": str(name), "count": int(count), "seconds": round(float(seconds), 4),
                "high": high,
            }  # fmt: skip

    def _role(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        self.roles[pid] = (str(rest[0]), None if rest[1] is None else int(rest[1]))
        return iter(())

    def _look(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        yield {"k": "h", "pid": pid, "t": at, "look": str(rest[0]), "held": list(rest[1])}

    def _note(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        yield {"k": "e", "slug": str(rest[0]), "t": at, "pid": pid, "text": str(rest[1])}

    def _exit(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        if rest and isinstance(rest[0], int):
            self.ends[pid] = rest[0]
        return iter(())


def _next(name: str) -> str:
    """The file that a process goes on with after this one: ``PID.START.N.log``."""
    stem, _, number = name.removesuffix(".log").rpartition(".")
    return f"{stem}.{int(number) + 1}.log" if number.isdecimal() else ""


def _read(path: Path, at: int) -> bytes:
    """What a plain file has from there on; anybody's processes may put other things into the folder."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return b""
        os.lseek(file, at, os.SEEK_SET)
        return os.read(file, _LONGEST_READ_BYTES)
    finally:
        os.close(file)


def _in_turn(name: str) -> tuple[str, int]:
    """The files of a process in the order in which it wrote them: ``PID.START.9.log`` before ``PID.START.10.log``."""
    stem, _, number = name.removesuffix(".log").rpartition(".")
    return stem, int(number) if number.isdigit() else 0
