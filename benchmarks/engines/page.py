"""docs/engines-accuracy.md from the data: `python -m benchmarks.engines.page [--check]`."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.engines.predict import FIRST, logs, said
from benchmarks.pages import ROOT, write_or_check

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGE = ROOT / "docs" / "engines-accuracy.md"
_FIGURES = ("weights", "activations", "non_torch", "consumed", "graphs", "cache", "tokens", "concurrency")
_NAMES = {"non_torch": "libraries", "consumed": "weights and libraries", "graphs": "CUDA graphs"}
_MISS = 0.1  # of a figure that is a whole: weights, cache, tokens, requests
_WHOLES = ("weights", "consumed", "cache", "tokens", "concurrency")
_SMALL = 0.006  # GiB: half of the last digit that is printed, and a little

Row = dict[str, Any]


def _key(row: Row) -> str:
    return f"{row['name']}, {row['engine']}"


def _error(row: Row, told: dict[str, float], figure: str) -> float | None:
    """The relative error of one figure; nothing where it was not printed, 0 where the print's rounding hides it."""
    seen = row["printed"].get(figure)
    if seen is None or figure not in told:
        return None
    difference = told[figure] - seen
    hidden = figure not in ("tokens", "concurrency") and abs(difference) <= _SMALL
    return 0.0 if hidden else difference / seen if seen else None


def _sentence(errors: Sequence[float]) -> str:
    if not errors:
        return "none"
    sizes = [abs(each) for each in errors]
    close = sum(each <= 0.01 for each in sizes)
    middle, worst = statistics.median(sizes), max(errors, key=abs)
    return f"{len(errors)}, off by {middle:.1%} in the median and {worst:+.0%} at most, {close} within 1 %"


def _half(rows: Iterable[Row], told: dict[str, dict[str, float]]) -> str:
    rows = list(rows)
    lines = []
    for figure in _FIGURES:
        errors = [error for row in rows if (error := _error(row, told[_key(row)], figure)) is not None]
        if errors:
            lines.append(f"  - {_NAMES.get(figure, figure)}: {_sentence(errors)}")
    return "\n".join(lines)


def _safe(rows: Iterable[Row], told: dict[str, dict[str, float]]) -> str:
    """How often the figure to plan with was not careful enough."""
    rows = [row for row in rows if "cache" in row["printed"] and "cache low" in told[_key(row)]]
    rows = [row for row in rows if "tokens" not in row["settings"]]
    short = [row for row in rows if row["printed"]["cache"] + _SMALL < told[_key(row)]["cache low"]]
    above = [row for row in rows if row["printed"]["cache"] - _SMALL > told[_key(row)]["cache high"]]
    return f"{len(rows)} caches, {len(short)} of them smaller than `low`, {len(above)} larger than `high`"


def _cell(row: Row, told: dict[str, float], figure: str) -> str:
    seen = row["printed"].get(figure)
    if seen is None:
        return " | "
    error = _error(row, told, figure)
    shown = f"{seen:,.2f}" if isinstance(seen, float) else f"{seen:,}"
    return f"{shown} | " + ("" if error is None else f"{error:+.1%}")


def _line(row: Row, told: dict[str, float]) -> str:
    find = row["find"] if row["find"].startswith("http") else f"`{row['find']}`"
    cells = " | ".join(_cell(row, told, figure) for figure in _FIGURES if figure != "consumed")
    return f"| {row['name']} | {row['engine']} {row['version']} | {row['half']} | {cells} | {find} |"


def _misses(rows: Iterable[Row], told: dict[str, dict[str, float]]) -> str:
    notes = tomllib.loads((Path(__file__).parent / "misses.toml").read_text(encoding="utf-8"))
    lines = []
    for row in rows:
        wrong = [
            f"{_NAMES.get(figure, figure)} {error:+.0%}"
            for figure in _WHOLES
            if (error := _error(row, told[_key(row)], figure)) is not None and abs(error) > _MISS
        ]
        if wrong:
            lines.append(
                f"- **{row['name']}** ({row['engine']} {row['version']}): {', '.join(wrong)}. {notes[_key(row)]}"
            )
    return "\n".join(lines)


def _heads(figures: Iterable[str]) -> tuple[str, str]:
    names = [_NAMES.get(figure, figure) for figure in figures if figure != "consumed"]
    head = "| log | engine | half | " + " | ".join(f"{name} | said" for name in names) + " | found by |"
    return head, "|" + "---|" * (4 + 2 * len(names))


def text() -> str:
    """The page."""
    rows = logs()
    now = {_key(row): said(row) for row in rows}
    first = json.loads(FIRST.read_text(encoding="utf-8"))
    halves = {half: [row for row in rows if row["half"] == half] for half in ("tuning", "judging", "fresh")}
    refusals = [row for row in rows if "refused" in row["printed"]]
    right = sum(bool(now[_key(row)]["refused"]) for row in refusals)
    head, rule = _heads(_FIGURES)
    table = "\n".join(_line(row, now[_key(row)]) for row in rows)
    return f"""# Serving engines, against vLLM and SGLang

`memfit estimate hf:Qwen/Qwen3-32B --serve --engine vllm==0.11` computes what the engine will hold, by the model's
configuration and the engine's own rules of that version (`memfit.servers`); nothing runs. Here it is held against what
the engines printed at their start on machines of people who published their logs. This page is written by
`python -m benchmarks.engines.page`. Sizes are in GiB.

The {len(rows)} logs (`benchmarks/engines/logs.toml`) were fixed in commits before anything was predicted for them, but
for one with adapters, which is for tuning. The tuning half has those on which the engines' arithmetic was tried while
they were written down, and a third of the others by the hash of their source; the rest is for judging. The fresh ones
were looked for when the rules were done, and no rule has changed since. What a log does not say (whether FlashInfer
samples, what else is on the card) is taken as the engine's default. Where the card is not known, a row starts from what
was left for its cache, and judges the weights and how bytes become tokens and requests. Files of weights could not be
reached: bytes of quantised models come from their method's rules.

## Halves

As the judging half was predicted first. Its rows had been read when they were written down, and with some of them in
sight it was noticed which parts there are to predict; none stood beside a prediction by then:

- **judging, first**: {_safe(halves["judging"], first)}
{_half(halves["judging"], first)}

One of these rows had been written down without its `--gpu-memory-utilization 0.90` by then. This half then led to three
changes: the padding of experts in MXFP4 (gpt-oss had shown it missing; it was read from vLLM's source), less
communication among cards that are not linked (its size is set by the tuning half), and wider ranges of graphs and
libraries.

The fresh logs, as they were predicted:

- **fresh**: {_safe(halves["fresh"], first)}
{_half(halves["fresh"], first)}

As the rules are now:

- **tuning**: {_safe(halves["tuning"], now)}
{_half(halves["tuning"], now)}
- **judging**: {_safe(halves["judging"], now)}
{_half(halves["judging"], now)}

Engines that refused to start, foretold: {right} of {len(refusals)}.

## Misses

Figures off by more than {_MISS:.0%}, of those that are a whole (what libraries and graphs take is tens of megabytes to
a gigabyte or two, and is given with a wide range; SGLang's second set of graphs, for parts of a prefill, is in no rule
here and took 2.3 GiB of the B200):

{_misses(rows, now)}

## Logs

{head}
{rule}
{table}
"""


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.engines.page", __doc__)
