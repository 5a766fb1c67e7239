"""docs/gguf-accuracy.md from the data: `python -m benchmarks.gguf.page [--check]`."""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gguf.graphs import CASES, DATA, Case, predicted
from benchmarks.gguf.models import MODELS, header
from benchmarks.pages import ROOT, write_or_check
from memfit.llamacpp.graph import Batch
from memfit.llamacpp.placing import Wanted, place
from memfit.llamacpp.shape import shape_of
from memfit.llamacpp.wishes import month

PAGE = ROOT / "docs" / "gguf-accuracy.md"
_LOGS = Path(__file__).parent / "logs.csv"
_MIB = 1 << 20
_PARTS = ("weights_device", "weights_host", "caches", "graph")


def logs() -> list[dict[str, str]]:
    """The published rows."""
    lines = [line for line in _LOGS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines))


def said(row: dict[str, str]) -> dict[str, float]:
    """What memfit says of a row, in MiB; "high" is of the graph alone."""
    shape = shape_of(header(MODELS[row["model"]], row["mix"] or "Q8_0"), row["model"])
    on_device = row["backend"] != "cpu"
    batch = Batch(
        tokens=int(row["ubatch"]),
        context=int(row["context"]),
        sequences=int(row["sequences"]),
        flash=row["flash"] == "1",
        on_device=on_device,
    )
    device, host = place(shape, Wanted(batch=batch, kind=row["cache"], layers=None, era=month(row["month"])))
    there = device if on_device else host
    told = {"caches": there.caches, "graph": there.graph.expected, "high": there.graph.high}
    if row["mix"]:
        told |= {"weights_device": device.weights, "weights_host": host.weights}
    return {name: size / _MIB for name, size in told.items()}


def _errors(rows: Iterable[dict[str, str]], part: str) -> list[float]:
    return [
        told[part] / float(row[part]) - 1 for row in rows if row[part] and (told := said(row)) and part in told
    ]  # fmt: skip


def _sentence(errors: Sequence[float]) -> str:
    if not errors:
        return "none"
    close = sum(abs(each) <= 0.001 for each in errors)
    worst = max(errors, key=abs)
    return (
        f"{len(errors)}, off by {statistics.median(map(abs, errors)):.2%} in the median and {worst:+.1%} at most "
        f"({close} within 0.1 %)"
    )


def _log_line(row: dict[str, str]) -> str:
    told = said(row)
    cells = []
    for part in _PARTS:
        if row[part] and part in told and float(row[part]):
            cells.append(f"{float(row[part]):,.2f} | {told[part] / float(row[part]) - 1:+.1%}")
        else:
            cells.append(f"{row[part]} | ")
    flash = "fused" if row["flash"] == "1" else "plain"
    find = row["find"] if row["find"].startswith("http") else f"`{row['find']}`"
    run = (
        f"{row['model']} {row['mix']}, {row['backend']}, {row['month']}, {row['sequences']} x {row['context']}, {flash}"
    )
    return f"| {run} | {row['half']} | " + " | ".join(cells) + f" | {find} |"


def _graph_line(case: Case, before: dict[str, Any], now: dict[str, float], seen: dict[str, float]) -> str:
    first, error = before.get(case.name), now["graph"] / seen["graph"] - 1
    changed = ""
    if first and abs(first["graph"] - now["graph"]) > 0.5:
        changed = f"{first['graph'] / seen['graph'] - 1:+.1%}, then "
    return (
        f"| {case.name} | {case.half} | {seen['caches']:.2f} | {now['caches'] / seen['caches'] - 1:+.1%} | "
        f"{seen['graph']:.2f} | {changed}{error:+.1%} |"
    )


def text() -> str:
    """The page."""
    rows = logs()
    halves = []
    for half in ("tuning", "judging"):
        own = [row for row in rows if row["half"] == half]
        above = sum(bool(row["graph"]) and float(row["graph"]) > said(row)["high"] for row in own)
        weights = _errors(own, "weights_device") + _errors([row for row in own if row["weights_host"]], "weights_host")
        halves.append(
            f"- **{half}**, {len(own)} logs: weights {_sentence(weights)}; caches {_sentence(_errors(own, 'caches'))}; "
            f"graphs {_sentence(_errors(own, 'graph'))}, {above} above `high`."
        )
    measured = json.loads((DATA / "graphs.json").read_text(encoding="utf-8"))
    before = json.loads((DATA / "predicted.json").read_text(encoding="utf-8"))["cases"]
    seen = {case: measured["cases"][case.name] for case in CASES if case.name in measured["cases"]}
    now = {case: predicted(case) for case in seen}
    graphs = []
    for half in ("tuning", "judging", "fresh"):
        own_cases = [case for case in seen if case.half == half]
        errors = [now[case]["graph"] / seen[case]["graph"] - 1 for case in own_cases]
        first = [before[case.name]["graph"] / seen[case]["graph"] - 1 for case in own_cases if case.name in before]
        graphs.append(
            f"- **{half}**: graphs {_sentence(errors)}"
            + (f"; as predicted before they ran: {_sentence(first)}" if first else "")
            + "; caches "
            + _sentence([now[case]["caches"] / seen[case]["caches"] - 1 for case in own_cases])
            + "."
        )
    log_lines = "\n".join(map(_log_line, rows))
    graph_lines = "\n".join(_graph_line(case, before, now[case], seen[case]) for case in seen)
    return f"""# GGUF models, against llama.cpp

`memfit estimate model.gguf --serve --context 8k` computes what llama.cpp will hold, by the file's header and
llama.cpp's own rules (`memfit.llamacpp`); nothing runs. Here its parts are held against what llama.cpp printed on
machines of people who published their logs, and against what llama.cpp itself reserves for files that are a header
and a hole. This page is written by `python -m benchmarks.gguf.page`. Sizes are in MiB.

The files of these models cannot be reached from where this runs: their headers are made from published architecture
numbers and llama.cpp's rule of which tensor gets which type (`benchmarks/gguf/models.py`), so that weights are judged
only where a log tells the mix. What a whole process holds on a card (the driver's context, a kernel's own pool) no
log prints: it is estimated as for other jobs, and was not judged here.

## Published logs

Halves were cut by source as the rows were written down, and the rules are fitted to the tuning half; but the rows of
both had been read by then. Of each, the log's size and memfit's over it, less one, given the month of the version.

{chr(10).join(halves)}

| run | half | weights on the device | said | on the host | said | caches | said | graph | said | found by |
|---|---|---|---|---|---|---|---|---|---|---|
{log_lines}

Where logits of a whole batch lie behind large masks (fused attention, 2025 to 2026), what the allocator reuses of the
hole that the masks leave is a matter of its order: there the rule is off by some per cent either way. Logs between
the two changes of 2026 (few logits, masks still in float32) are not told apart by the month.

## What llama.cpp reserves

{measured["by"][0].upper() + measured["by"][1:]}: the first layers of each model, as `benchmarks/gguf/graphs.py` writes
them. The judging half was predicted before it ran; it showed experts short and sliding windows long. That was mended,
and fresh ones were predicted before they ran: one of them, wide experts, was short again, and is mended since.

{chr(10).join(graphs)}

| model, requests x context, tokens a pass, attention | half | caches | said | graph | said |
|---|---|---|---|---|---|
{graph_lines}
"""


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.gguf.page", __doc__)
