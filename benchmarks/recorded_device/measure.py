"""Each loop of ``jobs`` bare and under ``memfit run`` on this machine's CUDA device, into data/<device>.json.

    python -m benchmarks.recorded_device.measure [--output FILE]

Kept for each: what the job says of itself, what the recording says, its diagnosis, and the seconds of both runs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.measure_device import describe, slug
from benchmarks.accuracy.surroundings import ROOT
from memfit import diagnose, load
from memfit.documents import Recording

HABITS = ("sound", "adam", "losses", "fragments", "evaluation")
SCRIPT = "benchmarks/recorded_device/jobs.py"
DATA = Path(__file__).parent / "data"


def run(words: list[str]) -> tuple[dict[str, Any], float]:
    """The JSON line that a job ends with, and how long it took."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    begun = time.perf_counter()
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)
    seconds = time.perf_counter() - begun
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"habit"')]
    if not lines:
        return {"failure": (done.stderr.strip().splitlines() or ["it printed nothing"])[-1][:300]}, seconds
    told: dict[str, Any] = json.loads(lines[-1])
    return told, seconds


def recorded(path: Path) -> dict[str, Any]:
    """What the recording says, small enough to keep."""
    found = load(path)
    assert isinstance(found, Recording)
    verdict = diagnose(found)
    highest = {
        name: max(column) for rows in found.iterations if rows.unit == "step" for name, column in rows.columns.items()
    }
    return {
        "pools": list(found.pools),
        "peak_bytes": {pool: found.peak_bytes(pool) for pool in found.pools},
        "columns_peak_bytes": highest,
        "steps": max((rows.numbers[-1] for rows in found.iterations if rows.unit == "step"), default=0),
        "phases": {total.name: total.count for total in found.phase_totals},
        "limits": [[one.pool, one.name, one.limit_bytes] for one in found.limits],
        "notes": list(found.notes),
        "events": [event.slug for event in found.events],
        "holdings": [[one.look, one.category, one.label, one.held_bytes, one.count] for one in found.holdings][-12:],
        "diagnosis": [
            [one.pool, one.name, one.growth.value, one.is_leak, one.culprit, one.bytes_per_iteration]
            for one in verdict.series
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for the recordings themselves")
    parser.add_argument("--habits", nargs="*", default=list(HABITS))
    options = parser.parse_args()
    about = describe()
    if not about.get("device"):
        sys.exit("no CUDA device here")
    jobs: dict[str, Any] = {}
    for habit in options.habits:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "job.memfit"
            bare, bare_seconds = run([sys.executable, SCRIPT, habit])
            told, seconds = run(
                [sys.executable, "-m", "memfit", "run", "--quiet", "-o", str(path), "--", sys.executable, SCRIPT, habit]
            )
            row: dict[str, Any] = {"bare": bare, "told": told, "seconds": [bare_seconds, seconds]}
            if options.keep is not None and path.exists():
                options.keep.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, options.keep / f"{habit}.memfit")
            jobs[habit] = {**row, "recorded": recorded(path) if path.exists() else None}
        print(habit, json.dumps(jobs[habit])[:1500], flush=True)
    output = options.output or DATA / f"{slug(about['device'])}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"environment": about, "jobs": jobs}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
