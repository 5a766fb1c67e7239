"""What an estimate costs: processor time, seconds, its largest process; of this source tree and another side by side.

Processor time is that of memfit and all that it starts, so it can be compared while other work runs; seconds cannot.
The framework's own import is measured in the same run. ResNet-50 takes a batch of 8 images of 224 x 224; the others are
jobs of the tuning half.

    python -m benchmarks.compiled.speed --python PYTHON --torch-python PYTHON [--former FOLDER] [--only NAME …]

FOLDER is another checkout, whose ``src`` is taken. Rows that are there are replaced.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.cases import CASES, SCRIPTS
from benchmarks.compiled.measure import DATA, IMPORTS, lines
from memfit.documents import Estimate, load

FILE = DATA / "speed.jsonl"
BATCH = "8"
LIMIT_SECONDS = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job whose estimate is timed.

    Args:
        flavour: the framework, and for Keras its backend.
        words: the script with its arguments.
    """

    flavour: str
    words: Sequence[str]

    @property
    def environment(self) -> dict[str, str]:
        """Keras's choice of a backend, and a quiet TensorFlow."""
        chosen = {"KERAS_BACKEND": self.flavour[6:]} if self.flavour.startswith("keras-") else {}
        return {"TF_CPP_MIN_LOG_LEVEL": "3", **chosen}


def _resnet(flavour: str) -> Job:
    script = "resnet50_flax.py" if flavour == "jax" else "resnet50_keras.py"
    return Job(flavour=flavour, words=[f"{SCRIPTS}/{script}", "--batch", BATCH])


_SMALL = (
    "keras-tensorflow/cnn-w16-b48-adam", "keras-jax/cnn-w16-b16-adam", "keras-torch/cnn-w16-b32-adam",
    "jax/cnn-w16-b48-adam", "tensorflow/cnn-w16-b16-adam",
)  # fmt: skip
JOBS = {
    **{f"{name}/resnet50": _resnet(name) for name in ("keras-tensorflow", "keras-jax", "keras-torch", "jax")},
    **{name: Job(flavour=CASES[name].flavour, words=CASES[name].words) for name in _SMALL},
}
OPTIONS: Mapping[str, tuple[str, ...]] = {"run": (), "no-run": ("--no-run",)}


def spent(command: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    """A command's processor time with that of all its children, its seconds, and its largest process."""
    start = time.perf_counter()
    child = subprocess.Popen(
        ["timeout", str(LIMIT_SECONDS), *command], cwd=ROOT, env=dict(environment),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return {
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "seconds": round(time.perf_counter() - start, 1),
        "largest_bytes": usage.ru_maxrss * 1024,
        **({"failure": f"exit {child.returncode}"} if child.returncode not in (0, 3) else {}),
    }


def estimated(job: Job, python: str, source: Path, options: Sequence[str]) -> dict[str, Any]:
    """An estimate by the memfit of a source tree."""
    environment = {**os.environ, **job.environment, "PYTHONPATH": str(source / "src")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        words = ["--quiet", "--timeout", str(LIMIT_SECONDS), "--on", "cpu", *options, "-o", str(file), *job.words]
        found = spent([python, "-m", "memfit", "estimate", *words], environment)
        if not file.exists():
            return found
        peak = load(file, Estimate).pool("host").peak_bytes
        return {**found, "expected_bytes": peak.expected, "high_bytes": peak.high}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--former", type=Path, help="another checkout, to be timed beside this one")
    parser.add_argument("--ways", nargs="*", default=list(OPTIONS), choices=OPTIONS)
    parser.add_argument("--only", nargs="*", default=list(JOBS), choices=JOBS)
    options = parser.parse_args()
    for name in options.only:
        job = JOBS[name]
        python = options.torch_python if job.flavour == "keras-torch" else options.python
        kept = {row["job"]: row for row in lines(FILE)}
        row: dict[str, Any] = {"job": name, "import": spent(
            [python, "-c", IMPORTS[job.flavour]], {**os.environ, **job.environment}
        )}  # fmt: skip
        for way in options.ways:
            row[way] = estimated(job, python, ROOT, OPTIONS[way])
        if options.former is not None:
            row["former"] = estimated(job, python, options.former, ())
        kept[name] = {**kept.get(name, {}), **row}
        FILE.write_text("".join(json.dumps(each) + "\n" for each in kept.values()), encoding="utf-8")
        print(row, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
