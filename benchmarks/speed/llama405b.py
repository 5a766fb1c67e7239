"""What estimating full training of Llama 3.1 405B on 1,024 ranks costs, and whether 64 ranks cost the same.

python -m benchmarks.speed.llama405b
"""

from __future__ import annotations

import json

from benchmarks.speed.clock import estimated, keep

RANKS = ("8x8", "128x8")
WORDS = ["--train", "full", "--seq", "4096", "--checkpointing", "--on", "h100-80gb"]


def estimate(ranks: str) -> dict[str, object]:
    """One fresh process: seconds, high-water mark (of it or the largest child), and what was predicted."""
    words = ["--steps", "2", "hf:meta-llama/Llama-3.1-405B", *WORDS, "--ranks", ranks]
    run, document = estimated(words)
    if document is None:
        return {"ranks": ranks, "failure": run.errors.strip()[-300:]}
    device = next(pool for pool in document["pools"] if pool["pool"] != "host")
    return {
        "ranks": ranks,
        **run.times,
        "largest_process_bytes": run.peak_bytes,
        "device_peak_bytes": device["peak_bytes"],
    }


def main() -> None:
    result: dict[str, object] = {"rows": [estimate(ranks) for ranks in RANKS]}
    keep("llama405b", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
