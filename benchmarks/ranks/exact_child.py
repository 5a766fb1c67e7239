"""One rank under torch.profiler: prints the peak of live tensors by the CPU allocator's events."""

from __future__ import annotations

import os
import sys

import torch

from benchmarks.accuracy.exact_child import flatten, replay
from benchmarks.ranks.job import main as run


def main() -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        run(sys.argv[1])
    tree = profiler.profiler.kineto_results.experimental_event_tree()  # type: ignore[union-attr]
    found = replay(sorted(flatten(tree), key=lambda moment: moment[0]))
    print(f"PEAK {os.environ['RANK']} {found['peak_bytes']}", flush=True)
    if os.environ.get("TELL") == os.environ["RANK"]:
        for size, count, name in found["alive_at_peak"]:
            print(f"{count} x {size}: {name}", file=sys.stderr)


if __name__ == "__main__":
    main()
