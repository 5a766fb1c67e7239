"""Predictions for all measured runs of a device, quickly: memfit's own child process, forked from one that has torch.

The same code as behind ``memfit estimate`` (``memfit.jobs.child``), without a start of the interpreter and an import of
torch for each job; run it with the torch that was measured. It leaves the host's side out: a fork does not hold the
file pages of the imports, which the command line's own process does (``predict --like`` tells both).

    python -m benchmarks.accuracy.predict_device --on h200-141gb --like benchmarks/accuracy/data/device/….json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.accuracy.device_child import SCRIPTS
from benchmarks.accuracy.predict import LIMIT_SECONDS, SCRIPT, row, work, write
from benchmarks.accuracy.surroundings import ROOT
from memfit.documents import Estimate, load
from memfit.jobs.child import Child
from memfit.jobs.request import Request


def forked(request: Request, folder: Path, environment: dict[str, str]) -> None:
    """The child's whole work in a fork of this process; returns when it has ended."""
    (folder / "request.json").write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
    child = os.fork()
    if child == 0:
        log = os.open(folder / "job.log", os.O_WRONLY | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ.update(environment)
        Child(folder).work()
        os._exit(1)
    os.waitpid(child, 0)


def predict(name: str, words: list[str], on: str, pool: str, environment: dict[str, str]) -> dict[str, Any]:
    """One prediction; a refusal or a crash becomes the row's failure."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="memfit-") as place:
        folder = Path(place)
        job = name.partition("@")[0]
        script, *arguments = SCRIPTS.get(job, [SCRIPT, job, *words])
        arguments = [f"{word}{folder}/out" if word.endswith("=") else word for word in arguments]
        request = Request(
            target=script, arguments=tuple(arguments), on=on, device_count=1, timeout_s=float(LIMIT_SECONDS)
        )
        forked(request, folder, environment)
        seconds = round(time.perf_counter() - start, 2)
        if not (folder / "result.json").exists():
            said = (folder / "job.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
            return {"failure": " / ".join(said[-3:])[:300] or "no result", "seconds": seconds}
        found = load(folder / "result.json", Estimate)
        return {"seconds": seconds, **row(found, pool)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", required=True, help="the device's name in the catalogue")
    parser.add_argument("--like", type=Path, required=True, help="a measured device file")
    parser.add_argument("--jobs", nargs="*", default=None, help="default: all that were measured")
    parser.add_argument("--again", action="store_true", help="predict also what is there already")
    options = parser.parse_args()
    os.chdir(ROOT)
    print(f"torch {torch.__version__}", file=sys.stderr)
    for kind, name, words, on, pool, extra, file in work(options):
        there = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}
        if name in there and "failure" not in there[name] and not options.again:
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        found = predict(name, words, on, pool, extra)
        write(file, kind, name, found)
        print(name, found.get("expected_bytes"), found.get("seconds"), found.get("failure", ""), flush=True)


if __name__ == "__main__":
    main()
