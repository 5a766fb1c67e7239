"""Writes docs/overhead.md from the recorded data alone: what it costs to be watched.

    python -m benchmarks.overhead.page [--check]

``--check`` writes nothing and fails when the page is not what the data say.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.page import surroundings_line
from benchmarks.accuracy.surroundings import ROOT
from benchmarks.pages import write_or_check

DATA = Path(__file__).parent / "data"
PAGE = ROOT / "docs" / "overhead.md"
LOOPS = {
    "small": "the small loop: a perceptron on batches of 64, a fraction of a millisecond an iteration",
    "large": "the larger loop: a convolutional network on 32 images of 64 × 64, both cores busy",
}
OPENING = """\
# What it costs to be watched

Written by `python -m benchmarks.overhead.page` from the data in `benchmarks/overhead/data`. Two training loops of
PyTorch on the CPU: a small one, a fraction of a millisecond an iteration, in which every call of Python shows, and a
larger one that keeps all cores busy.

## memfit

Measured by pieces of half a second that take turns within one process (`python -m benchmarks.overhead.alternate`): with
the recorder at work and the marks in place, and with the recorder stopped and the marks taken out. A figure is the
median of the pairs, with where it lies 95 times in 100 in brackets.
"""
BESIDE = """\
## Beside other tools

The same loops bare, under `memfit run`, and under the tools that people use instead, one after the other in every
round, in an order that changes (`python -m benchmarks.overhead.measure`). A figure is the loop's own seconds (imports
and start-up left out) over those of the bare run of the same round; the median over the rounds, with the lowest and the
highest in brackets. Two bare runs differ by several per cent here: this table tells tools apart, the one above says
what memfit costs. *Beside the job* is the largest proportional share of the processes that the watcher adds; what it
adds within the job's process is not in it. *Same weights* says whether the model came out the same to the last bit.
"""


def pages() -> Iterator[str]:
    """The page, part by part."""
    yield OPENING
    for file in sorted(DATA.glob("alternate-*.json")):
        yield alternating(json.loads(file.read_text(encoding="utf-8")))
    files = sorted(DATA.glob("linux*.json"))
    if files:
        yield BESIDE
    for file in files:
        yield machine(json.loads(file.read_text(encoding="utf-8")))


def alternating(document: dict[str, Any]) -> str:
    """memfit alone, by pieces that take turns."""
    lines = [
        surroundings_line(document["environment"]),
        "",
        "| loop | times the unwatched pieces | pairs |",
        "|---|---|---|",
    ]
    for loop, found in document["loops"].items():
        ratio = f"{found['ratio']:.4f} ({found['low']:.4f} to {found['high']:.4f})"
        lines.append(f"| {LOOPS[loop]} | {ratio} | {len(found['pairs'])} |")
    return "\n".join(lines)


def machine(document: dict[str, Any]) -> str:
    """One machine's tables."""
    about = document["environment"]
    lines = [surroundings_line(about), ""]
    for loop, title in LOOPS.items():
        runs = [run for run in document["runs"] if run["loop"] == loop]
        if runs:
            lines += [f"### {title[0].upper()}{title[1:]}", "", *table(runs), ""]
    if document["missing"]:
        lines += [f"Not installed there: {', '.join(document['missing'])}.", ""]
    return "\n".join(lines)


def table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """One loop: a row a watcher, the cheapest first."""
    bare = {run["round"]: run for run in runs if run["watcher"] == "bare" and not run.get("failure")}
    rows = []
    for watcher in dict.fromkeys(run["watcher"] for run in runs):
        good = [run for run in runs if run["watcher"] == watcher and not run.get("failure") and run["round"] in bare]
        if not good:
            failed = next(run["failure"] for run in runs if run["watcher"] == watcher and run.get("failure"))
            rows.append((float("inf"), f"| {watcher} | failed: {failed[:80]} | | | |"))
            continue
        ratios = sorted(run["seconds"] / bare[run["round"]]["seconds"] for run in good)
        same = all(run["checksum"] == bare[run["round"]]["checksum"] for run in good)
        beside = max(run["beside_bytes"] for run in good)
        middle = statistics.median(ratios)
        low, high = ratios[0], ratios[-1]
        rows.append(
            (
                middle,
                f"| {watcher} | {middle:.3f} ({low:.3f} to {high:.3f}) | {len(good)} | "
                f"{'—' if watcher == 'bare' else f'{beside / (1 << 20):.0f} MiB'} | {'yes' if same else 'no'} |",
            )
        )
    seconds = statistics.median(run["seconds"] for run in bare.values())
    yield f"The bare loop takes {seconds:.2f} s in the median."
    yield ""
    yield "| watched by | times the bare loop | rounds | beside the job | same weights |"
    yield "|---|---|---|---|---|"
    yield from (text for _, text in sorted(rows, key=lambda row: row[0]))


def text() -> str:
    """The whole page."""
    return "\n".join(part.rstrip() + "\n" for part in pages())


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.overhead.page", __doc__)
