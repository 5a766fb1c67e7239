"""The part of docs/compiled-accuracy.md on today's way of running jobs small: pairs of a job and its estimates."""

from __future__ import annotations

from typing import Any

from benchmarks.accuracy.figures import median
from benchmarks.accuracy.page import mib, percent, table
from benchmarks.compiled.measure import lines
from benchmarks.compiled.paired import FILE, WAYS

_TITLES = {"run": "run small", "no-run": "`--no-run`"}


def section() -> str:
    """What was changed, the summary, and every pair."""
    rows = lines(FILE)
    if not rows:
        return ""
    text = (
        "## One import, two batches, fewer steps\n\n"
        "The tables above are of estimates by three runs, each in a fresh process, with an eighth, a quarter and half "
        "of the batch. Since then the frameworks are imported once, two batches (an eighth and half) run in forks, "
        "slow steps are fewer, and JAX's random numbers are compiled without optimisation. Here a job was measured and "
        "estimated one right after the other (`benchmarks/compiled/paired.py`), each once (the first two eight minutes "
        "apart), on a machine that was "
        "busy with other work: threads take turns in another order then, and TensorFlow keeps more "
        "(`tensorflow/mlp-w2048-b256-adam` peaked at 987 to 1,029 MiB on the quiet machine and at 1,197 on the busy "
        "one), so the truths above are not those of these estimates. The only constant that was set on "
        "them is the room in TensorFlow's high figure for large gradients that its threads keep in one run and not in "
        "another (`jobs/anchored.py`; from the first row, of the tuning half, before the rows with a load below 20); "
        "`--no-run`'s were set on the tuning half's quiet peaks.\n\n"
    )
    return text + table(_HEAD_SUMMARY, _summary(rows)) + "\n" + table(_HEAD, [_row(row) for row in rows]) + "\n"


_HEAD_SUMMARY = ["way", "pairs", "median error", "worst", "above high", "high over measured",
                 "processor seconds of the estimate", "of the job"]  # fmt: skip
_HEAD = ["job", "half", "load", "measured MiB", "expected ≤ high", "error", "processor seconds",
         "`--no-run`: expected ≤ high", "error", "processor seconds"]  # fmt: skip


def _summary(rows: list[dict[str, Any]]) -> list[list[str]]:
    found = []
    for way in WAYS:
        pairs = [(row["measured"], row[way]) for row in rows if _is_whole(row, way)]
        if pairs:
            errors = [_error(measured, made) for measured, made in pairs]
            above = sum(measured["peak_bytes"] > made["high_bytes"] for measured, made in pairs)
            found.append([
                _TITLES[way], str(len(pairs)), percent(median(map(abs, errors))),
                percent(max(errors, key=abs), signed=True), str(above),
                percent(median(made["high_bytes"] / measured["peak_bytes"] - 1 for measured, made in pairs)),
                f"{median(made['cpu_seconds'] for _, made in pairs):.1f}",
                f"{median(each['cpu_seconds'] for each, _ in pairs if 'cpu_seconds' in each):.1f}",
            ])  # fmt: skip
    return found


def _row(row: dict[str, Any]) -> list[str]:
    peak = row["measured"].get("peak_bytes")
    cells = [f"`{row['job']}`", row["half"], f"{row['load']:.0f}", mib(peak) if peak else row["measured"]["failure"]]
    for way in WAYS:
        if _is_whole(row, way):
            made = row[way]
            cells += [f"{mib(made['expected_bytes'])} ≤ {mib(made['high_bytes'])}",
                      percent(_error(row["measured"], made), signed=True), f"{made['cpu_seconds']:.1f}"]  # fmt: skip
        else:
            cells += [row.get(way, {}).get("failure", "–"), "–", "–"]
    return cells


def _is_whole(row: dict[str, Any], way: str) -> bool:
    return "peak_bytes" in row["measured"] and "expected_bytes" in row.get(way, {})


def _error(measured: dict[str, Any], made: dict[str, Any]) -> float:
    return float(made["expected_bytes"] / measured["peak_bytes"] - 1)
