"""The truth about tensors: every job's peak of bytes live in the CPU allocator's own events, in a fresh process each.

Results go to data/exact/<machine>.json as they come; what is there is not run again (``--again`` names exceptions).

    python -m benchmarks.accuracy.measure_exact [--jobs gpt_sgd …] [--again]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.accuracy.jobs import CPU_JOBS
from benchmarks.accuracy.surroundings import DATA, POLITE, ROOT, machine_name, surroundings

STEPS = 3  # the first has no optimizer state, the second has, the third shows that it settles
LIMIT_SECONDS = 300


def run_once(name: str, steps: int) -> dict[str, Any]:
    """One job under the profiler in a fresh process."""
    command = ["nice", "-n", "2", sys.executable, "-m", "benchmarks.accuracy.exact_child", name, str(steps)]
    try:
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **POLITE}, capture_output=True, text=True, timeout=LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"took more than {LIMIT_SECONDS} s"}
    if done.returncode != 0:
        return {"failure": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:200]}
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def save(file: Path, document: dict[str, Any]) -> None:
    """One job a line, so that a change of one job is a change of one line."""
    jobs = document["jobs"]
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(jobs[name])}" for name in sorted(jobs))
    head = json.dumps({key: value for key, value in document.items() if key != "jobs"}, indent=1)[:-2]
    file.write_text(head + ',\n "jobs": {\n' + rows + "\n }\n}\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=sorted(CPU_JOBS))
    parser.add_argument("--again", action="store_true", help="run also what is there already")
    options = parser.parse_args()
    file = DATA / "exact" / f"{machine_name()}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    jobs = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}
    environment = {"command": "python -m benchmarks.accuracy.measure_exact", "steps": STEPS, **surroundings()}
    for name in options.jobs:
        if name in jobs and "failure" not in jobs[name] and not options.again:
            continue
        jobs[name] = run_once(name, STEPS)
        save(file, {"environment": environment, "jobs": jobs})
        kept = ("seconds", "peak_bytes", "peak_operator", "failure")
        print(name, {key: jobs[name].get(key) for key in kept}, flush=True)


if __name__ == "__main__":
    main()
