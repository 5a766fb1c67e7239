"""The recipe on this machine's card, several at once as far as they fit, into data/device/<device>.json.

    python -m benchmarks.recipes.measure [--output FILE] [--limit-seconds 400] [--at-once 3]

What torch's allocator saw is each process's own, whoever else is on the card.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.measure_device import describe
from benchmarks.accuracy.surroundings import ROOT
from benchmarks.recipes.cases import CASES, HALVES, WITH_LIBRARY, Case
from memfit.recipes.naming import find

DATA = Path(__file__).parent / "data"
ROOM_BYTES = 66 << 30  # of a card of 80 GB, for all that run at once


def start(case: Case) -> tuple[subprocess.Popen[str], Any]:
    """One process; what it prints goes to a file, which never fills."""
    words = [str(find(f"hf:{case.model}").folder), *shlex.split(case.words), "--every-token"]
    module = "benchmarks.recipes.bitsandbytes_child" if case.half == WITH_LIBRARY else "memfit.recipes.language"
    output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - read when the process has ended
    child = subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "HF_HUB_OFFLINE": "1"},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return child, output


def told(child: subprocess.Popen[str], output: Any) -> dict[str, Any]:
    """What an ended process printed last, or its complaint."""
    output.seek(0)
    lines = output.read().strip().splitlines()
    found = [line for line in lines if line.startswith('{"requested')]
    if child.returncode or not found:
        return {"failure": (lines or [f"exit {child.returncode}"])[-1][:300]}
    seen: dict[str, Any] = json.loads(found[-1])
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=DATA / "device.json")
    parser.add_argument("--predicted", type=Path, default=DATA / "predictions.json", help="for what fits beside what")
    parser.add_argument("--limit-seconds", type=float, default=400)
    parser.add_argument("--at-once", type=int, default=3)
    parser.add_argument("--only", choices=(*HALVES, WITH_LIBRARY))
    options = parser.parse_args()
    predicted = json.loads(options.predicted.read_text())["cases"]
    until = time.monotonic() + options.limit_seconds
    result: dict[str, Any] = {"machine": describe(), "cases": {}}
    todo = [case for case in CASES if options.only in (None, case.half)]
    running: dict[str, tuple[subprocess.Popen[str], Any, int, float]] = {}
    while (todo or running) and time.monotonic() < until:
        taken = sum(room for _, _, room, _ in running.values())
        for case in list(todo):
            room = predicted.get(case.name, {}).get("high_bytes") or 20 << 30
            if len(running) < options.at_once and taken + room <= ROOM_BYTES:
                todo.remove(case)
                running[case.name] = (*start(case), room, time.monotonic())
                taken += room
        time.sleep(0.1)
        for name, (child, output, _, began) in list(running.items()):
            if child.poll() is not None:
                del running[name]
                seconds = round(time.monotonic() - began, 1)
                result["cases"][name] = {**told(child, output), "seconds": seconds}
                print(name, result["cases"][name], flush=True)
                options.output.write_text(json.dumps(result, indent=1) + "\n")
    for child, *_ in running.values():
        child.kill()


if __name__ == "__main__":
    main()
