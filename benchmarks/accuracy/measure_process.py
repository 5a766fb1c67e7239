"""The truth about whole processes: every job's high-water mark on this machine's CPU, each run in a fresh process.

A small launcher (it imports no framework: a child's ru_maxrss starts from its parent's size) starts one job at a time
and cross-checks the child's own VmHWM with wait4. Results are appended as they come; what is there is not run again.

    python -m benchmarks.accuracy.measure_process [--setting default --repeats 3] [--jobs gpt_sgd …]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.accuracy.jobs import CPU_JOBS
from benchmarks.accuracy.surroundings import DATA, POLITE, ROOT, machine_name, surroundings

# "threshold" hands every block of 128 KiB and more back to the system when it is freed
# (glibc's own starting value, which it otherwise raises as it goes; mallopt(3)).
SETTINGS: dict[str, dict[str, str]] = {"default": {}, "threshold": {"MALLOC_MMAP_THRESHOLD_": "131072"}}
COLUMNS = (
    "job", "setting", "repeat", "steps", "baseline_bytes", "peak_bytes", "maxrss_bytes", "end_bytes", "end_pss_bytes",
    "seconds", "peaks_mib", "failure",
)  # fmt: skip
LIMIT_SECONDS = 300


def run_once(name: str, setting: str, steps: int) -> dict[str, object]:
    """One fresh process: its own report, and the kernel's as seen from the launcher."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    command = [sys.executable, "-m", "benchmarks.accuracy.process_child", name, str(steps)]
    child = subprocess.Popen(
        ["nice", "-n", "2", "timeout", str(LIMIT_SECONDS), *command],
        cwd=ROOT, env={**environment, **POLITE, **SETTINGS[setting]},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None and child.stderr is not None
    output, errors = child.stdout.read(), child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        return {"failure": (errors.strip().splitlines() or [f"exit {status}"])[-1][:160]}
    report = json.loads(output.strip().splitlines()[-1])
    report["peaks_mib"] = " ".join(str(peak) for peak in report["peaks_mib"])
    return {**report, "maxrss_bytes": usage.ru_maxrss * 1024, "failure": ""}


def done_already(file: Path) -> set[tuple[str, str, int]]:
    """The runs that the file holds."""
    if not file.exists():
        return set()
    with file.open(newline="", encoding="utf-8") as lines:
        return {(row["job"], row["setting"], int(row["repeat"])) for row in csv.DictReader(lines)}


def append(file: Path, row: dict[str, object]) -> None:
    """One more line; the header comes with the first."""
    fresh = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as target:
        writer = csv.DictWriter(target, COLUMNS, lineterminator="\n")
        if fresh:
            writer.writeheader()
        writer.writerow({column: row.get(column, "") for column in COLUMNS})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setting", choices=sorted(SETTINGS), default="default")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--jobs", nargs="*", default=sorted(CPU_JOBS))
    options = parser.parse_args()
    folder = DATA / "process"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{machine_name()}.csv"
    environment = {**surroundings(), "command": "python -m benchmarks.accuracy.measure_process", "settings": SETTINGS}
    (folder / f"{machine_name()}.json").write_text(json.dumps(environment, indent=1) + "\n", encoding="utf-8")
    done = done_already(file)
    for repeat in range(options.repeats):
        for name in options.jobs:
            if (name, options.setting, repeat) in done:
                continue
            row = run_once(name, options.setting, options.steps)
            append(file, {"job": name, "setting": options.setting, "repeat": repeat, "steps": options.steps, **row})
            print(name, options.setting, repeat, row.get("seconds"), row.get("peak_bytes"), row["failure"], flush=True)


if __name__ == "__main__":
    main()
