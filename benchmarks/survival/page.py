"""Writes docs/survival.md from the recorded data alone.

    python -m benchmarks.survival.page [--check]

``--check`` writes nothing and fails when the page is not what the data say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.pages import write_or_check

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).resolve().parent / "data"
PAGE = ROOT / "docs" / "survival.md"

_OPENING = """\
# What a recording survives

A recording is worth most when the job died. So jobs were recorded and killed, at random moments, and the recording
opened afterwards. A trial survives when the recording opens, has no damaged line, says truthfully how it ended, and
lost at most the last second: of its samples, and of the iterations that the job itself told a file of its own.

The jobs are small: one process that grows, a family of three that grow, a loop of 200 iterations a second that are
marked as a framework's would be, and the same loop recording itself (`memfit.record`). The machine is busy on purpose:
three trials run at a time. This page is written by `python -m benchmarks.survival.page` from what
`python -m benchmarks.survival.measure` kept in `benchmarks/survival/data`.
"""

_CLOSING = """\
## How it says that it ended

`signalled`, `oom_killed` and `exited` are the recorder's words when it outlived the job; `lost` is what the reader says
of a file that just stops, because its recorder was killed too, or of a job that recorded itself and died within the
block; `none`: the death came before there was a file.

The loss is measured from the kill to the last sample, with the start of the recording taken from its header, which is
some milliseconds before the first sample: the figures are a little too large, never too small. A full disk takes what
it takes: there the loss is counted up to the moment at which it was filled. Iterations are not compared where the
folder in which the job leaves its marks was removed.
"""


def sections() -> Iterator[str]:
    """The page, part by part."""
    yield _OPENING
    for file in sorted(DATA.glob("*.json")):
        yield _machine(json.loads(file.read_text(encoding="utf-8")))
    yield _CLOSING


def _machine(data: dict[str, Any]) -> str:
    deaths, where = data["deaths"], data["environment"]
    trials = sum(row["trials"] for row in deaths.values())
    survived = sum(row["survived"] for row in deaths.values())
    worst = max(row[name]["worst"] for row in deaths.values() for name in ("loss_s", "marks_loss_s") if name in row)
    lines = [
        f"## {trials} deaths: {survived} survived, {worst:.2f} s lost at worst",
        "",
        f"Linux {where['kernel']} on {where['machine']}, {where['cpus']} processors (load {where['load']}), "
        f"Python {where['python']}.",
        "",
        "| what died | trials | survived | it says | samples lost: median, worst | iterations lost: median, worst |",
        "|---|--:|--:|---|--:|--:|",
        *(_line(death, row) for death, row in deaths.items()),
        "",
    ]
    failures = [f"- {death}: {failure}" for death, row in deaths.items() for failure in row["failures"]]
    lines += ["What did not survive:", "", *failures, ""] if failures else []
    if (cuts := data.get("cuts")) is not None:
        right = cuts["tried"] - len(cuts["failures"])
        lines += [
            f"A recording of {cuts['bytes']:,} bytes was cut at every byte, and every byte of it changed. Of these "
            f"{cuts['tried']:,} files {right:,} gave every line that was whole or, where the first line was hit, a "
            "refusal that says so.",
            "",
            *(f"- {failure}" for failure in cuts["failures"][:20]),
        ]
    return "\n".join(lines)


def _line(death: str, row: dict[str, Any]) -> str:
    how = ", ".join(f"`{name}` {count}" for name, count in row["how"].items())
    losses = f"{_loss(row, 'loss_s')} | {_loss(row, 'marks_loss_s')}"
    return f"| {death} | {row['trials']} | {row['survived']} | {how} | {losses} |"


def _loss(row: dict[str, Any], name: str) -> str:
    return f"{row[name]['median']:.2f} s, {row[name]['worst']:.2f} s" if name in row else ""


def text() -> str:
    """The whole page."""
    return "\n".join(part.rstrip() + "\n" for part in sections())


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.survival.page", __doc__)
