"""Measures ONNX models and asks memfit: python -m benchmarks.onnx.measure FOLDER --python PATH

PATH is an interpreter with onnxruntime. Each model runs with one example and with 32, in a process of its own; memfit
is asked for both as it is, and for 32 with batches up to 16 alone, as where more does not fit here. A row of
`data/runs.jsonl` for each.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.onnx.halves import HALVES
from memfit.api.by_onnx import estimate_onnx, rise_of
from memfit.errors import MemfitError
from memfit.probing.child.onnx_run import OnnxRun
from memfit.probing.sweeping import probe

HERE = Path(__file__).parent
DATA = HERE / "data" / "runs.jsonl"
BATCHES = (1, 32)


def rows() -> list[dict[str, Any]]:
    """What was measured."""
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()] if DATA.exists() else []


def _measured(file: Path, batch: int, python: str) -> int:
    ran = subprocess.run(
        [python, str(HERE / "child.py"), str(file), str(batch)], capture_output=True, text=True, check=True
    )
    return int(json.loads(ran.stdout.splitlines()[-1])["peak"])


def _said(file: Path, batch: int, python: str) -> list[int]:
    peak = estimate_onnx(str(file), ["--batch", str(batch)], on=None, python=python).pool("host").peak_bytes
    return [peak.low, peak.expected, peak.high]


def _from_smaller(file: Path, batch: int, python: str) -> list[int] | str:
    """Low, expected and high where only batches up to its half may be run; the refusal where they do not tell."""
    found = probe(OnnxRun(str(file), {}), [batch // 8, batch // 4, batch // 2], modules=("onnxruntime",), python=python)
    try:
        rise, _ = rise_of(found, batch)
    except MemfitError as error:
        return error.slug
    return [each + found.held_bytes for each in (rise.low, rise.expected, rise.high)]


def main() -> None:
    """Measure the folder's files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", required=True)
    options = parser.parse_args()
    held = {(row["file"], row["batch"]): row for row in rows()}
    for half, names in HALVES.items():
        for name in names:
            file = options.folder / f"{name}.onnx"
            for batch in BATCHES:
                row = {
                    "file": file.name, "half": half, "bytes": file.stat().st_size, "batch": batch,
                    "measured": _measured(file, batch, options.python), "said": _said(file, batch, options.python),
                }  # fmt: skip
                if batch > 1:
                    row["from_smaller"] = _from_smaller(file, batch, options.python)
                held[file.name, batch] = row
                print(json.dumps(row), flush=True)
                DATA.write_text("".join(json.dumps(each) + "\n" for each in held.values()), encoding="utf-8")


if __name__ == "__main__":
    main()
