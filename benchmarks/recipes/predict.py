"""What memfit says of every case, on a machine without a card: data/predictions.json.

python -m benchmarks.recipes.predict [--on h100-80gb] [--only tuning] [-o FILE]
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import surroundings
from benchmarks.recipes.cases import CASES, HALVES, WITH_LIBRARY, Case
from memfit.errors import MemfitError

FILE = Path(__file__).parent / "data" / "predictions.json"


def predicted(case: Case, on: str) -> dict[str, Any]:
    """One estimate's figures, or why there is none."""
    try:
        found = memfit.estimate(f"hf:{case.model}", shlex.split(case.words), on=on)
    except MemfitError as error:
        return {"failure": error.message[:300]}
    pool = found.pool("cuda:0")
    return {
        "requested_peak_bytes": pool.requested_peak_bytes,
        "allocated_peak_bytes": pool.allocated_peak_bytes,
        "reserved_peak_bytes": pool.reserved_peak_bytes,
        "low_bytes": pool.peak_bytes.low,
        "expected_bytes": pool.peak_bytes.expected,
        "high_bytes": pool.peak_bytes.high,
        "framework_bytes": sum(p.range.expected for p in pool.components if p.category.value == "framework"),
        "seconds": found.cost["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", default="h100-80gb")
    parser.add_argument("--only", choices=(*HALVES, WITH_LIBRARY))
    parser.add_argument("-o", "--output", type=Path, default=FILE)
    options = parser.parse_args()
    before = json.loads(options.output.read_text())["cases"] if options.output.exists() else {}
    todo = [case for case in CASES if options.only in (None, case.half)]
    with ThreadPoolExecutor(2) as pool:
        cases = dict(zip((c.name for c in todo), pool.map(lambda case: predicted(case, options.on), todo), strict=True))
    commit = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    told = {"on": options.on, "commit": commit, **surroundings(), "cases": {**before, **cases}}
    options.output.write_text(json.dumps(told, indent=1) + "\n")
    for name, seen in cases.items():
        print(name, seen)


if __name__ == "__main__":
    main()
