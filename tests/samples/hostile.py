"""Recordings made to fill the memory of whoever reads them: python -m tests.samples.hostile KIND MEGABYTES FILE ROOM.

Writes the file, takes away what memory the process has beyond ROOM megabytes, and reads it.
"""

from __future__ import annotations

import itertools
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from memfit.recording.lines import encode

HEADER: dict[str, Any] = {
    "k": "header", "format": 1, "memfit": "0", "started": "2026-11-25T10:00:00.000Z", "command": ["x"], "machine": {},
    "environment": {}, "limits": [], "recorder": None,
}  # fmt: skip

_CONSTANT = ("values", "samples", "holdings", "escapes")  # kinds whose lines are all the same
_ROW = {chr(97 + at): 1 for at in range(26)}
_HOLDERS = [["", "", None, 0, "", None]] * 40_000

# (what the n-th line is)
ITEMS: dict[str, Callable[[int], dict[str, Any]]] = {
    "values": lambda n: {"k": "s", "t": 1.0, "d": [[0, 1]] * 100_000},
    "samples": lambda n: {"k": "s", "t": 1, "d": []},
    "series": lambda n: {"k": "s", "t": 1.0, "d": [[n * 5000 + at, 1] for at in range(5000)]},
    "declared": lambda n: {"k": "series", "id": n, "pool": "", "scope": "", "name": ""},
    "columns": lambda n: {"k": "i", "pid": 1, "unit": "", "n": n, "t": 1, "c": {str(n): 1}},
    "tables": lambda n: {"k": "i", "pid": n, "unit": "", "n": 1, "t": 1, "c": {"a": 1}},
    "rows": lambda n: {"k": "i", "pid": 1, "unit": "", "n": n, "t": 1, "c": _ROW},
    "holdings": lambda n: {"k": "h", "pid": 1, "t": 1, "look": "", "held": _HOLDERS},
    "processes": lambda n: {"k": "proc", "pid": n, "name": "", "command": "", "t0": 0},
    "events": lambda n: {"k": "e", "slug": "", "t": n, "text": ""},
    "notes": lambda n: {"k": "note", "text": str(n)},
    "settings": lambda n: {"k": "env", "values": {str(n): 1}},
    "texts": lambda n: {"k": "e", "slug": "x" * 1_000_000, "t": n, "text": ""},
    "escapes": lambda n: {"k": "note", "text": "\x1b" * 170_000},
    "totals": lambda n: {"k": "pt", "pid": 1, "name": str(n), "count": 1, "seconds": 1, "high": None},
    "spans": lambda n: {"k": "p", "pid": 1, "name": "", "t0": n, "t1": None},
}
BODIES = {
    "lists": b'{"k":"h","pid":1,"t":1,"look":"","held":[' + b",".join([b"[]"] * 300_000) + b"]}",
    "nesting": b'{"k":"note","text":' + b"[" * 900_000,
}
PIECES = {"empty lines": b"\n" * 10_000, "a line without end": b"x" * 100_000}
KINDS = (*ITEMS, *BODIES, *PIECES)


def lines(kind: str) -> Iterator[bytes]:
    """What a file of that kind repeats without end."""
    if kind in PIECES:
        return itertools.repeat(PIECES[kind])
    if kind in BODIES:
        return itertools.repeat(b"%s\t%08x\n" % (BODIES[kind], zlib.crc32(BODIES[kind])))
    if kind in _CONSTANT:
        return itertools.repeat(encode(ITEMS[kind](0)))
    return (encode(ITEMS[kind](n)) for n in itertools.count())


def write(kind: str, size_bytes: int, path: Path) -> None:
    """A file of that size."""
    with path.open("wb") as file:
        left = size_bytes - file.write(encode(HEADER))
        for line in lines(kind):
            left -= file.write(line)
            if left < 0:
                return


def main() -> None:
    kind, megabytes, path, room = sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    write(kind, int(megabytes * 1e6), path)
    import resource

    from memfit.recording import reader

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + int(room * 1e6)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    print(reader.read(path).ending.how)


if __name__ == "__main__":
    main()
