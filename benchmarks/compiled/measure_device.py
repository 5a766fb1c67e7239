"""The JAX jobs of this benchmark on the device that is there, or their CPU plans, into data/device/<NAME>.json.

python -m benchmarks.compiled.measure_device [--output FILE] [--times 4] [--limit-seconds 200] [--at-once 4]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES


def measured(name: str, times: int, until: float) -> dict[str, Any]:
    """One job in a process of its own, which takes memory as it needs it."""
    left = until - time.monotonic()
    if left < 5:
        return {"failure": "no time left"}
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }
    command = [sys.executable, "-m", "benchmarks.compiled.device_child", name, str(times)]
    began = time.monotonic()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=left, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failure": "no time left"}
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"device"')]
    if not lines:
        return {"failure": (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:300]}
    return {**json.loads(lines[-1]), "seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--limit-seconds", type=float, default=200)
    parser.add_argument("--at-once", type=int, default=4)
    options = parser.parse_args()
    until = time.monotonic() + options.limit_seconds
    names = [name for name, case in CASES.items() if case.flavour == "jax"]
    told: dict[str, Any] = {"times": options.times, "cases": {}}

    def one(name: str) -> None:
        told["cases"][name] = measured(name, options.times, until)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
        print(name, told["cases"][name].get("failure", ""), flush=True)

    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(one, names))


if __name__ == "__main__":
    main()
