"""What memfit costs a loop, to a fraction of a per cent: watched and unwatched pieces take turns within one process.

    python -m benchmarks.overhead.alternate [--pieces 160] [--output FILE]

The loops of ``loops`` run under `memfit run`. Before each piece of about half a second the job itself puts the watching
off (the recorder is stopped by SIGSTOP, the hooks that mark steps and backward passes are taken out) or on again, in
pairs of random order. The ratio is that of the pairs: what a busy machine does to one piece it does to its neighbour.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy.surroundings import ROOT, machine_name, surroundings

DATA = Path(__file__).parent / "data"
PIECE_SECONDS = 0.5


class Watching:
    """The watching of this process, to be put on and off."""

    def __init__(self) -> None:
        import torch
        from torch.optim import optimizer

        self.torch = torch
        self.hooks = (optimizer._global_optimizer_pre_hooks, optimizer._global_optimizer_post_hooks)
        self.kept = [dict(hooks) for hooks in self.hooks]
        self.watched = torch.autograd.backward
        if not all(self.kept) or not hasattr(self.watched, "__wrapped__"):
            sys.exit("this process is not marked: run it by the module, not by hand")
        self.bare = self.watched.__wrapped__

    def put(self, on: bool) -> None:
        """Watched or not from here on."""
        for hooks, kept in zip(self.hooks, self.kept, strict=True):
            hooks.clear()
            if on:
                hooks.update(kept)
        self.torch.autograd.backward = self.watched if on else self.bare
        os.kill(os.getppid(), signal.SIGCONT if on else signal.SIGSTOP)


def job(loop: str, pieces: int) -> None:
    """Within `memfit run`: pairs of pieces, and a JSON line with the seconds of each."""
    from benchmarks.overhead.loops import prepared

    step = prepared(loop)
    for _ in range(20):
        step()
    begun = time.perf_counter()
    for _ in range(20):
        step()
    per_piece = max(4, round(PIECE_SECONDS / ((time.perf_counter() - begun) / 20)))
    watching, pairs = Watching(), []
    for number in range(pieces // 2):
        taken: dict[bool, float] = {}
        for on in random.Random(number).sample([False, True], 2):
            watching.put(on)
            for _ in range(max(1, per_piece // 10)):  # what the change itself costs is in neither
                step()
            begun = time.perf_counter()
            for _ in range(per_piece):
                step()
            taken[on] = time.perf_counter() - begun
        pairs.append([taken[False], taken[True]])
    watching.put(True)
    print(json.dumps({"pairs": pairs, "iterations": per_piece}), flush=True)


def measure(loop: str, pieces: int) -> dict[str, Any]:
    """One loop: its pairs and what they come to."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    words = [sys.executable, "-m", "benchmarks.overhead.alternate", "--job", loop, "--pieces", str(pieces)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "memfit", "run", "--quiet", "-o", f"{folder}/job.memfit", "--", *words]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=900)
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"pairs"')]
    if not lines:
        sys.exit(done.stderr)
    told: dict[str, Any] = json.loads(lines[-1])
    ratios = [watched / bare for bare, watched in told["pairs"]]
    middle, low, high = interval(ratios)
    print(loop, f"{middle:.4f} ({low:.4f} to {high:.4f})", flush=True)
    return {**told, "ratio": middle, "low": low, "high": high}


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """The median with where it lies in 95 of 100 samples drawn anew from the pairs."""
    draw = random.Random(0)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(2000))
    return statistics.median(ratios), medians[49], medians[1949]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=160)
    parser.add_argument("--loops", nargs="*", default=["small", "large"])
    parser.add_argument("--output", type=Path, default=DATA / f"alternate-{machine_name()}.json")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        job(options.job, options.pieces)
        return
    loops = {loop: measure(loop, options.pieces) for loop in options.loops}
    document = {"environment": surroundings(), "loops": loops}
    options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
