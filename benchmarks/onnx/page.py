# ruff: noqa: E501  # the page's own lines
"""docs/onnx-accuracy.md from the data: `python -m benchmarks.onnx.page [--check]`."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.onnx.measure import rows
from benchmarks.pages import ROOT, write_or_check

PAGE = ROOT / "docs" / "onnx-accuracy.md"
_MIB = 1 << 20
_HEAD = """# ONNX models

`memfit estimate model.onnx --batch N` runs the model with onnxruntime on zeros, in a process of its own under limits, at an
eighth, a quarter and half of the batch and at the batch itself where it may: what opening a model takes is often its peak,
and no formula tells it. Here that is held against a script of a few lines that runs the same model (`benchmarks/onnx/child.py`,
onnxruntime 1.32.0, its high-water mark). *From smaller* is what memfit says where only batches up to the half may be run; where
opening still hides what a batch takes it refuses (*no figure*). This page is written by `python -m benchmarks.onnx.page`.
"""


def text() -> str:
    """The page."""
    found = rows()
    return "\n".join([_HEAD, *_halves(found), "", "Sizes in MiB.", "", *_table(found), ""])


def _halves(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| half | figure | runs | error, median | worst | above high | high over measured |"
    yield "|---|---|---|---|---|---|---|"
    for half in ("tuning", "judging"):
        for name, key in (("as it is", "said"), ("from smaller", "from_smaller")):
            mine = [
                (row["measured"], row[key]) for row in found if row["half"] == half and isinstance(row.get(key), list)
            ]
            errors = [said[1] / measured - 1 for measured, said in mine]
            yield (
                f"| {half} | {name} | {len(mine)} | {statistics.median(map(abs, errors)):.1%} | {max(errors, key=abs):+.1%} "
                f"| {sum(measured > said[2] for measured, said in mine)} "
                f"| {statistics.median(said[2] / measured - 1 for measured, said in mine):.0%} |"
            )


def _table(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "| file | half | size | batch | measured | expected | high | from smaller, expected | high |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for row in found:
        _, expected, high = row["said"]
        smaller = row.get("from_smaller")
        told = (
            [f"{each / _MIB:,.0f}" for each in smaller[1:]]
            if isinstance(smaller, list)
            else ["no figure" if smaller else "", ""]
        )
        sizes = [f"{each / _MIB:,.0f}" for each in (row["measured"], expected, high)]
        yield f"| `{row['file']}` | {row['half']} | {row['bytes'] / _MIB:,.1f} | {row['batch']} | {' | '.join([*sizes, *told])} |"


def main() -> None:
    """Write the page, or check it."""
    write_or_check(PAGE, text, "benchmarks.onnx.page", __doc__)


if __name__ == "__main__":
    main()
