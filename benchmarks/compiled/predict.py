"""Predictions as a user makes them: ``memfit estimate --on cpu script.py …``, in the job's own interpreter.

A job of the judging half is predicted once: a figure that is there stays, whatever the code learns later. The tuning
half is predicted anew with ``--again``. A refusal is kept with what memfit said, and asked for again.

    python -m benchmarks.compiled.predict --python PYTHON --torch-python PYTHON [--half tuning] [--again] [--no-run]

With ``--no-run`` the jobs of JAX, and of Keras on JAX, are predicted by their plans alone, into ``unrun.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.measure_process import SETTINGS
from benchmarks.accuracy.predict import ends
from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES, FLAVOURS, HALVES, Case
from benchmarks.compiled.measure import DATA, lines, surrounded
from memfit.documents import Estimate, load

FILE = DATA / "predictions.jsonl"
UNRUN = DATA / "unrun.jsonl"
PLANNED = ("jax", "keras-jax")  # what can be predicted without a run by a plan
LIMIT_SECONDS = 600  # other work may run on the machine


def predict(case: Case, python: str, setting: str, options: Sequence[str] = ()) -> dict[str, Any]:
    """One run of the command line, with further options; a refusal or a crash becomes the row's failure."""
    environment = surrounded(setting, case.environment) | {"PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        words = ["--quiet", "--timeout", "500", "--on", "cpu", *options, "-o", str(file), *case.words]
        command = [python, "-m", "memfit", "estimate", *words]
        start = time.perf_counter()
        try:
            done = subprocess.run(
                command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired:
            return {"failure": f"no answer within {LIMIT_SECONDS} s"}
        seconds = round(time.perf_counter() - start, 1)
        if not file.exists():
            said = (done.stderr.strip() or done.stdout.strip() or f"exit {done.returncode}").splitlines()
            errors = [line for line in said if line.startswith("memfit: error")]
            return {"failure": nameless((errors or said)[-1])[:200], "seconds": seconds}
        found = load(file, Estimate)
        slugs = [assumption.slug for assumption in found.assumptions]
        return {"seconds": seconds, **ends(found, "host"), "assumptions": slugs}


def nameless(text: str) -> str:
    """Without the folders of this machine."""
    return " ".join(Path(word).name if word.startswith("/") else word for word in text.split())


def commit() -> str:
    """memfit's own, as git names it."""
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--half", choices=HALVES, default="tuning")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--flavours", nargs="*", default=list(FLAVOURS), choices=FLAVOURS)
    parser.add_argument("--again", action="store_true", help="the tuning half alone: what is there too")
    parser.add_argument("--no-run", action="store_true")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=CASES, metavar="JOB")
    options = parser.parse_args()
    file, flags = (UNRUN, ("--no-run",)) if options.no_run else (FILE, ())
    flavours = [name for name in options.flavours if name in PLANNED or not options.no_run]
    if options.again and options.half == "judging":
        parser.error("the judging half is predicted once")
    for case in (CASES[name] for name in options.only):
        for setting in options.settings:
            if case.half != options.half or case.flavour not in flavours:
                continue
            kept = {(row["job"], row["setting"]): row for row in lines(file)}
            there = kept.get((case.name, setting))
            if there is not None and "failure" not in there and not options.again:
                continue
            python = options.torch_python if case.flavour == "keras-torch" else options.python
            found = predict(case, python, setting, flags)
            kept[case.name, setting] = {"job": case.name, "setting": setting, "memfit": commit(), **found}
            file.write_text("".join(json.dumps(row) + "\n" for row in kept.values()), encoding="utf-8")
            print(case.name, setting, found, flush=True)


if __name__ == "__main__":
    main()
