"""One rank under torch.profiler: prints the peak of live tensors by the CPU allocator's events.

Threads of a collective free what they held unseen by the profiler: counted by address, a block ends at the latest when
its address is given out again.
"""

from __future__ import annotations

import os
import sys

import torch

from benchmarks.accuracy.exact_child import Moment, alive, flatten
from benchmarks.ranks.job import main as run


def main() -> None:
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        run(sys.argv[1])
    tree = profiler.profiler.kineto_results.experimental_event_tree()  # type: ignore[union-attr]
    moments = sorted(flatten(tree), key=lambda moment: moment[0])
    peak, at = peak_by_address(moments)
    print(f"PEAK {os.environ['RANK']} {peak}", flush=True)
    if os.environ.get("TELL") == os.environ["RANK"]:
        for size, count, name in alive(moments[: at + 1]):
            print(f"{count} x {size}: {name}", file=sys.stderr)


def peak_by_address(moments: list[Moment]) -> tuple[int, int]:
    """The most that blocks at different addresses added up to, in bytes, and the index of the event that made it so."""
    held: dict[int, int] = {}
    now = peak = peak_at = 0
    for at, (_, kind, event, _path) in enumerate(moments):
        if kind != "alloc":
            continue
        now -= held.pop(event.ptr, 0)
        if event.alloc_size > 0:
            held[event.ptr] = event.alloc_size
            now += event.alloc_size
        if now > peak:
            peak, peak_at = now, at
    return peak, peak_at


if __name__ == "__main__":
    main()
