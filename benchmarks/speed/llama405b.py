"""What estimating full training of Llama 3.1 405B on 1,024 ranks costs, and whether 64 ranks cost the same.

python -m benchmarks.speed.llama405b
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.clock import keep, timed

RANKS = ("8x8", "128x8")
WORDS = ["--train", "full", "--seq", "4096", "--checkpointing", "--on", "h100-80gb"]


def estimate(ranks: str) -> dict[str, object]:
    """One fresh process: seconds, high-water mark (of it or the largest child), and what was predicted."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        words = ["--quiet", "--steps", "2", "-o", str(file), "hf:meta-llama/Llama-3.1-405B", *WORDS, "--ranks", ranks]
        run = timed([sys.executable, "-m", "memfit", "estimate", *words])
        if not file.exists():
            return {"ranks": ranks, "failure": run.errors.strip()[-300:]}
        document = json.loads(file.read_text(encoding="utf-8"))
    device = next(pool for pool in document["pools"] if pool["pool"] != "host")
    return {
        "ranks": ranks,
        "process_seconds": round(run.seconds, 2),
        "process_cpu_seconds": round(run.cpu_seconds, 2),
        "largest_process_bytes": run.peak_bytes,
        "device_peak_bytes": device["peak_bytes"],
    }


def main() -> None:
    result: dict[str, object] = {"rows": [estimate(ranks) for ranks in RANKS]}
    keep("llama405b", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
