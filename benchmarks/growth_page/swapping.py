"""What swapping would do to the curve of a leak: a measured curve, cut off where memory would end. Not a measurement.

The machine of the page has no swap. What the kernel would move out is what lies above the bound, in pieces of 8 MiB.
"""

from __future__ import annotations

import json
from typing import Any

import memfit
from benchmarks.growth_page.cases import DATA

SOURCE = "metrics-loss"
SHARE = 0.4  # of the growth that still fits
PIECE_BYTES = 8 * 1024 * 1024


def cut(levels: list[int]) -> tuple[list[int], list[int]]:
    """Resident and swapped bytes of a process that grows like ``levels`` where only a part of the growth fits."""
    bound = levels[0] + int(SHARE * (max(levels) - levels[0]))
    swapped = [max(0, -(-(level - bound) // PIECE_BYTES) * PIECE_BYTES) for level in levels]
    return [level - out for level, out in zip(levels, swapped, strict=True)], swapped


def keep() -> None:
    """Writes data/swapping.json from the measured curve: both readings, and what the diagnosis makes of each."""
    source = json.loads((DATA / f"{SOURCE}.json").read_text(encoding="utf-8"))
    numbers, levels = [row[0] for row in source["ends"]], [row[2] for row in source["ends"]]
    resident, swapped = cut(levels)
    verdicts: dict[str, Any] = {}
    for name, swap in (("resident alone", None), ("resident and swap", swapped)):
        found = memfit.diagnose(resident, iterations=numbers, swap_bytes=swap)
        verdicts[name] = {"growth": str(found.growth), "is_leak": found.is_leak, "evidence": found.evidence}
    rows = [[at, held, held, held] for at, held in zip(numbers, resident, strict=True)]
    whole = [[at, level, level, level] for at, level in zip(numbers, levels, strict=True)]
    kept = {"source": SOURCE, "resident": rows, "whole": whole, "verdicts": verdicts}
    (DATA / "swapping.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n", encoding="utf-8")
