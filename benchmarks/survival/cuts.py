"""A recording cut at every byte, and one with every byte changed: what the reader makes of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from memfit.errors import InvalidDocument
from memfit.recording import reader
from memfit.recording.lines import encode
from memfit.recording.writer import Writer

_HEADER = {
    "k": "header", "format": 1, "memfit": "0", "started": "2026-11-25T10:00:00.000Z", "command": ["job"],
    "machine": {"host": "here"}, "environment": {}, "limits": [], "recorder": None,
}  # fmt: skip
_SAMPLES = 20


def write(path: Path) -> int:
    """A small recording; returns the length of its header."""
    writer = Writer(path, _HEADER)
    writer.add({"k": "series", "id": 0, "pool": "host", "scope": "job", "name": "held"})
    for at in range(_SAMPLES):
        writer.add({"k": "s", "t": float(at), "d": [[0, at]]})
        writer.add({"k": "i", "pid": 1, "unit": "step", "n": at + 1, "t": float(at), "c": {"host/rss": at}})
    writer.close({"k": "end", "t": 20.0, "how": "exited", "exit_code": 0, "signal": None, "text": ""})
    return len(encode(_HEADER))


def measure(folder: Path) -> dict[str, Any]:
    """How many cuts and changes were tried, and what went wrong in them."""
    path = folder / "whole.memfit"
    header = write(path)
    whole, target, wrong = path.read_bytes(), folder / "cut.memfit", []
    for cut in range(len(whole)):
        target.write_bytes(whole[:cut])
        wrong += _complaints(target, header, f"cut at {cut}", lines=whole[:cut].count(b"\n"), at=cut)
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1 + at % 255
        target.write_bytes(changed)
        lines = whole.count(b"\n") - (3 if whole[at : at + 1] == b"\n" else 2)  # the end of a line is two lines' damage
        wrong += _complaints(target, header, f"changed at {at}", lines=lines, at=at)
    return {"tried": 2 * len(whole), "bytes": len(whole), "failures": wrong}


def _complaints(path: Path, header: int, what: str, *, lines: int, at: int) -> list[str]:
    """A file with its first line whole opens with all of its whole lines; without, it is refused by name."""
    try:
        recording = reader.read(path)
    except InvalidDocument as error:
        return [] if at < header else [f"{what}: refused: {error}"]
    except Exception as error:
        return [f"{what}: {error!r}"]
    found = sum(len(one.seconds) for one in (*recording.series, *recording.iterations))
    expected = min(lines - 3, 2 * _SAMPLES)  # header, reserve, the declaration of the series
    missing_series = not recording.series  # its declaration was hit: the samples have no name
    return [] if missing_series or found >= expected else [f"{what}: {found} of {expected} lines"]
