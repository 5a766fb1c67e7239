"""The section of docs/compiled-accuracy.md about devices: plans made without one, held against what JAX held on one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.accuracy.page import mib, percent, table
from benchmarks.compiled.cases import CASES, HALVES

DATA = Path(__file__).parent / "data" / "device"
PLANNERS = {"planned-cuda.json": "the CUDA plugin's", "planned-cpu.json": "the CPU's, standing in"}
Row = Mapping[str, Any]


def section() -> str:
    """The whole section."""
    told = json.loads((DATA / "nvidia-h200.json").read_text())
    measured: Mapping[str, Row] = told["cases"]
    some = next(iter(measured.values()))
    plans = {name: json.loads((DATA / name).read_text())["cases"] for name in PLANNERS}
    jax = next(iter(next(iter(plans.values())).values()))["jax"]
    return (
        f"## JAX on a device that is not there\n\nThe JAX jobs with {told['times']} times their batch, planned for an "
        f"H200 on a machine without a GPU (JAX {jax}; `benchmarks/compiled/plan_device.py`), against what the "
        f"allocator held at most on an {some['device']} (JAX {some['jax']}, no preallocation; `measure_device.py`, "
        "each job once). What is added to the plan (`estimating/planned.py`) was chosen on the tuning half, which is "
        f"six jobs; the judging half was planned once, but its measured peaks had been on this page before.\n\n"
        f"{_by_planner(measured, plans)}\nThe GPU's own plan of the largest program there covers "
        f"{percent(median(_own(row) / _peak(row) for row in measured.values()), 0)} of the peak in the median. What "
        "lies above it is, by the sizes of the allocations (nothing was traced), mostly taken while XLA compiles: it "
        "tries algorithms, for convolutions with scratch of some "
        "ten times their operands. Jobs of this size are small for a GPU; the larger a job, the less of its peak that "
        "is. No TPU was at hand: libtpu's plans are taken as they are, and are not held against anything.\n\n"
        f"{_jobs(measured, plans)}\n"
    )


def _by_planner(measured: Mapping[str, Row], plans: Mapping[str, Mapping[str, Row]]) -> str:
    body = []
    for file, whose in PLANNERS.items():
        for half in HALVES:
            rows = [(measured[name], row) for name, row in plans[file].items() if CASES[name].half == half]
            errors = [row["peak_bytes"]["expected"] / _peak(seen) - 1 for seen, row in rows]
            above = sum(_peak(seen) > row["peak_bytes"]["high"] for seen, row in rows)
            high = median(row["peak_bytes"]["high"] / _peak(seen) - 1 for seen, row in rows)
            worst = max(errors, key=abs)
            body.append([whose, half, str(len(rows)), percent(median(map(abs, errors))), percent(worst, signed=True)])
            body[-1] += [str(above), percent(high)]
    head = ["plan", "half", "jobs", "median error", "worst", "above high", "high over measured"]
    return table(head, body)


def _jobs(measured: Mapping[str, Row], plans: Mapping[str, Mapping[str, Row]]) -> str:
    first, second = PLANNERS
    body = []
    for name, row in sorted(measured.items()):
        cells = [f"`{name}`", CASES[name].half, mib(_peak(row)), mib(_own(row))]
        body.append(cells + [cell for file in (first, second) for cell in _cells(plans[file][name], _peak(row))])
    head = ["job", "half", "measured MiB", "the GPU's largest plan"]
    return table([*head, "plan", "expected ≤ high", "error", "CPU's plan", "expected ≤ high", "error"], body)


def _cells(row: Row, peak: int) -> Sequence[str]:
    said = row["peak_bytes"]
    error = percent(said["expected"] / peak - 1, signed=True)
    return [mib(row["plan_bytes"]), f"{mib(said['expected'])} ≤ {mib(said['high'])}", error]


def _peak(row: Row) -> int:
    return int(row["stats"]["peak_bytes_in_use"])


def _own(row: Row) -> int:
    """The largest program's plan by the compiler on the device itself."""
    argument, output, temp, alias = (
        int(row["plans"][0][f"{part}_size_in_bytes"]) for part in ("argument", "output", "temp", "alias")
    )
    return argument + output + temp - alias
