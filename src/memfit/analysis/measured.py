"""Single figures out of a recording that its samples do not give by themselves; None where it does not tell.

A training process is one that counted iterations; every other process of the job is a worker.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping

from memfit.documents import Holding, Iterations, Recording, Series

# What is counted where a job counts several things: an optimizer's step says more than a batch, a batch than an epoch.
_UNITS = ("step", "round", "batch", "fit", "epoch")
_ON_DEVICE = re.compile(r" on ([a-z]+)(?::(\d+))?$")
# Phases that come before anything of a step is allocated: where one began the first step, the process is still bare.
_FIRST_PHASES = ("data", "forward")
# Names of a process's own series, the best first: shared pages divided among those who share them.
_SHARES = ("held", "pss")


def main_iterations(recording: Recording) -> Iterations | None:
    """The iterations that the job is measured by: of the best unit, of the process that counted most of them."""
    best = [rows for rows in recording.iterations if rows.numbers]
    return max(best, key=lambda rows: (-_rank(rows.unit), rows.numbers[-1]), default=None)


def _rank(unit: str) -> int:
    return _UNITS.index(unit) if unit in _UNITS else len(_UNITS)


def counted(rows: Iterations | None) -> int | None:
    """The number of the last iteration."""
    return None if rows is None else rows.numbers[-1]


def training_pids(recording: Recording) -> tuple[int, ...]:
    """The processes that counted the job's iterations: one, or one per rank."""
    main = main_iterations(recording)
    if main is None:
        return ()
    return tuple(sorted({rows.pid for rows in recording.iterations if rows.unit == main.unit and rows.numbers}))


def column_peak(recording: Recording, pool: str, name: str) -> int | None:
    """The highest of a gauge over all iterations; summed over the processes that read it.

    Args:
        recording: of the job.
        pool: "cuda:0".
        name: of the gauge, "allocated"; its highest within the iterations where it was kept, else at their ends.
    """
    peaks = []
    for rows in recording.iterations:
        column = rows.columns.get(f"{pool}/{name}_high") or rows.columns.get(f"{pool}/{name}")
        if column:
            peaks.append(max(column))
    return sum(peaks) if peaks else None


def category_bytes(recording: Recording, pool: str) -> dict[str, int]:
    """What looks at tensors found, by category: the most that any one look found, summed over the processes.

    Args:
        recording: of the job.
        pool: whose tensors. A label that ends in " on cuda:0" tells of that device, any other of the host.
    """
    looks: dict[tuple[int, str, float], int] = {}
    for held in recording.holdings:
        if held.look == "tensors" and held.held_bytes is not None and _pool_of(held) == pool:
            key = (held.pid, held.category, held.at_s)
            looks[key] = looks.get(key, 0) + held.held_bytes
    return _most(looks)


def _pool_of(held: Holding) -> str:
    found = _ON_DEVICE.search(held.label)
    return "host" if found is None else f"{found[1]}:{found[2] or 0}"


def _most(looks: Mapping[tuple[int, str, float], int]) -> dict[str, int]:
    most: dict[tuple[int, str], int] = {}
    for (pid, category, _), size in looks.items():
        most[pid, category] = max(most.get((pid, category), 0), size)
    sums: dict[str, int] = {}
    for (_, category), size in most.items():
        sums[category] = sums.get(category, 0) + size
    return sums


def framework_bytes(recording: Recording) -> int | None:
    """The resident size of the training processes before their first iteration: imports, model, data loaded so far."""
    pids = training_pids(recording)
    sizes = [_before_first(recording, pid) for pid in pids]
    known = [size for size in sizes if size is not None]
    return sum(known) if known and len(known) == len(pids) else None


def _before_first(recording: Recording, pid: int) -> int | None:
    rows = next((rows for rows in recording.iterations if rows.pid == pid and rows.numbers), None)
    if rows is None:
        return None
    first_end = rows.seconds[0]
    first = next((span for span in recording.phases if span.pid == pid and span.start_s <= first_end), None)
    return first.start_rss_bytes if first is not None and first.name in _FIRST_PHASES else None


def worker_bytes(recording: Recording) -> int | None:
    """What the job's other processes held when all held most, shared pages divided; None without their series."""
    job = recording.one("host", "job", "held")
    pids = training_pids(recording)
    if job is None or not job.seconds or not pids:
        return None
    others = [process.pid for process in recording.processes if process.pid not in pids and process.node == 0]
    if not others:
        return 0
    moment = job.seconds[job.high_bytes.index(max(job.high_bytes))]
    sizes = [_at(_own_series(recording, pid), moment) for pid in others]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def _own_series(recording: Recording, pid: int) -> Series | None:
    found = (recording.one("host", f"process:{pid}", name) for name in _SHARES)
    return next((series for series in found if series is not None), None)


def _at(series: Series | None, moment: float) -> int | None:
    """The value at a moment: that of the last sample before it."""
    if series is None:
        return None
    place = bisect_right(series.seconds, moment) - 1
    return series.last_bytes[place] if place >= 0 else None


def phase_highs(recording: Recording) -> dict[str, int]:
    """The highest resident size that any one process reached in each phase."""
    highs: dict[str, int] = {}
    spans: Iterable[tuple[str, int | None]] = [(total.name, total.high_bytes) for total in recording.phase_totals]
    for name, high in [*spans, *((span.name, span.high_bytes) for span in recording.phases)]:
        if high is not None:
            highs[name] = max(highs.get(name, 0), high)
    return highs


def was_cut_short(recording: Recording) -> bool:
    """Whether the job was ended from outside, or the recording before it: its peak may still have been ahead."""
    return recording.ending.how in ("oom_killed", "lost", "running", "signalled")


def retained(recording: Recording) -> Holding | None:
    """The most that malloc gave back when it was asked to (`--probe malloc_trim`); None when it never was."""
    found = [held for held in recording.holdings if held.category == "retention" and held.held_bytes is not None]
    return max(found, key=lambda held: held.held_bytes or 0, default=None)


def device_product(recording: Recording, pool: str) -> str:
    """The product name of a device as the driver told it; "" when it did not."""
    names = (limit.name for limit in recording.limits if limit.pool == pool and not pool.endswith("host"))
    return next((name for name in names if name != "device memory"), "")
