"""What the frameworks' own figures say of the same jobs, kept in data/rivals.jsonl.

python -m benchmarks.compiled.rivals --python PYTHON [--kinds keras jax tensorflow]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess

from benchmarks.accuracy.surroundings import ROOT
from benchmarks.compiled.measure import DATA, lines

FILE = DATA / "rivals.jsonl"
KINDS = ("keras", "jax", "tensorflow")


def ask(kind: str, python: str) -> list[dict[str, object]]:
    """All rows of one kind, from one process."""
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "jax"}
    command = [python, "-m", "benchmarks.compiled.rival_child", kind]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    said = (line.removeprefix("RIVAL ") for line in done.stdout.splitlines() if line.startswith("RIVAL "))
    return [{"kind": kind, **json.loads(line)} for line in said]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    options = parser.parse_args()
    for kind in options.kinds:
        kept = [row for row in lines(FILE) if row["kind"] != kind] + ask(kind, options.python)
        FILE.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")


if __name__ == "__main__":
    main()
