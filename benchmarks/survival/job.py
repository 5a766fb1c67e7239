"""A small job that is recorded and dies: python job.py KIND SIDE_FILE SECONDS [RECORDING].

Each iteration is told to a side file, (time, number) as two doubles: the bed knows what the recording must hold.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

PAUSE_S = 0.005
GROWTH_BYTES = 1 << 20


def tell(side: BinaryIO, number: int) -> None:
    """An iteration has ended: one write(2), which a SIGKILL right after it does not take back."""
    side.write(struct.pack("dd", time.time(), number))


def loop(side: BinaryIO, seconds: float, each: Callable[[], None], *, growth: int = 0) -> None:
    """Iterations until the time is over, growing or not."""
    held, number, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if growth:
            held.append(bytearray(b"x") * growth)
        time.sleep(PAUSE_S)
        number += 1
        each()
        tell(side, number)


def family(side: BinaryIO, seconds: float) -> None:
    """Three processes that grow, and one that waits for them."""
    for _ in range(3):
        if os.fork() == 0:
            loop(side, seconds, lambda: None, growth=GROWTH_BYTES // 8)
            os._exit(0)
    for _ in range(3):
        os.wait()


def marking(side: BinaryIO, seconds: float, units: Sequence[str]) -> None:
    """What a framework's hooks do: iterations and phases through the marker of `memfit run`."""
    from memfit.recording.child.start import current

    marker = current()
    if marker is None:
        raise SystemExit("nobody records")

    def step() -> None:
        with marker.phase("forward"):
            pass
        for unit in units:
            marker.iteration(unit)

    loop(side, seconds, step)


def inside(side: BinaryIO, seconds: float, path: str) -> None:
    """The job records itself."""
    import memfit

    with memfit.record(path) as rec:
        loop(side, seconds, rec.step)


def main() -> None:
    kind, side_file, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    with Path(side_file).open("ab", buffering=0) as side:
        if kind == "growing":
            loop(side, seconds, lambda: None, growth=GROWTH_BYTES)
        elif kind == "family":
            family(side, seconds)
        elif kind == "marking":
            marking(side, seconds, ["step"])
        elif kind == "busy":
            marking(side, seconds, [f"unit {number}" for number in range(10)])
        else:
            inside(side, seconds, sys.argv[4])


if __name__ == "__main__":
    main()
