"""Traced peaks of every job, quickly: the frameworks are imported once, each job is estimated in a fork of its own.

Only what tensors hold is kept from here (kind "exact"): a fork's own size says nothing of the host's framework share.

    python -m benchmarks.accuracy.predict_exact [--jobs gpt_sgd …] [--show]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accuracy.jobs import CPU_JOBS, JOBS
from benchmarks.accuracy.measure_exact import STEPS
from benchmarks.accuracy.page import EXACT_WITHIN, disagreement
from benchmarks.accuracy.predict import row, write
from benchmarks.accuracy.surroundings import DATA, ROOT, machine_name


def in_a_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Runs ``work`` in a forked process; its answer, or its failure, comes back as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        child = os.fork()
        if child == 0:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            try:
                found = work()
            except BaseException as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                found = {
                    "failure": f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"[:300]
                }
            answer.write_text(json.dumps(found), encoding="utf-8")
            os._exit(0)
        os.waitpid(child, 0)
        if not answer.exists():
            return {"failure": "the process ended without an answer"}
        result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return result


def traced(name: str) -> dict[str, Any]:
    """One job through the Python front door."""
    import memfit

    train = partial(JOBS[name].load(), "cpu", STEPS, 1.0)
    estimate = memfit.estimate(train, on="cpu", steps=STEPS)
    found = row(estimate, "host")
    kept = ("requested_peak_bytes", "operator", "where", "phase", "steps", "top", "assumptions")
    return {"seconds": estimate.cost.get("seconds"), **{key: found[key] for key in kept}}


def show(name: str, found: dict[str, Any], real: dict[str, Any]) -> str:
    """One line for the terminal: exact, or by how much and where not."""
    if found.get("failure"):
        return f"{name}: FAILED {found['failure']}"
    if not found["requested_peak_bytes"]:
        return f"{name}: no figure"
    difference = found["requested_peak_bytes"] - real["peak_bytes"]
    share = difference / real["peak_bytes"]
    if abs(share) <= EXACT_WITHIN:
        return f"{name}: exact ({difference:+d} bytes)"
    why = disagreement(difference, real, found)
    return f"{name}: {share * 100:+.2f} % ({difference / 2**20:+.2f} MiB), {why}, {found['phase']} {found['where']}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=sorted(CPU_JOBS))
    parser.add_argument("--show", action="store_true", help="print only, keep nothing")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT / "src"))
    for module in {JOBS[name].module for name in options.jobs}:
        next(job for job in JOBS.values() if job.module == module).load()
    truth = json.loads((DATA / "exact" / f"{machine_name()}.json").read_text(encoding="utf-8"))["jobs"]
    file = DATA / "predictions" / machine_name() / "exact.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    for name in options.jobs:
        found = in_a_fork(partial(traced, name))
        if not options.show:
            write(file, "exact", name, found)
        print(
            show(name, found, truth.get(name, {"peak_bytes": 1, "peak_operator": "?", "alive_at_peak": []})), flush=True
        )


if __name__ == "__main__":
    main()
