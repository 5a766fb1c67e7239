"""What an estimate of ResNet-50 costs: a section of docs/compiled-accuracy.md, from what `speed.py` measured."""

from __future__ import annotations

from typing import Any

from benchmarks.accuracy.page import mib, table
from benchmarks.compiled.measure import lines
from benchmarks.compiled.speed import FILE

_WAYS = {"run": "with small runs", "no-run": "`--no-run`"}
_MOST_SECONDS, _MOST_BYTES = 10, 700 * 10**6  # the aims: above the framework's own import


def section() -> str:
    """The table, or nothing where nothing was measured."""
    rows = [each for row in lines(FILE) if row["job"].endswith("/resnet50") for each in _rows(row)]
    if not rows:
        return ""
    kept = sum(row[-2] for row in rows)
    small = sum(row[-1] for row in rows)
    head = [
        "framework",
        "way",
        "import, s",
        "estimate, s",
        "import's process",
        "largest process",
        "says, expected to high",
    ]
    return f"""## What an estimate costs

ResNet-50, a batch of 8 images, on the CPU: processor seconds of memfit and all that it starts (`speed.py`; other work
ran beside it), and the largest of its processes, MiB. The aims were 10 s and 700 MB more than the framework's own
import: {kept} of {len(rows)} and {small} of {len(rows)} keep them. Small runs are real steps of an eighth, a quarter
and half of the batch, each with the framework's own compilation; `--no-run` compiles once.

{table(head, [row[:-2] for row in rows])}
"""


def _rows(row: dict[str, Any]) -> list[list[Any]]:
    made = []
    for way, title in _WAYS.items():
        if way not in row or "failure" in row[way]:
            continue
        found, bare = row[way], row["import"]
        told = f"{mib(found['expected_bytes'])} to {mib(found['high_bytes'])}"
        sizes = [mib(bare["largest_bytes"]), mib(found["largest_bytes"])]
        made.append(
            [
                row["job"].partition("/")[0], title, f"{bare['cpu_seconds']:.0f}", f"{found['cpu_seconds']:.0f}",
                *sizes, told,
                found["cpu_seconds"] - bare["cpu_seconds"] <= _MOST_SECONDS,
                found["largest_bytes"] - bare["largest_bytes"] <= _MOST_BYTES,
            ]
        )  # fmt: skip
    return made
