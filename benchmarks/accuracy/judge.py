"""Writes docs/accuracy.md from the recorded data alone: what was predicted, what was measured, every miss named.

    python -m benchmarks.accuracy.judge [--check]

``--check`` writes nothing and fails when the page is not what the data say.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import device_page, page
from benchmarks.accuracy.figures import Comparison
from benchmarks.accuracy.jobs import JOBS
from benchmarks.accuracy.surroundings import DATA, ROOT
from benchmarks.pages import write_or_check

PAGE = ROOT / "docs" / "accuracy.md"
Rows = dict[str, dict[str, Any]]


def read(file: Path) -> dict[str, Any]:
    """A data file, or one without jobs when it is not there."""
    if not file.exists():
        return {"environment": {}, "jobs": {}}
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def good(rows: Rows) -> Rows:
    """The rows that hold figures."""
    return {name: row for name, row in rows.items() if not row.get("failure")}


def process_runs(file: Path, setting: str) -> dict[str, list[dict[str, Any]]]:
    """The measured runs of one setting, by job; failed ones left out."""
    found: dict[str, list[dict[str, Any]]] = {}
    with file.open(newline="", encoding="utf-8") as lines:
        for run in csv.DictReader(lines):
            if run["setting"] == setting and not run["failure"]:
                found.setdefault(run["job"], []).append(run)
    return found


def process_rows(runs: dict[str, list[dict[str, Any]]], predicted: Rows) -> list[Comparison]:
    """Whole processes: VmHWM against the host pool's range."""
    return [
        Comparison(
            job=name,
            half=JOBS[name].half,
            measured=tuple(int(run["peak_bytes"]) for run in runs[name]),
            expected=int(row["expected_bytes"]),
            high=int(row["high_bytes"]),
            baseline=int(runs[name][0]["baseline_bytes"]),
        )
        for name, row in sorted(good(predicted).items())
        if name in runs and name in JOBS
    ]


def device_rows(measured: Rows, predicted: Rows, figure: str) -> list[Comparison]:
    """One figure of a device: "requested", "allocated", "reserved" (exact figures), "used" or "host" (ranges)."""
    rows = []
    for name, truth in sorted(good(measured).items()):
        guess = predicted.get(name, {"failure": "not predicted"})
        if guess.get("failure") or name not in JOBS:
            continue
        real = measured_bytes(truth, figure)
        if figure in ("used", "host"):
            span = guess if figure == "used" else guess.get("host", {})
            expected, high = span.get("expected_bytes"), span.get("high_bytes")
        else:
            expected = high = guess[f"{figure}_peak_bytes"]
        if not real or expected is None or high is None:
            continue
        rows.append(
            Comparison(job=name, half=JOBS[name].half, measured=(real,), expected=int(expected), high=int(high))
        )
    return rows


def measured_bytes(truth: dict[str, Any], figure: str) -> int:
    """A job's own share of what was measured: what the driver showed before its context is not the job's."""
    if figure == "host":
        return int(truth.get("host_end", {}).get("peak", 0))
    return int(truth[f"{figure}_peak_bytes"]) - (int(truth["used_before_bytes"]) if figure == "used" else 0)


def device_sections(file: Path) -> Iterator[str]:
    """Everything on one device: its jobs, and beside them what single calls and the libraries took."""
    truth, predicted = read(file), read(DATA / "predictions" / file.stem / "device.json")
    figures = ("requested", "allocated", "reserved", "used", "host")
    yield device_page.device(
        truth, predicted, {name: device_rows(truth["jobs"], predicted["jobs"], name) for name in figures}
    )
    stages, calls = DATA / "device" / file.stem / "context.json", DATA / "device" / file.stem / "probes.json"
    if stages.exists():
        yield device_page.context(json.loads(stages.read_text(encoding="utf-8")))
    simulated = DATA / "predictions" / file.stem / "probes.json"
    if calls.exists() and simulated.exists():
        yield device_page.single_calls(*(json.loads(item.read_text(encoding="utf-8")) for item in (calls, simulated)))


def sections() -> Iterator[str]:
    """The page, part by part."""
    yield page.opening()
    for file in sorted((DATA / "exact").glob("*.json")):
        predictions = DATA / "predictions" / file.stem
        yield page.exactness(read(file), read(predictions / "exact.json"))
        process = DATA / "process" / f"{file.stem}.csv"
        for setting in ("default", "threshold") if process.exists() else ():
            runs, predicted = process_runs(process, setting), read(predictions / f"{setting}.json")
            environment = json.loads(process.with_suffix(".json").read_text(encoding="utf-8"))
            yield page.process(setting, environment, process_rows(runs, predicted["jobs"]), predicted, runs)
        yield page.alternatives(read(file), read(DATA / "rivals" / file.name), read(predictions / "exact.json"))
    devices = sorted((DATA / "device").glob("*.json"))
    for file in devices:
        yield from device_sections(file)
    if not devices:
        yield page.no_device()


def text() -> str:
    """The whole page."""
    return "\n".join(part.rstrip() + "\n" for part in sections())


if __name__ == "__main__":
    write_or_check(PAGE, text, "benchmarks.accuracy.judge", __doc__)
