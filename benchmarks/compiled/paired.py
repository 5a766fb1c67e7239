"""A job and its estimate, one right after the other: what the machine does besides is the same for both.

Under other work threads take turns in another order, and TensorFlow keeps more at a time: what was measured on a quiet
machine is no truth for an estimate on a busy one. A pair is kept as it comes, and never made again.

    python -m benchmarks.compiled.paired --python PYTHON --torch-python PYTHON [--ways run no-run] [--only NAME …]
"""

from __future__ import annotations

import argparse
import os
import resource
from typing import Any

from benchmarks.compiled.cases import CASES, Case
from benchmarks.compiled.measure import DATA, add, lines, run, surrounded
from benchmarks.compiled.predict import PLANNED, commit, predict

FILE = DATA / "paired.jsonl"
WAYS = {"run": (), "no-run": ("--no-run",)}


def spent() -> float:
    """Processor time of the children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pair(case: Case, python: str, ways: list[str]) -> dict[str, Any]:
    """The job itself, and its estimates."""
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1)}
    start = spent()
    found["measured"] = run(python, case.words, surrounded("default", case.environment))
    found["measured"]["cpu_seconds"] = round(spent() - start, 1)
    for way in ways:
        if way == "run" or case.flavour in PLANNED:
            start = spent()
            found[way] = predict(case, python, "default", WAYS[way])
            found[way]["cpu_seconds"] = round(spent() - start, 1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=CASES)
    options = parser.parse_args()
    there = {row["job"] for row in lines(FILE)}
    for name in options.only:
        if name not in there:
            case = CASES[name]
            python = options.torch_python if case.flavour == "keras-torch" else options.python
            row = {"job": name, "half": case.half, "memfit": commit(), **pair(case, python, options.ways)}
            add(FILE, row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
