"""Records the programs of the page with `memfit run`, diagnoses them, and keeps what the page needs of each.

    python -m benchmarks.growth_page.record [--only NAME …] [--recordings FOLDER]

One after another, on one thread each: what other programs take of the machine changes the seconds, not the memory.
Recordings that lie in FOLDER are read again instead of made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_right
from pathlib import Path
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import surroundings
from benchmarks.growth_page import swapping
from benchmarks.growth_page.cases import CASES, DATA, EXAMPLES, ROOT, Case
from benchmarks.growth_page.thinning import thinned
from memfit import documents
from memfit.documents import Iterations, Recording, Series

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE", "CUDA_VISIBLE_DEVICES": ""}
BEFORE_S = 3.0  # of the time before the first iteration, for the picture
KEPT = ("pool", "name", "growth", "is_leak", "confidence", "bytes_per_iteration", "evidence", "culprit",
        "needs_iterations", "start_bytes", "end_bytes", "peak_bytes", "levels_bytes", "horizon")  # fmt: skip


def run(case: Case, folder: Path) -> tuple[Recording, dict[str, Any]]:
    """The recording of one run, and what it printed."""
    file, printed = folder / f"{case.name}.memfit", folder / f"{case.name}.txt"
    if not printed.exists():
        make(case, file, printed)
    recording = memfit.load(file)
    assert isinstance(recording, Recording)
    return recording, {"printed": printed.read_text(encoding="utf-8").splitlines()[-3:]}


def make(case: Case, file: Path, printed: Path) -> None:
    """Runs and records a program."""
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "memfit",
            "run",
            "--quiet",
            "-o",
            str(file),
            "--",
            sys.executable,
            *case.words,
        ],
        cwd=EXAMPLES,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    if ended.returncode:
        sys.exit(f"{case.name} ended with exit code {ended.returncode}:\n{ended.stderr}")
    printed.write_text(ended.stdout, encoding="utf-8")


def kept(case: Case, recording: Recording) -> dict[str, Any]:
    """What the page needs of a recording."""
    rows = max(recording.iterations, key=lambda one: len(one.numbers))
    alone = len(recording.processes) == 1
    held = recording.one("host", "job", "rss" if alone else "held")
    resident = recording.one("host", "job", "rss")
    assert held is not None and resident is not None
    diagnosis = documents.to_json(memfit.diagnose(recording))
    return {
        "command": case.command,
        "iterations": rows.numbers[-1],
        "seconds": round(rows.seconds[-1] - rows.seconds[0], 2),
        "processes": [{"role": one.role or one.name} for one in recording.processes],
        "peak_bytes": recording.peak_bytes("host"),
        "before_bytes": before(resident, rows),
        "first_end_bytes": rows.columns["host/rss"][0],
        "last_end_bytes": rows.columns["host/rss"][-1],
        "phases": phases(recording),
        "held_by": holders(recording),
        "diagnosis": [{key: one[key] for key in KEPT} for one in diagnosis["series"]],
        "ends": thinned(rows.numbers, *[rows.columns["host/rss"]] * 2, rows.columns["host/rss_high"]),
        "clock": clock(held, rows),
        "shares": shares(recording, rows),
        "made_of_bytes": made_of(recording, rows),
    }


def before(held: Series, rows: Iterations) -> int:
    """What the job held before its first iteration began: one pace before its end."""
    pace = (rows.seconds[-1] - rows.seconds[0]) / max(1, len(rows.seconds) - 1)
    return int(held.last_bytes[max(0, bisect_right(held.seconds, rows.seconds[0] - 2 * pace) - 1)])


def phases(recording: Recording) -> dict[str, dict[str, float]]:
    """How often and how long each phase was stayed in, and how much its stays added and gave back at most."""
    found: dict[str, dict[str, float]] = {}
    for total in recording.phase_totals:
        found[total.name] = {"count": total.count, "seconds": round(total.seconds, 2)}
    for stay in recording.phases:
        if stay.start_rss_bytes is None or stay.high_bytes is None:
            continue
        row = found.setdefault(stay.name, {"count": 0, "seconds": 0.0})
        row["most_added_bytes"] = max(row.get("most_added_bytes", 0), stay.high_bytes - stay.start_rss_bytes)
    return found


def holders(recording: Recording) -> list[dict[str, Any]]:
    """What the last look of each kind found, largest first."""
    last = {one.look: one.at_s for one in recording.holdings}
    rows = [
        {"look": one.look, "category": one.category, "label": one.label, "bytes": one.held_bytes, "count": one.count}
        for one in recording.holdings
        if one.at_s == last[one.look]
    ]
    return sorted(rows, key=lambda row: -(row["bytes"] or 0))[:8]


def clock(series: Series, rows: Iterations) -> list[list[float]]:
    """The samples from shortly before the first iteration to the last, placed by iteration."""
    places = [place(at, rows) for at in series.seconds]
    inside = [
        index for index, at in enumerate(series.seconds) if rows.seconds[0] - BEFORE_S <= at <= rows.seconds[-1] + 0.05
    ]
    columns = (series.low_bytes, series.last_bytes, series.high_bytes)
    return thinned([places[i] for i in inside], *([column[i] for i in inside] for column in columns))


def shares(recording: Recording, rows: Iterations) -> dict[str, list[list[float]]]:
    """Summed resident and proportional sizes, where there are several processes to tell them apart."""
    if len(recording.processes) < 2:
        return {}
    found = {name: recording.one("host", "job", name) for name in ("rss", "pss")}
    return {name: clock(series, rows) for name, series in found.items() if series is not None}


def made_of(recording: Recording, rows: Iterations) -> dict[str, int]:
    """Anonymous, file and shared memory as last read before the last iteration ended."""
    found = {name: recording.one("host", "job", name) for name in ("anonymous", "file", "shared")}
    return {
        name: series.last_bytes[max(0, bisect_right(series.seconds, rows.seconds[-1]) - 1)]
        for name, series in found.items()
        if series is not None and series.last_bytes
    }


def place(at: float, rows: Iterations) -> float:
    """How many iterations had ended then; below 0 before the first began, at the pace of the whole run."""
    pace = (rows.seconds[-1] - rows.seconds[0]) / max(1, rows.numbers[-1] - rows.numbers[0])
    after = bisect_right(rows.seconds, at)
    if after == 0:
        return float(rows.numbers[0] - (rows.seconds[0] - at) / pace)
    begin, number = rows.seconds[after - 1], rows.numbers[after - 1]
    if after == len(rows.seconds):
        return number + min(1.0, (at - begin) / pace)
    return number + (at - begin) / (rows.seconds[after] - begin) * (rows.numbers[after] - number)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--recordings", type=Path)
    options = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    for name in options.only:
        with tempfile.TemporaryDirectory() as folder:
            recording, printed = run(CASES[name], options.recordings or Path(folder))
        found = {**kept(CASES[name], recording), **printed}
        (DATA / f"{name}.json").write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
        worst = found["diagnosis"][0]
        print(f"{name}: {worst['growth']}, leak {worst['is_leak']}: {worst['evidence']}", flush=True)
    swapping.keep()
    (DATA / "environment.json").write_text(
        json.dumps({**surroundings(), **ONE_THREAD}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
