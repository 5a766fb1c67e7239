"""The recorder's end of the spool: what the job's processes marked, turned into items (the lines are in child/).

Trusts the lines no further than their form; what cannot be read is passed over.
"""

from __future__ import annotations

import json
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
    """

    def __init__(self, folder: Path, since_s: float) -> None:
        self.folder = folder
        self.marked = False
        self.roles: dict[int, tuple[str, int | None]] = {}
        self.ends: dict[int, int] = {}
        self.now: dict[int, dict[str, Any]] = {}
        self._since_s = since_s
        self._at: dict[str, int] = {}
        self._open: dict[tuple[int, str], list[tuple[float, int | None]]] = {}
        self._read: dict[str, Callable[[int, float, list[Any]], Iterator[Item]]] = {
            "h": self._hello, "v": self._versions, "i": self._iteration, "b": self._begin, "e": self._finish,
            "t": self._totals, "r": self._role, "a": self._look, "n": self._note, "x": self._exit,
        }  # fmt: skip

    def drain(self) -> Iterator[Item]:
        """The items of all lines that are new and whole."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except OSError:
            return
        for name in names:
            if name.endswith(".log"):
                yield from self._file(name)

    def open_phases(self, end_s: float) -> Iterator[Item]:
        """The phases that have begun and not ended: the job ended within them."""
        for (pid, name), begun in self._open.items():
            for start_s, rss in begun:
                yield {"k": "p", "pid": pid, "name": name, "t0": min(start_s, end_s), "t1": None, "rss0": rss}

    def phase_of(self, pid: int) -> str | None:
        """The phase that a process is in, as far as it told; the innermost of several."""
        return next((name for (one, name), begun in reversed(self._open.items()) if one == pid and begun), None)

    def _file(self, name: str) -> Iterator[Item]:
        pid = int(name.partition(".")[0]) if name.partition(".")[0].isdigit() else 0
        path = self.folder / name
        at = self._at.get(name, 0)
        try:
            with path.open("rb") as file:
                file.seek(at)
                data = file.read(_LONGEST_READ_BYTES)
        except OSError:
            return
        whole = data.rfind(b"\n") + 1
        self._at[name] = at + (whole or (len(data) if len(data) == _LONGEST_READ_BYTES else 0))
        for line in data[:whole].splitlines():
            yield from self._line(pid, line)
        if whole == len(data) and self._superseded(name):
            path.unlink(missing_ok=True)

    def _superseded(self, name: str) -> bool:
        """Whether the process went on to a later file: ``PID.START.N.log``."""
        stem, _, number = name.removesuffix(".log").rpartition(".")
        return number.isdigit() and (self.folder / f"{stem}.{int(number) + 1}.log").exists()

    def _line(self, pid: int, line: bytes) -> Iterator[Item]:
        try:
            kind, at, *rest = json.loads(line)
            yield from self._read[kind](pid, round(max(0.0, at - self._since_s), 4), rest)
        except (ValueError, TypeError, KeyError, IndexError, RecursionError):
            return

    def _hello(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        self.marked = True
        yield {"k": "env", "values": {"python": str(rest[0].get("python", ""))}}

    def _versions(self, pid: int, at: float, rest: list[Any]) -> Iterator[Item]:
        yield {"k": "env", "values": {str(name): str(version) for name, version in rest[0].items()}}

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
