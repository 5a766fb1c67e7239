"""Loops under each watcher, interleaved, into data/<machine>.json: seconds of the loop, and what the watcher holds.

    python -m benchmarks.overhead.measure [--rounds 11] [--loops small large] [--watchers bare memfit …]

Every round runs each watcher once, in an order that changes from round to round; figures are ratios to the bare run of
the same round. Watchers that are not installed are left out and said: pip install memray scalene memory_profiler.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from benchmarks.accuracy.surroundings import ROOT, machine_name, surroundings

DATA = Path(__file__).parent / "data"
LOOP = "benchmarks/overhead/loops.py"
PYTHON = sys.executable
# watcher → (the package that it needs, its command before the script)
WATCHERS: dict[str, tuple[str, list[str]]] = {
    "bare": ("torch", [PYTHON]),
    "memfit": ("memfit", [PYTHON, "-m", "memfit", "run", "--quiet", "-o", "{out}/job.memfit", "--", PYTHON]),
    "memfit, no marks": (
        "memfit",
        [PYTHON, "-m", "memfit", "run", "--quiet", "--no-marks", "-o", "{out}/job.memfit", "--", PYTHON],
    ),
    "memray": ("memray", [PYTHON, "-m", "memray", "run", "-q", "-o", "{out}/memray.bin"]),
    "memray --native": ("memray", [PYTHON, "-m", "memray", "run", "-q", "--native", "-o", "{out}/memray.bin"]),
    "scalene": ("scalene", [PYTHON, "-m", "scalene", "run", "-o", "{out}/scalene.json"]),
    "memory_profiler (mprof)": (
        "memory_profiler",
        [PYTHON, "-m", "mprof", "run", "-o", "{out}/mprof.dat"],
    ),
    "tracemalloc": ("tracemalloc", [PYTHON, "-X", "tracemalloc=1"]),
    "busy thread": ("psutil", [PYTHON, "benchmarks/overhead/busy.py"]),
}


class Beside(threading.Thread):
    """The largest proportional share that the watcher's own processes held: all of the tree but the loop itself."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.peak_bytes, self.stop = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.stop.wait(1.0):
            try:
                tree = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
                beside = [one for one in tree if not _is_loop(one)]
                self.peak_bytes = max(self.peak_bytes, sum(one.memory_full_info().pss for one in beside))
            except psutil.Error:
                continue


def _is_loop(process: psutil.Process) -> bool:
    words = process.cmdline()
    return any(word.endswith("loops.py") for word in words) and "run" not in words


def once(watcher: str, loop: str, iterations: int | None) -> dict[str, Any]:
    """One run; a watcher that fails says why."""
    with tempfile.TemporaryDirectory() as out:
        command = [word.replace("{out}", out) for word in WATCHERS[watcher][1]]
        words = [*command, LOOP, loop, *([] if iterations is None else [str(iterations)])]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        begun = time.perf_counter()
        running = subprocess.Popen(
            words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        beside = Beside(running.pid)
        beside.start()
        output, errors = running.communicate(timeout=1800)
        wall = time.perf_counter() - begun
        beside.stop.set()
        lines = [line for line in output.splitlines() if line.startswith('{"seconds"')]
        if running.returncode != 0 or not lines:
            return {"failure": (errors.strip().splitlines() or [f"exit {running.returncode}"])[-1][:200]}
        return {**json.loads(lines[-1]), "wall_seconds": wall, "beside_bytes": beside.peak_bytes}


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--loops", nargs="*", default=["small", "large"])
    parser.add_argument("--watchers", nargs="*", default=list(WATCHERS))
    parser.add_argument("--iterations", type=int)
    parser.add_argument("--limit-seconds", type=float, default=float("inf"), help="no new round after")
    parser.add_argument("--output", type=Path, default=DATA / f"{machine_name()}.json")
    options = parser.parse_args(words)
    missing = [name for name in options.watchers if find_spec(WATCHERS[name][0]) is None]
    watchers = [name for name in options.watchers if name not in missing]
    runs: list[dict[str, Any]] = []
    begun = time.monotonic()
    for number in range(options.rounds):
        if time.monotonic() - begun > options.limit_seconds:
            break
        for loop in options.loops:
            for watcher in random.Random(number).sample(watchers, len(watchers)):
                found = once(watcher, loop, options.iterations)
                runs.append({"round": number, "loop": loop, "watcher": watcher, **found})
                print(number, loop, watcher, found.get("failure") or round(found["seconds"], 3), flush=True)
        document = {"environment": surroundings(), "missing": missing, "runs": runs}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
