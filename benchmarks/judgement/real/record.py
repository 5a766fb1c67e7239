"""Records the real loops: each in a process of its own, its resident size read after every iteration.

    python -m benchmarks.judgement.real.record [NAME …] [--iterations 400]

Writes benchmarks/judgement/data/loops/NAME.txt: two lines of what and where, then one number of bytes per line.
`forked_readers` is recorded beside them: workers that read a list of Python objects they share with their parent,
their proportional size and their resident sizes summed, two numbers per line.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.judgement.real import benign, leaking

FOLDER = Path(__file__).parents[1] / "data" / "loops"
PAGE = os.sysconf("SC_PAGE_SIZE")
LOOPS = {loop.__name__: loop for loop in (*leaking.LOOPS, *benign.LOOPS)}
WORKERS = "forked_readers"


def resident() -> int:
    """This process's resident size in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * PAGE


def sampled(name: str, iterations: int) -> list[str]:
    """The resident size after each iteration of a loop, in this process."""
    loop = LOOPS[name]()
    found = np.ones(iterations, dtype=np.int64)  # there from the start: the readings themselves must not grow
    for at in range(iterations):
        next(loop)
        found[at] = resident()
    return [str(reading) for reading in found]


def forked(iterations: int) -> list[str]:
    """Proportional and summed resident size of two workers that go through a shared list, iteration by iteration."""
    data = [f"sample number {number}" for number in range(600_000)]
    each = len(data) // (iterations * 2)
    pipes = [(os.pipe(), os.pipe()) for _ in range(2)]
    children = []
    for (asked, ask), (told, tell) in pipes:
        child = os.fork()
        if child == 0:
            kept = 0
            while os.read(asked, 1) == b"s":
                for word in data[kept : kept + each]:
                    len(word)
                kept += each
                os.write(tell, b"d")
            os._exit(0)
        children.append((child, ask, told))
    found = []
    for _ in range(iterations):
        for _, ask, told in children:
            os.write(ask, b"s")
            os.read(told, 1)
        sizes = [rollup(child) for child, _, _ in children]
        found.append(f"{sum(pss for pss, _ in sizes)} {sum(rss for _, rss in sizes)}")
    for child, ask, _ in children:
        os.write(ask, b"q")
        os.waitpid(child, 0)
    return found


def rollup(process: int) -> tuple[int, int]:
    """Proportional and resident size of a process in bytes."""
    fields = dict.fromkeys(("Pss", "Rss"), 0)
    for line in Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
        key = line.split(":")[0]
        if key in fields:
            fields[key] = int(line.split()[1]) * 1024
    return fields["Pss"], fields["Rss"]


def record(name: str, iterations: int) -> None:
    """Run a loop in a fresh process and keep its readings."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.judgement.real.record", "--inside", name, "--iterations", str(iterations)],
        capture_output=True,
        text=True,
        check=True,
    )
    doc = forked.__doc__ if name == WORKERS else LOOPS[name].__doc__
    where = f"# python {platform.python_version()}, {platform.system()} {platform.machine()}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.txt").write_text(f"# {doc}\n{where}\n{done.stdout}", encoding="utf-8")
    print(f"{name}: {len(done.stdout.splitlines())} readings")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--iterations", type=int, default=400)
    parser.add_argument("--inside", help="used within: run this loop in this process and print")
    options = parser.parse_args()
    if options.inside:
        inside = options.inside
        print("\n".join(forked(options.iterations) if inside == WORKERS else sampled(inside, options.iterations)))
        return
    for name in options.names or [*LOOPS, WORKERS]:
        record(name, options.iterations)


if __name__ == "__main__":
    main()
