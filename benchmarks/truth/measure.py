"""Records jobs with worker processes, each in a memory control group of its own, and keeps both counts.

    python -m benchmarks.truth.measure [--repeats 3]

The job alone is in the group: the recorder stays outside. Needs a control group hierarchy that may be written to
(version 1's memory controller, or version 2 with memory.peak), so a machine of one's own; says so where there is none.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import machine_name, surroundings
from benchmarks.truth.groups import Group, make_group
from memfit.documents import Recording

HERE = Path(__file__).resolve().parent
JOBS = {
    "fork_array": ["--start", "fork", "--data", "array"],
    "fork_list": ["--start", "fork", "--data", "list"],
    "spawn_array": ["--start", "spawn", "--data", "array"],
    "spawn_list": ["--start", "spawn", "--data", "list"],
    "fork_array_spike": ["--start", "fork", "--data", "array", "--spike", "256"],
}


def main() -> None:
    """Measure what is missing of every job."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    file = HERE / "data" / f"{machine_name()}.json"
    document = json.loads(file.read_text()) if file.exists() else {"environment": surroundings(), "jobs": {}}
    subprocess.run([sys.executable, HERE / "loader_job.py", *JOBS["fork_array"]], check=True)  # fills the page cache
    for name, words in JOBS.items():
        runs = document["jobs"].setdefault(name, [])
        while len(runs) < repeats:
            runs.append(one_run(words))
            print(name, runs[-1], flush=True)
            file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def one_run(words: list[str]) -> dict[str, Any]:
    """Record the job once; sizes in bytes."""
    with tempfile.TemporaryDirectory() as folder, make_group(f"memfit-truth-{os.getpid()}") as group:
        path = Path(folder) / "job.memfit"
        watch = Watch(group)
        join = f'echo $$ > {group.processes_file} && exec "$@"'
        command = ["sh", "-c", join, "sh", sys.executable, str(HERE / "loader_job.py"), *words]
        subprocess.run([sys.executable, "-m", "memfit", "run", "--quiet", "-o", str(path), "--", *command], check=True)
        kernel = watch.end()
        return {"date": datetime.date.today().isoformat(), **recorded(memfit.load(path)), **kernel}


class Watch:
    """The group's counters while the job runs: the kernel keeps the peak, and what is in it is sampled beside."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._kernel_own_bytes = 0
        self._file_bytes = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        while not self._done.wait(0.05):
            self._kernel_own_bytes = max(self._kernel_own_bytes, self._group.kernel_bytes())
            self._file_bytes = max(self._file_bytes, self._group.file_bytes())

    def end(self) -> dict[str, int]:
        self._done.set()
        self._thread.join()
        return {
            "kernel_peak_bytes": self._group.peak_bytes(),
            "kernel_own_bytes": self._kernel_own_bytes,
            "kernel_file_bytes": self._file_bytes,
        }


def recorded(recording: Any) -> dict[str, Any]:
    """What memfit says of the same job: its peak, and the part of it that is no mapped file."""
    assert isinstance(recording, Recording)
    held, file = recording.one("host", "job", "held"), recording.one("host", "job", "file")
    rss = recording.one("host", "job", "rss")
    assert held is not None and file is not None and rss is not None
    beside, place = 0, 0
    for at, high in zip(held.seconds, held.high_bytes, strict=True):
        while place + 1 < len(file.seconds) and file.seconds[place + 1] <= at:
            place += 1
        beside = max(beside, high - file.last_bytes[place])
    return {
        "held_peak_bytes": recording.peak_bytes("host"),
        "beside_files_bytes": beside,
        "summed_rss_bytes": rss.peak_bytes,
        "processes": len(recording.processes),
        "seconds": round(recording.seconds, 1),
    }


if __name__ == "__main__":
    began = time.monotonic()
    main()
    print(f"{time.monotonic() - began:.0f} s")
