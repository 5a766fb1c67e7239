"""One line of a recording: compact JSON, a tab, the checksum of the JSON in hex. What does not check out is no line.

Pure functions of bytes; docs/recording-format.md tells what the lines mean.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

FORMAT = 1
LONGEST_BYTES = 1 << 20  # of one line: a reader never holds more than this of a stranger's file at once


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not written into recordings")


_DECODER = json.JSONDecoder(parse_constant=_no_number)  # NaN and Infinity, which Python would take


def encode(item: dict[str, Any]) -> bytes:
    """The line of an item, newline included.

    Raises:
        ValueError: a number in it is not finite.

    >>> encode({"k": "s", "t": 0.5})
    b'{"k":"s","t":0.5}\\tf5f3bb11\\n'
    """
    body = json.dumps(item, separators=(",", ":"), allow_nan=False).encode("ascii")
    return b"%s\t%08x\n" % (body, zlib.crc32(body))


def decode(line: bytes) -> dict[str, Any] | None:
    """The item of a line; None for one that is cut, damaged or of another kind."""
    body, tab, checksum = line.removesuffix(b"\n").rpartition(b"\t")
    if not tab or checksum != b"%08x" % zlib.crc32(body):
        return None
    try:
        item = _DECODER.decode(body.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) and isinstance(item.get("k"), str) else None
