"""The truth: each case run as real processes of a gloo group on this machine, one after the other.

Once under torch.profiler, for the peak of live tensors of every rank by the allocator's own events; once as it is under
memfit's recorder, for the peak of all processes together by their proportional shares.

    python -m benchmarks.ranks.measure [--tensors] [CASE …]

With --tensors the live tensors are counted anew, and what the processes held stays as it was measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import POLITE, ROOT, machine_name, surroundings
from benchmarks.ranks.cases import CASES, Case
from memfit import api

DATA = Path(__file__).resolve().parent / "data"
_LIMIT_SECONDS = 1500
# Starts the ranks and waits for them; imports no framework, so that its own share is small.
_LAUNCHER = """
import os, subprocess, sys
ranks, words = int(sys.argv[1]), sys.argv[2:]
place = dict(os.environ, WORLD_SIZE=str(ranks), LOCAL_WORLD_SIZE=str(ranks), MASTER_ADDR="127.0.0.1")
children = [subprocess.Popen(words, env=dict(place, RANK=str(rank), LOCAL_RANK=str(rank))) for rank in range(ranks)]
sys.exit(max(child.wait() for child in children))
"""


def launched(case: Case, words: list[str], port: int) -> tuple[list[str], dict[str, str]]:
    """The command that starts a case's ranks, and its environment."""
    command = [sys.executable, "-c", _LAUNCHER, str(case.ranks), *words]
    return command, {**os.environ, **POLITE, "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}


def exact(case: Case) -> list[int]:
    """Every rank's peak of live tensors in bytes."""
    words = [sys.executable, "-m", "benchmarks.ranks.exact_child", case.name]
    command, environment = launched(case, words, 29611)
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=True
    )
    told = (line.split()[1:] for line in done.stdout.splitlines() if line.startswith("PEAK "))
    return [size for _, size in sorted((int(rank), int(size)) for rank, size in told)]


def process(case: Case) -> dict[str, Any]:
    """What all ranks held together at most, and each of them at most, by their shares."""
    words = [sys.executable, str(ROOT / "benchmarks/ranks/job.py"), case.name]
    command, environment = launched(case, words, 29612)
    os.environ.update({name: environment[name] for name in ("MASTER_PORT", "OMP_NUM_THREADS", *POLITE)})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "job.memfit"
        outcome = api.run(command, output=file, quiet=True)
        recording = api.load(file)
    return {"exit_code": outcome.exit_code, "peak_bytes": recording.peak_bytes("host")}


def main() -> None:
    DATA.mkdir(exist_ok=True)
    file = DATA / f"measured-{machine_name()}.jsonl"
    about = {**surroundings(), "command": "python -m benchmarks.ranks.measure", "omp_num_threads": "1"}
    file.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    known = {row["case"]: row for row in map(json.loads, file.read_text().splitlines())} if file.exists() else {}
    anew, names = "--tensors" in sys.argv, {word for word in sys.argv[1:] if word != "--tensors"}
    for case in CASES:
        if (case.name in known and not anew) or (names and case.name not in names):
            continue
        whole = known[case.name]["process"] if case.name in known else process(case)
        known[case.name] = {
            "case": case.name,
            "ranks": case.ranks,
            "tensor_peaks_bytes": exact(case),
            "process": whole,
        }
        file.write_text("".join(json.dumps(row) + "\n" for row in known.values()), encoding="utf-8")
        print(known[case.name], flush=True)


if __name__ == "__main__":
    main()
