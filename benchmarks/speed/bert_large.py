"""Two training steps of BERT-large: memfit against PyTorch's MemTracker under FakeTensorMode, in turns in one run.

Both get the same function on the CPU device and build the model from its configuration; nothing is downloaded. Whole
processes are timed; "beyond imports" takes off what importing torch and transformers costs either of them.

    python -m benchmarks.speed.bert_large [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.speed.clock import Run, keep, timed

SCRIPT = "benchmarks/speed/bert_large_job.py"
STEPS = 2


def track() -> None:
    """MemTracker's turn, in a process of its own."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools import MemTracker

    from benchmarks.accuracy.rivals import forget_every_step, skip_moves_that_move_nothing
    from benchmarks.speed.bert_large_job import train

    skip_moves_that_move_nothing()
    tracker = MemTracker()
    forget_every_step(tracker)
    start = time.perf_counter()
    with FakeTensorMode(), tracker:
        train("cpu", STEPS)
    seconds = time.perf_counter() - start
    peak = sum(int(parts["Total"]) for parts in tracker.get_tracker_snapshot("peak").values())
    print(json.dumps({"simulation_seconds": seconds, "peak_bytes": peak}))


def memfit(on: str, device: str) -> tuple[Run, dict[str, object]]:
    """memfit's turn: the script, unchanged, from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "estimate.json"
        words = ["--quiet", "--steps", str(STEPS), "--on", on, "-o", str(file), SCRIPT]
        run = timed([sys.executable, "-m", "memfit", "estimate", *words, "--device", device, "--steps", str(STEPS)])
        if not file.exists():
            sys.exit(f"memfit gave no estimate: {run.errors[-500:]}")
        estimate: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return run, estimate


def figures(runs: list[Run]) -> dict[str, object]:
    """The middle of several runs."""
    return {
        "process_seconds": round(median(run.seconds for run in runs), 2),
        "process_cpu_seconds": round(median(run.cpu_seconds for run in runs), 2),
        "process_peak_bytes": int(median(run.peak_bytes for run in runs)),
    }


def ratio(slow: list[Run], fast: list[Run], field: str, without: list[Run] | None = None) -> float:
    """How many times longer the middle run of one took than that of the other, less what both spend anyway."""
    both = median(getattr(run, field) for run in without) if without else 0.0
    return round(
        (median(getattr(run, field) for run in slow) - both) / (median(getattr(run, field) for run in fast) - both), 2
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--track", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.track:
        track()
        return
    ours, cuda, theirs, said = [], [], [], []
    costs, imports = [], []
    for _ in range(options.rounds):
        imports.append(timed([sys.executable, "-c", "import torch, transformers; transformers.BertForMaskedLM"]))
        run, estimate = memfit("cpu", "cpu")
        ours.append(run)
        costs.append(estimate["cost"])
        cuda.append(memfit("a100-80gb", "cuda")[0])
        theirs.append(timed([sys.executable, "-m", "benchmarks.speed.bert_large", "--track"]))
        if theirs[-1].code != 0:
            sys.exit(f"MemTracker failed: {theirs[-1].errors[-500:]}")
        said.append(json.loads(theirs[-1].output.strip().splitlines()[-1]))
    tracker_simulation = median(float(item["simulation_seconds"]) for item in said)
    result: dict[str, object] = {
        "rounds": options.rounds,
        "steps": STEPS,
        "imports": figures(imports),
        "memfit_cpu": {**figures(ours), "costs": costs},
        "memfit_cuda": figures(cuda),
        "memtracker": {
            **figures(theirs),
            "simulation_seconds": round(tracker_simulation, 2),
            "peak_bytes": said[-1]["peak_bytes"],
        },
        "wall_ratio_cpu": ratio(theirs, ours, "seconds"),
        "wall_ratio_cuda": ratio(theirs, cuda, "seconds"),
        "cpu_time_ratio_cpu": ratio(theirs, ours, "cpu_seconds"),
        "cpu_time_ratio_cuda": ratio(theirs, cuda, "cpu_seconds"),
        "cpu_time_ratio_cpu_beyond_imports": ratio(theirs, ours, "cpu_seconds", imports),
        "cpu_time_ratio_cuda_beyond_imports": ratio(theirs, cuda, "cpu_seconds", imports),
    }
    keep("bert_large", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
