"""The JAX jobs of this benchmark as measure_device.py ran them, planned for that device on a machine without one.

    python -m benchmarks.compiled.plan_device --on h200 --python PYTHON [--only NAME …] --output FILE

PYTHON has JAX, and the CUDA plugin where its compiler is to plan; the file says whose plan it was.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES
from benchmarks.compiled.device_child import STEPS


def planned(name: str, times: int, on: str, python: str) -> dict[str, Any]:
    """One job's device peak, and what it consists of; the message where there is none."""
    case = CASES[name]
    words = [*case.words]
    words[words.index("--batch") + 1] = str(case.batch * times)
    words[words.index("--steps") + 1] = str(STEPS)
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "estimate.json"
        command = [sys.executable, "-m", "memfit", "estimate", "--on", on, "--python", python, "-o", str(saved), *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not saved.exists():
            said = [line for line in done.stderr.splitlines() if line.startswith("memfit:")]
            return {"failure": (said or [f"exit {done.returncode}"])[-1]}
        told = json.loads(saved.read_text())
    pool = next(each for each in told["pools"] if each["pool"] != "host")
    return {
        "peak_bytes": pool["peak_bytes"],
        "plan_bytes": pool["allocated_peak_bytes"],
        "breakdown_bytes": pool["breakdown_bytes"],
        "compiler": told["environment"].get("compiler", "cpu"),
        "jax": told["environment"]["jax"],
        "seconds": told["cost"]["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--times", type=int, default=4)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    told: dict[str, Any] = json.loads(options.output.read_text()) if options.only else {"cases": {}}
    told |= {"on": options.on, "times": options.times}
    for name, case in CASES.items():
        if case.flavour == "jax" and (not options.only or name in options.only):
            told["cases"][name] = planned(name, options.times, options.on, options.python)
            print(name, told["cases"][name], flush=True)
            options.output.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
