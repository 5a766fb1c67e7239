"""Runs one job of the benchmark as a user would run a training script; knows nothing of memfit.

``python benchmarks/accuracy/run_job.py gpt_sgd --device cpu --steps 8`` (or ``-m benchmarks.accuracy.run_job``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # so that it also runs by its path

from benchmarks.accuracy.jobs import JOBS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(JOBS), metavar="NAME")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the batch")
    options = parser.parse_args()
    JOBS[options.name].load()(options.device, options.steps, options.scale)


if __name__ == "__main__":
    main()
