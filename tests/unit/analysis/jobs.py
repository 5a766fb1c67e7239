"""A small job as an estimate and as a recording, for tests: every figure is a round number of MiB."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from memfit.documents import (
    Component,
    Ending,
    Estimate,
    Holding,
    Iterations,
    Limit,
    Machine,
    PhaseSpan,
    PhaseTotal,
    PoolEstimate,
    Process,
    Recording,
    Series,
    StepPeak,
)
from memfit.quantities import MIB, Basis, ByteRange, Category

TRAINER, WORKER = 100, 101


def predicted_pool(
    name: str = "host", *, margin_mib: int = 100, reserved_mib: int | None = None, **sizes_mib: int
) -> PoolEstimate:
    parts = tuple(
        Component(category=Category(category), range=ByteRange.exactly(size * MIB), basis=Basis.TRACED)
        for category, size in sizes_mib.items()
    )
    total = sum(part.range.expected for part in parts)
    tensors = total - sizes_mib.get("framework", 0) * MIB - sizes_mib.get("fragmentation", 0) * MIB
    return PoolEstimate(
        pool=name,
        capacity_bytes=None,
        peak_bytes=ByteRange(low=total - margin_mib * MIB, expected=total, high=total + margin_mib * MIB),
        components=parts,
        allocated_peak_bytes=tensors,
        reserved_peak_bytes=tensors if reserved_mib is None else reserved_mib * MIB,
        steps=tuple(StepPeak(step=at, peak_bytes=tensors, end_bytes=min(at, 2) * MIB) for at in (1, 2, 3)),
    )


def predicted(
    *pools: PoolEstimate,
    arguments: Iterable[str] = ("--batch=4",),
    environment: Mapping[str, Any] | None = None,
    product: str | None = None,
) -> Estimate:
    return Estimate(
        target={"kind": "script", "name": "train.py", "arguments": list(arguments)},
        machine=Machine(name="cpu", details={} if product is None else {"product": product}),
        pools=pools or (predicted_pool(framework=300, parameters=100, activations=500, fragmentation=100),),
        environment={"torch": "2.13.0"} if environment is None else environment,
        cost={"steps": 3},
    )


def series(pool: str, name: str, values_mib: Iterable[int], *, scope: str = "job") -> Series:
    values = array("q", (value * MIB for value in values_mib))
    return Series(
        pool=pool,
        scope=scope,
        name=name,
        seconds=array("d", range(len(values))),
        last_bytes=values,
        low_bytes=values,
        high_bytes=values,
    )


def iterations(count: int = 20, *, pid: int = TRAINER, **columns_mib: int | list[int]) -> Iterations:
    """Iterations a second apart; a column is one value for all, or a list of them."""
    filled = {name.replace("__", "/").replace("cuda0", "cuda:0"): value for name, value in columns_mib.items()}
    return Iterations(
        pid=pid,
        unit="step",
        numbers=array("q", range(1, count + 1)),
        seconds=array("d", (1.0 + at for at in range(count))),
        columns={
            name: array("q", (each * MIB for each in (value if isinstance(value, list) else [value] * count)))
            for name, value in filled.items()
        },
    )


def held(category: str, size_mib: int, *, at_s: float = 5.0, label: str = "Net") -> Holding:
    return Holding(at_s=at_s, pid=TRAINER, look="tensors", category=category, label=label, held_bytes=size_mib * MIB)


def process(pid: int = TRAINER, *, peak_mib: int | None = None, role: str = "main") -> Process:
    return Process(
        pid=pid,
        parent_pid=None if pid == TRAINER else TRAINER,
        name="python",
        command="python train.py",
        role=role,
        peak_rss_bytes=None if peak_mib is None else peak_mib * MIB,
    )


def recorded(
    *all_series: Series,
    command: Iterable[str] = ("python", "train.py", "--batch=4"),
    environment: Mapping[str, Any] | None = None,
    machine: Mapping[str, Any] | None = None,
    rows: Iterable[Iterations] | None = None,
    holdings: Iterable[Holding] = (),
    processes: Iterable[Process] = (),
    phases: Iterable[PhaseSpan] = (),
    phase_totals: Iterable[PhaseTotal] = (),
    limits: Iterable[Limit] = (),
    ending: Ending | None = None,
) -> Recording:
    return Recording(
        command=tuple(command),
        started="2026-01-01T00:00:00Z",
        machine={"host": "box"} if machine is None else machine,
        environment={"torch": "2.13.0"} if environment is None else environment,
        limits=tuple(limits),
        series=all_series or (series("host", "held", [400, 1000, 900]),),
        iterations=(iterations(),) if rows is None else tuple(rows),
        phases=tuple(phases),
        phase_totals=tuple(phase_totals),
        processes=tuple(processes) or (process(),),
        events=(),
        holdings=tuple(holdings),
        ending=Ending(how="exited", exit_code=0, at_s=30.0) if ending is None else ending,
    )


def first_phase(size_mib: int, *, pid: int = TRAINER) -> PhaseSpan:
    return PhaseSpan(pid=pid, name="forward", start_s=0.5, end_s=0.8, start_rss_bytes=size_mib * MIB)
