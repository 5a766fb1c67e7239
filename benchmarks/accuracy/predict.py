"""Predictions for every job, made as a user makes them: ``memfit estimate … run_job.py NAME``, in a fresh process.

Two kinds for the CPU, matched to the measured processes: "default" and "threshold" (glibc's defaults, and
MALLOC_MMAP_THRESHOLD_=131072). With ``--on h100-80gb --like FILE`` the kind is "device": the jobs and scales of a
measured device file. Traced peaks alone are quicker with ``predict_exact``.

    python -m benchmarks.accuracy.predict [--kinds default threshold] [--jobs gpt_sgd …] [--again]
    python -m benchmarks.accuracy.predict --on h100-80gb --like benchmarks/accuracy/data/device/….json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.device_child import SCRIPTS
from benchmarks.accuracy.jobs import CPU_JOBS, JOBS
from benchmarks.accuracy.measure_exact import save
from benchmarks.accuracy.measure_process import SETTINGS
from benchmarks.accuracy.surroundings import DATA, ROOT, machine_name, surroundings
from memfit.documents import Estimate, load

SCRIPT = "benchmarks/accuracy/run_job.py"
LIMIT_SECONDS = 180
STEPS = 8  # as measure_process runs them
KINDS: dict[str, tuple[int, dict[str, str]]] = {
    "default": (STEPS, SETTINGS["default"]),
    "threshold": (STEPS, SETTINGS["threshold"]),
}


def ends(estimate: Estimate, pool_name: str) -> dict[str, int]:
    """A pool's range alone."""
    peak = estimate.pool(pool_name).peak_bytes
    return {"low_bytes": peak.low, "expected_bytes": peak.expected, "high_bytes": peak.high}


def row(estimate: Estimate, pool_name: str) -> dict[str, Any]:
    """What judging needs of one estimate, small enough to keep for every job."""
    pool = estimate.pool(pool_name)
    return {
        "low_bytes": pool.peak_bytes.low,
        "expected_bytes": pool.peak_bytes.expected,
        "high_bytes": pool.peak_bytes.high,
        "requested_peak_bytes": pool.requested_peak_bytes,
        "allocated_peak_bytes": pool.allocated_peak_bytes,
        "reserved_peak_bytes": pool.reserved_peak_bytes,
        "breakdown_bytes": pool.breakdown_bytes,
        "operator": pool.peak_at.operator,
        "where": pool.peak_at.where,
        "phase": None if pool.peak_at.phase is None else pool.peak_at.phase.value,
        "steps": [[step.peak_bytes, step.end_bytes] for step in pool.steps],
        "top": [list(item) for item in pool.top[:12]],
        "assumptions": [assumption.slug for assumption in estimate.assumptions],
        "cost": dict(estimate.cost),
    }


def predict(name: str, words: list[str], on: str, pool: str, extra: dict[str, str]) -> dict[str, Any]:
    """One run of the command line; a refusal or a crash becomes the row's failure."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    environment |= {**extra, "PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        job = name.partition("@")[0]
        target = SCRIPTS.get(job, [SCRIPT, job, *words])
        target = [f"{word}{folder}/out" if word.endswith("=") else word for word in target]
        options = ["estimate", "--quiet", "--on", on, "-o", str(file), *target]
        command = ["nice", "-n", "5", sys.executable, "-m", "memfit", *options]
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return {"failure": f"took more than {LIMIT_SECONDS} s"}
        seconds = round(time.perf_counter() - start, 2)
        if not file.exists():
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            return {"failure": " / ".join(said[-3:])[:300] or f"exit {done.returncode}", "seconds": seconds}
        found = load(file, Estimate)
        host = {} if pool == "host" else {"host": ends(found, "host")}
        return {"seconds": seconds, **row(found, pool), **host}


def write(file: Path, kind: str, name: str, found: dict[str, Any]) -> None:
    """Keeps one prediction; the file holds one kind for one machine."""
    document: dict[str, Any] = {"jobs": {}}
    if file.exists():
        document = json.loads(file.read_text(encoding="utf-8"))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    document["jobs"][name] = {**found, "memfit_commit": commit.stdout.strip()}
    environment = {"command": f"memfit estimate {SCRIPT} NAME", "kind": kind}
    document["environment"] = {**environment, **surroundings()}
    save(file, document)


def work(options: argparse.Namespace) -> list[tuple[str, str, list[str], str, str, dict[str, str], Path]]:
    """Every prediction that is asked for: (kind, job, arguments of the script, machine, pool, environment, file)."""
    if options.like is None:
        folder = DATA / "predictions" / machine_name()
        return [
            (kind, name, ["--device", "cpu", "--steps", str(KINDS[kind][0])], "cpu", "host", KINDS[kind][1],
             folder / f"{kind}.json")
            for kind in options.kinds for name in options.jobs or sorted(CPU_JOBS)
        ]  # fmt: skip
    measured = json.loads(options.like.read_text(encoding="utf-8"))
    steps = str(measured["environment"]["steps"])
    file = DATA / "predictions" / options.like.stem / "device.json"
    return [
        ("device", name, ["--device", "cuda", "--steps", steps, "--scale", str(row["scale"])], options.on, "cuda:0",
         variables(row), file)
        for name, row in measured["jobs"].items()
        if predictable(name, row) and (not options.jobs or name in options.jobs)
    ]  # fmt: skip


def predictable(name: str, row: dict[str, Any]) -> bool:
    """Whether a measured run is a job's, under settings that the command line's environment can say."""
    job = name.partition("@")[0]
    return (job in JOBS or job in SCRIPTS) and ("@" not in name or bool(variables(row)))


def variables(row: dict[str, Any]) -> dict[str, str]:
    """The allocator settings of a measured run, as environment."""
    found = {"PYTORCH_ALLOC_CONF": row["PYTORCH_ALLOC_CONF"]} if row.get("PYTORCH_ALLOC_CONF") else {}
    words = row.get("words", "").split()
    if "--fraction" in words:
        found["PYTORCH_ALLOC_CONF"] = f"per_process_memory_fraction:{words[words.index('--fraction') + 1]}"
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=None, help="default: all that were measured in that way")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--on", default="cpu", help="the device's name in the catalogue, with --like")
    parser.add_argument("--like", type=Path, help="a measured device file")
    parser.add_argument("--again", action="store_true", help="predict also what is there already")
    options = parser.parse_args()
    for kind, name, words, on, pool, extra, file in work(options):
        there = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}
        if name in there and "failure" not in there[name] and not options.again:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        found = predict(name, words, on, pool, extra)
        write(file, kind, name, found)
        print(kind, name, found.get("expected_bytes"), found.get("seconds"), found.get("failure", ""), flush=True)


if __name__ == "__main__":
    main()
