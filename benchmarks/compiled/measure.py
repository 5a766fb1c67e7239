"""The truth: every job as a user runs it, in a fresh process, with the kernel's own high-water mark of it.

The launcher imports no framework (a child's ru_maxrss starts from its parent's size) and reads ``wait4``. What the file
holds is not run again. What a framework's import takes alone is measured once for each.

    python -m benchmarks.compiled.measure --python PYTHON --torch-python PYTHON [--settings default threshold]
        [--repeats 2] [--part 0/2] [--only NAME …]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.measure_process import SETTINGS
from benchmarks.accuracy.surroundings import ROOT, surroundings
from benchmarks.compiled.cases import CASES, FLAVOURS, STEPS, Case

DATA = Path(__file__).parent / "data"
TRUTH = DATA / "truth.jsonl"
LIMIT_SECONDS = "300"
IMPORTS = {
    "jax": "import jax, optax, flax.linen, flax.training.train_state, equinox",
    "tensorflow": "import numpy, tensorflow",
    **{flavour: "import keras, numpy" for flavour in FLAVOURS if flavour.startswith("keras-")},
}
PACKAGES = ("jax", "jaxlib", "flax", "optax", "equinox", "keras", "tensorflow_cpu", "torch", "numpy")
VERSIONS = (
    "import json, platform; from importlib.metadata import distributions; "
    f"found = {{x.name: x.version for x in distributions() if x.name in {PACKAGES}}}; "
    "print(json.dumps({'python': platform.python_version(), **found}, sort_keys=True))"
)


def lines(file: Path) -> list[dict[str, Any]]:
    """The rows of a data file, none when it is not there."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def add(file: Path, row: dict[str, Any]) -> None:
    """One more line, in one write: several parts may append side by side."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a", encoding="utf-8") as target:
        target.write(json.dumps(row) + "\n")


def surrounded(setting: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment of a run: the user's own, no malloc settings but the setting's."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_") and key != "PYTHONPATH"}
    return clean | SETTINGS[setting] | environment


def run(python: str, words: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """One fresh process to its end: the kernel's high-water mark, or how it failed."""
    start = time.perf_counter()
    child = subprocess.Popen(
        ["timeout", LIMIT_SECONDS, python, *words],
        cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)  # of timeout and of what it waited for: the larger of the two
    seconds = round(time.perf_counter() - start, 1)
    if status:
        return {"failure": (errors.strip().splitlines() or [f"status {status}"])[-1][:200], "seconds": seconds}
    return {"peak_bytes": usage.ru_maxrss * 1024, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="has JAX, Flax, Equinox, Optax, Keras and TensorFlow")
    parser.add_argument("--torch-python", required=True, help="has Keras and torch")
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--part", default="0/1", help="one of several that share the work")
    parser.add_argument("--only", nargs="*", default=list(CASES))
    options = parser.parse_args()
    pythons = {name: options.torch_python if name == "keras-torch" else options.python for name in FLAVOURS}
    part, parts = map(int, options.part.split("/"))
    done = {(row["job"], row["setting"], row["repeat"]) for row in lines(TRUTH)}
    if part == 0:
        surround(pythons, done)
    for repeat in range(options.repeats):
        for setting in options.settings:
            for name in options.only[part::parts]:
                if (name, setting, repeat) not in done:
                    measure(CASES[name], pythons, setting, repeat)


def measure(case: Case, pythons: dict[str, str], setting: str, repeat: int) -> None:
    """One run, kept and shown."""
    found = run(pythons[case.flavour], case.words, surrounded(setting, case.environment))
    add(TRUTH, {"job": case.name, "setting": setting, "repeat": repeat, "steps": STEPS, **found})
    print(case.name, setting, repeat, found, flush=True)


def surround(pythons: dict[str, str], done: set[tuple[str, str, int]]) -> None:
    """The versions, and what importing alone takes."""
    file = DATA / "environment.json"
    versions = {
        name: json.loads(subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True, check=True).stdout)
        for name, python in pythons.items()
    }
    left_out = ("torch", "transformers", "python", "omp_wait_policy")
    here = {key: value for key, value in surroundings().items() if key not in left_out}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"machine": here, "versions": versions}, indent=1) + "\n", encoding="utf-8")
    for flavour, python in pythons.items():
        if (f"import {flavour}", "default", 0) in done:
            continue
        chosen = next(case for case in CASES.values() if case.flavour == flavour).environment
        found = run(python, ["-c", IMPORTS[flavour]], surrounded("default", chosen))
        add(TRUTH, {"job": f"import {flavour}", "setting": "default", "repeat": 0, "steps": 0, **found})


if __name__ == "__main__":
    main()
