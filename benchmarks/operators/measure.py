"""Each operator for real, by the allocation events of PyTorch's profiler on the CPU, and simulated.

python -m benchmarks.operators.measure [--only NAME …]
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.accuracy.exact_child import flatten, replay
from benchmarks.accuracy.surroundings import surroundings
from benchmarks.operators.cases import Operator, cases
from memfit.engine.allocators import PlainAllocator
from memfit.engine.replay import replay as simulated
from memfit.frameworks.torch.simulation import Simulation

FILE = Path(__file__).parent / "data" / "operators.json"


def job(make: Callable[[], Any], operator: Operator) -> Callable[[], None]:
    """Forward and backward, with a parameter of its own."""

    def run() -> None:
        operator(torch.nn.Parameter(make())).float().square().sum().backward()

    return run


def measured(run: Callable[[], None]) -> dict[str, Any]:
    """The real peak and where it is, in bytes; the first run, which wakes libraries, does not count."""
    run()
    return profiled(run)


def profiled(run: Callable[[], None]) -> dict[str, Any]:
    """The real peak of one run, in bytes, and where it is."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    tree = profiler.profiler.kineto_results.experimental_event_tree()  # type: ignore[union-attr]
    moments = sorted(flatten(tree), key=lambda moment: moment[0])
    if not moments:
        return {"measured_bytes": 0, "measured_at": None}
    found = replay(moments)
    return {"measured_bytes": found["peak_bytes"], "measured_at": found["peak_operator"]}


def traced_bytes(run: Callable[[], None]) -> int:
    """The simulated peak."""
    simulation = Simulation(device_count=0)
    with simulation:
        run()
    return simulated(simulation.trace, "host", PlainAllocator()).requested.size_bytes


def traced(run: Callable[[], None]) -> dict[str, Any]:
    """The simulated peak in bytes, or why there is none."""
    try:
        return {"traced_bytes": traced_bytes(run)}
    except Exception as error:
        return {"traced_bytes": None, "failure": f"{type(error).__name__}: {error}"[:200]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=cases())
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = json.loads(FILE.read_text(encoding="utf-8"))["operators"] if FILE.exists() else {}
    for name, (group, make, operator) in cases().items():
        if options.only and name not in options.only:
            continue
        run = job(make, operator)
        before = kept.get(name, {})
        kept[name] = {"group": group, **measured(run), **(found := traced(run))}
        if group == "fresh":  # as it came out before any rule was made for it
            kept[name]["then"] = before.get("then", found)
        print(name, kept[name], flush=True)
    where = {name: value for name, value in surroundings().items() if name in ("python", "torch", "machine", "libc")}
    FILE.write_text(json.dumps({"where": where, "operators": kept}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
