"""TensorFlow jobs on a device: what memfit says of their tensors, from small batches, beside whole batches on the CPU.

    python -m benchmarks.compiled.executed predict|measure --python PYTHON [--only NAME …]

No card with TensorFlow was at hand. What can be held against a run is all that the executor itself does: the same job
with its whole batches under the same allocator. Rows that are there are kept unless they are named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES, Case
from benchmarks.compiled.measure import DATA, lines
from memfit.documents import Estimate, load

FILE = DATA / "executed.jsonl"
DEVICE = "rtx4090-24gb"
# The jobs of cases.py were seen, both halves, before blocks were followed one by one: lines through the peaks were up
# to 47 % too low. These were written down after that, and predicted before they were measured.
_FRESH = """
tensorflow        decoder    128  24   adam
tensorflow        unet        16  12   adam
tensorflow        lstm       160  100  sgd
tensorflow        resnet      24  40   sgd
keras-tensorflow  encoder    128  48   adamw
keras-tensorflow  mobilenet   20  64   adam
keras-tensorflow  vae         12  128  rmsprop
keras-tensorflow  mlp       1024  512  sgd
"""


def _fresh() -> dict[str, Case]:
    found = []
    for line in _FRESH.strip().splitlines():
        flavour, model, width, batch, optimizer = line.split()
        found.append(
            Case(flavour=flavour, family=model, half="fresh", model=model, width=int(width), batch=int(batch),
                 optimizer=optimizer)
        )  # fmt: skip
    return {case.name: case for case in found}


SEEN = {name: case for name, case in CASES.items() if case.flavour in ("keras-tensorflow", "tensorflow")}
JOBS = {**SEEN, **_fresh()}
LIMIT_SECONDS = 900


def measured(case: Case, python: str) -> dict[str, Any]:
    """What the whole batches held."""
    command = [python, "-m", "benchmarks.compiled.executed_child", *case.words]
    ended = subprocess.run(
        command, cwd=ROOT, env=_environment(case), capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
    )
    if ended.returncode:
        return {"failure": (ended.stderr.strip().splitlines() or ["no word"])[-1][:300]}
    return dict(json.loads(ended.stdout.strip().splitlines()[-1]))


def predicted(case: Case, python: str) -> dict[str, Any]:
    """What memfit says."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        command = [
            sys.executable, "-m", "memfit", "estimate", "--on", DEVICE, "--python", python, "-o", str(file),
            "--timeout", str(LIMIT_SECONDS), *case.words,
        ]  # fmt: skip
        ended = subprocess.run(command, cwd=ROOT, env=_environment(case), capture_output=True, text=True, check=False)
        if not file.is_file():
            return {"failure": (ended.stderr.strip().splitlines() or ["no word"])[-1][:300]}
        told = load(file)
    assert isinstance(told, Estimate)
    pool = told.pool("cuda:0")
    return {
        "tensors_bytes": pool.allocated_peak_bytes,
        "expected_bytes": pool.peak_bytes.expected,
        "high_bytes": pool.peak_bytes.high,
        "assumptions": [each.slug for each in told.assumptions],
        "seconds": told.cost["seconds"],
    }


def _environment(case: Case) -> Mapping[str, str]:
    return {**os.environ, **case.environment}


def main() -> None:
    """Predict or measure, and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("predict", "measure"))
    parser.add_argument("--python", required=True, help="has TensorFlow and Keras")
    parser.add_argument("--only", nargs="*", default=None)
    options = parser.parse_args()
    rows = {row["job"]: row for row in lines(FILE)} if FILE.is_file() else {}
    for name in options.only or [each for each in JOBS if options.what not in rows.get(each, {})]:
        found = (predicted if options.what == "predict" else measured)(JOBS[name], options.python)
        rows.setdefault(name, {"job": name})[options.what] = found
        FILE.write_text("".join(json.dumps(rows[each]) + "\n" for each in JOBS if each in rows), encoding="utf-8")
        print(name, json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
