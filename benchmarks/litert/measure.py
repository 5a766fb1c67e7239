"""Measures models with the runtimes themselves, and asks memfit: python -m benchmarks.litert.measure FOLDER …

    python benchmarks/litert/models.py models                      with TensorFlow
    python -m benchmarks.litert.measure models --python PATH --arena32 PROGRAM

PATH is an interpreter with ai-edge-litert and tflite-micro; PROGRAM is `arena.cc` built with TFLite Micro for 32 bits
(its head says how), without which that column stays empty. Files that are not of `models.py` are other people's: their
folder's name is where they are from, and they judge. A row of `data/runs.jsonl` is written for each; with ``--again``
what was measured stays, and memfit alone is asked anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.litert.models import HALVES
from memfit.api.by_litert import estimate_litert
from memfit.errors import MemfitError
from memfit.litert import micro
from memfit.litert.model import read_model

HERE = Path(__file__).parent
DATA = HERE / "data" / "runs.jsonl"


def half_of(file: Path) -> str:
    """The half that a file belongs to, by its name."""
    name = file.stem.rpartition("-")[0]
    return next((half for half, names in HALVES.items() if name in names), "others")


def said(file: Path) -> dict[str, Any]:
    """What memfit says of a file, bytes."""
    try:
        pool = estimate_litert(str(file), (), on=None).pool("host")
        arenas = {bits: micro.arena(read_model(file), build) for bits, build in _BUILDS.items()}
    except MemfitError as error:
        return {"error": error.message}
    peak = pool.peak_bytes
    made: dict[str, Any] = {"litert": [peak.low, peak.expected, peak.high]}
    for bits, arena in arenas.items():
        made[bits] = {"head": max(arena.plan, arena.making), "plan": arena.plan, "tail": arena.tail, "all": arena.bytes}
    return made


_BUILDS = {"micro64": micro.BITS_64, "micro32": micro.BITS_32}


def measured(file: Path, python: str, arena32: str | None) -> dict[str, Any]:
    """What the runtimes say; None for one that refuses the model."""
    made = {
        "litert": _last_line([python, str(HERE / "litert_child.py"), str(file)]),
        "micro64": _last_line([python, str(HERE / "arena_child.py"), str(file)]),
    }
    if arena32 is not None:
        made["micro32"] = _last_line([arena32, str(file)])
    return made


def _last_line(command: list[str]) -> dict[str, int] | None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    lines = ran.stdout.strip().splitlines()
    if ran.returncode or not lines:
        return None
    found: dict[str, int] = json.loads(lines[-1])
    return found or None


def rows() -> list[dict[str, Any]]:
    """What was measured, in its order."""
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()] if DATA.exists() else []


def main() -> None:
    """Measure the folders' files, and write their rows in the place of older ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--arena32")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    held = {row["file"]: row for row in rows()}
    for folder in options.folders:
        for file in sorted(folder.glob("*.tflite")):
            half = half_of(file)
            name = file.name if half != "others" else f"{folder.name}/{file.name}"
            row = held.get(name, {})
            if not (options.again and row):
                row = {
                    "file": name, "half": half, "bytes": file.stat().st_size,
                    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                    "measured": measured(file, options.python, options.arena32),
                }  # fmt: skip
            held[name] = {**row, "said": said(file)}
            print(name, json.dumps(held[name]["measured"]), flush=True)
            DATA.write_text("".join(json.dumps(each) + "\n" for each in held.values()), encoding="utf-8")


if __name__ == "__main__":
    main()
