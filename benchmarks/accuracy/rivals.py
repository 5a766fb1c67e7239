"""What people use instead, for the same jobs: the rule of 16 bytes per parameter, and PyTorch's own MemTracker.

The rule is weights × 4 (weights, gradients, two moments in fp32) and knows no activations. MemTracker
(torch.distributed._tools, private) runs the job once under FakeTensorMode. A fresh process per job.

    python -m benchmarks.accuracy.rivals [--jobs gpt_sgd …]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from typing import Any

from benchmarks.accuracy.jobs import CPU_JOBS, JOBS
from benchmarks.accuracy.measure_exact import save
from benchmarks.accuracy.surroundings import DATA, ROOT, machine_name, surroundings

STEPS = 2  # MemTracker's own examples take two: the second has optimizer state
LIMIT_SECONDS = 120


def skip_moves_that_move_nothing() -> None:
    """Makes ``module.to("cpu")`` return the module: MemTracker cannot follow the swap of fake parameters it causes."""
    from torch import nn

    plain = nn.Module.to

    def to(module: nn.Module, *arguments: Any, **named: Any) -> nn.Module:
        if arguments == ("cpu",) and not set(named) - {"memory_format"}:
            return module
        return plain(module, *arguments, **named)

    nn.Module.to = to  # type: ignore[method-assign]


def forget_every_step(tracker: Any) -> None:
    """MemTracker refuses a module's second call unless its statistics are reset; its peak of all steps stays."""
    from torch.optim.optimizer import register_optimizer_step_post_hook

    register_optimizer_step_post_hook(lambda *_: tracker.reset_mod_stats())


def track(name: str, steps: int) -> dict[str, Any]:
    """MemTracker's total for one job on the CPU, in this process."""
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.distributed._tools import MemTracker

    skip_moves_that_move_nothing()
    train, tracker = JOBS[name].load(), MemTracker()
    forget_every_step(tracker)
    start = time.perf_counter()
    with FakeTensorMode(), tracker:
        train("cpu", steps, 1.0)
    peak = tracker.get_tracker_snapshot("peak")
    total = sum(int(parts["Total"]) for device, parts in peak.items() if device.type == "cpu")
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": round(time.perf_counter() - start, 2), "total_bytes": total, "process_peak_bytes": size}


def run_once(name: str) -> dict[str, Any]:
    """One job in a fresh process; a failure keeps its last line."""
    command = ["nice", "-n", "5", sys.executable, "-m", "benchmarks.accuracy.rivals", "--child", name]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        return {"failure": f"took more than {LIMIT_SECONDS} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    if done.returncode != 0 or not lines:
        said = [line for line in done.stderr.strip().splitlines() if line and not line.startswith(" ")]
        return {"failure": (said or [f"exit {done.returncode}"])[-1][:200]}
    result: dict[str, Any] = json.loads(lines[-1])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="*", default=sorted(CPU_JOBS))
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print("\n" + json.dumps(track(options.child, STEPS)), flush=True)
        return
    file = DATA / "rivals" / f"{machine_name()}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    jobs = json.loads(file.read_text(encoding="utf-8"))["jobs"] if file.exists() else {}
    environment = {"command": "python -m benchmarks.accuracy.rivals", "steps": STEPS, **surroundings()}
    for name in options.jobs:
        if name in jobs:
            continue
        jobs[name] = run_once(name)
        save(file, {"environment": environment, "jobs": jobs})
        print(name, jobs[name], flush=True)


if __name__ == "__main__":
    main()
