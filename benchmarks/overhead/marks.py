"""What marks cost a job from inside: microseconds a call, milliseconds and bytes at the start of a process.

python -m benchmarks.overhead.marks [--show]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import memfit
from benchmarks.accuracy.surroundings import surroundings
from memfit.recording.child.inject import environment
from memfit.recording.child.marker import Marker

DATA = Path(__file__).resolve().parent / "data" / "marks.json"
_ROUNDS = 60  # short ones: on a machine that others use, some of them are left alone
_STARTS = 40
_PEAK = "print([line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1])"


def microseconds(call: Callable[[], Any], calls: int) -> float:
    """The least of several rounds: what the call takes when nothing else is in its way."""
    rounds = []
    calls //= 25
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - start) / calls * 1e6)
    return round(min(rounds), 3)


def of_the_marker(folder: str) -> dict[str, float]:
    """The marker's own calls; the empty call of the measurement is taken off."""
    marker = Marker(folder)
    empty = microseconds(lambda: None, 100_000)

    def phase() -> None:
        marker.begin("backward")
        marker.end("backward")

    def row() -> None:
        marker._tracks["step"].due = 0.0
        marker.iteration()

    def read_phase() -> None:
        marker._totals["backward"].quick = False
        phase()

    return {
        "iteration": round(microseconds(marker.iteration, 100_000) - empty, 3),
        "iteration_with_row": microseconds(row, 2_000),
        "quick_phase": round(microseconds(phase, 100_000) - empty, 3),
        "phase_with_memory": microseconds(read_phase, 5_000),
    }


def of_torch() -> dict[str, float] | None:
    """Our wrappers around functions that do nothing: what they add to a call of PyTorch's."""
    try:
        import torch
    except ImportError:
        return None
    from memfit.frameworks.torch import marks
    from memfit.recording.child import start

    with tempfile.TemporaryDirectory() as folder:
        marker = start.start(folder, looks=False)
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))])
        optimizer.step()
        optimizers = sys.modules["torch.optim.optimizer"]  # the package has no such attribute
        (before,) = optimizers._global_optimizer_pre_hooks.values()
        (after,) = optimizers._global_optimizer_post_hooks.values()

        def step() -> None:
            before(optimizer, (optimizer,), {})
            after(optimizer, (optimizer,), {})

        backward = marks._backward(lambda *_, **__: None, torch.compiler.is_compiling)
        next_batch = marks._next(lambda _: None)
        module = torch.nn.Identity()
        train = marks._train(lambda *_: None, torch.compiler.is_compiling)
        costs = {
            "optimizer_step": microseconds(step, 50_000),
            "backward": microseconds(lambda: backward(1), 50_000),
            "next_batch": microseconds(lambda: next_batch(1), 50_000),
            "train": microseconds(lambda: train(module, True), 50_000),
        }
        marker.close()
    return costs


def of_a_start() -> dict[str, float]:
    """Processor time of a process that does nothing, with and without, in turns; its byte code is cached."""
    with tempfile.TemporaryDirectory() as name:
        spool, library = Path(name) / "spool", Path(name) / "library"
        spool.mkdir()
        library.mkdir()
        (library / "memfit").symlink_to(Path(memfit.__file__).resolve().parent)
        bare = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")}
        kinds = {"bare": bare, "marked": {**bare, **environment(spool, library, known=bare)}}
        seconds: dict[str, list[float]] = {kind: [] for kind in kinds}
        peaks: dict[str, list[int]] = {kind: [] for kind in kinds}
        for _ in range(_STARTS):
            for kind, variables in kinds.items():
                child = os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], variables)
                usage = os.wait4(child, 0)[2]
                seconds[kind].append(usage.ru_utime + usage.ru_stime)
                told = subprocess.run([sys.executable, "-c", _PEAK], env=variables, check=True, capture_output=True)
                peaks[kind].append(int(told.stdout) * 1024)
    return {
        "bare_cpu_ms": round(median(seconds["bare"]) * 1e3, 2),
        "marked_cpu_ms": round(median(seconds["marked"]) * 1e3, 2),
        "added_bytes": int(median(peaks["marked"]) - median(peaks["bare"])),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        result = {"marker_us": of_the_marker(folder), "torch_added_us": of_torch(), "start": of_a_start()}
    if "--show" not in sys.argv:
        DATA.parent.mkdir(parents=True, exist_ok=True)
        document = {"command": "python -m benchmarks.overhead.marks", **surroundings(), "result": result}
        DATA.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
