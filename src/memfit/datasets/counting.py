"""How many rows a file has and what they weigh, told to whoever starts this as a process of its own.

    python -m memfit.datasets.counting PATH

Prints a line of JSON: "rows" (low, expected, high) and "held_bytes", or "problem".
"""

from __future__ import annotations

import json
import sys

from memfit.datasets.finding import read_one
from memfit.datasets.weights import weights
from memfit.errors import MemfitError

_HOLDERS = ("pandas", "NumPy", "polars")


def counted(path: str) -> dict[str, object]:
    """What is told of a file."""
    try:
        table = read_one(path)
    except MemfitError as error:
        return {"problem": error.message}
    rows = table.rows
    held = max((one.held.expected for one in weights(table) if one.library in _HOLDERS), default=table.disk_bytes)
    return {"rows": (rows.low, rows.expected, rows.high), "held_bytes": held}


if __name__ == "__main__":
    print(json.dumps(counted(sys.argv[1])))
