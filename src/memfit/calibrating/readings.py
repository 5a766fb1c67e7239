"""What one recording, alone or beside the estimate of the same job, says of this machine. Pure.

A recording that cannot teach something says why: nothing is learnt from a job that was cut short, or is not the one
that was estimated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from memfit.analysis.comparison import compare
from memfit.analysis.measured import column_peak, device_product, was_cut_short
from memfit.documents import Comparison, Component, Estimate, PoolComparison, Recording
from memfit.estimating import CUDA_HOST_SOURCE, allocator_subject, script_name
from memfit.probing.baseline import Baseline
from memfit.quantities import Category

# Reasons of a comparison that mean: not the same job, or not all of it.
_NOT_THE_SAME = {
    "measured-failed", "recorded-fewer-steps", "iterations-unknown", "arguments-differ", "versions-differ",
    "devices-differ", "several-processes",
}  # fmt: skip
# A ratio beyond these is no allocator's doing: the estimate missed something, and learning that would hide it.
_LEAST_RATIO, _MOST_RATIO = 0.5, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One reading of one constant: see memfit.machines.LearntConstant for the fields."""

    kind: str
    subject: str
    version: str
    size: int
    note: str = ""


def from_measurement(baseline: Baseline) -> Iterable[Reading]:
    """What a fresh process said."""
    about = {"subject": baseline.package, "version": baseline.version}
    yield Reading(kind="baseline", size=baseline.import_bytes, note="fresh process", **about)
    if baseline.first_step_bytes is not None:
        yield Reading(kind="first_step", size=baseline.first_step_bytes, note="fresh process", **about)


def from_recording(recording: Recording, estimate: Estimate | None = None) -> tuple[list[Reading], list[str]]:
    """Everything that a recording teaches.

    Args:
        recording: of a job on this machine.
        estimate: of the same job, made on this machine; without it only the devices' contexts can be learnt.

    Returns:
        The readings, and why some could not be had.
    """
    torch = str(recording.environment.get("torch") or "")
    found = list(_contexts(recording, torch))
    notes = [] if found or estimate is not None else ["no device was read beside its allocator: nothing to learn alone"]
    if estimate is None:
        return found, notes
    comparison = compare(estimate, recording)
    why = _unlike(comparison, recording)
    if why:
        return found, [f"the recording and the estimate do not tell of one job: {why}"]
    host = next(pool for pool in comparison.pools if pool.pool == "host")
    read = (_cuda_host if _on_device(estimate) else _allocator)(estimate, recording, host, torch)
    return (found, [read]) if isinstance(read, str) else ([*found, read], notes)


def _contexts(recording: Recording, torch: str) -> Iterable[Reading]:
    for pool in recording.pools:
        if pool.endswith("host"):
            continue
        used, reserved = recording.peak_bytes(pool), column_peak(recording, pool, "reserved")
        product = device_product(recording, pool)
        if used is not None and reserved and product and used > reserved:
            note = " ".join(recording.command)[:200]
            yield Reading(kind="context", subject=product, version=torch, size=used - reserved, note=note)


def _unlike(comparison: Comparison, recording: Recording) -> str:
    if was_cut_short(recording):
        return "the recording was cut short"
    told = (reason.text for reason in comparison.reasons if reason.slug in _NOT_THE_SAME)
    return next(told, "" if _script(recording) == _script_predicted(comparison) else "it ran another script")


def _script(recording: Recording) -> str:
    words = recording.command
    return script_name({"name": next((word for word in words if word.endswith(".py")), "")})


def _script_predicted(comparison: Comparison) -> str:
    name = script_name({"name": comparison.first.name.partition(" ")[0]})
    return name if name.endswith(".py") else ""


def _on_device(estimate: Estimate) -> bool:
    return any(not pool.pool.endswith("host") for pool in estimate.pools)


def _allocator(estimate: Estimate, recording: Recording, host: PoolComparison, torch: str) -> Reading | str:
    """The tensors' side of the peak, malloc's keeping included: measured over modelled."""
    measured = host.peak.second
    parts = estimate.pool("host").components
    around = sum(part.range.expected for part in parts if part.category in (Category.FRAMEWORK, Category.LOADER))
    modelled = estimate.pool("host").reserved_peak_bytes  # the model's alone, whatever was learnt before
    if measured is None or not modelled:
        return "the recording or the estimate has no host tensors"
    ratio = (measured.expected - around) / modelled
    if not _LEAST_RATIO <= ratio <= _MOST_RATIO:
        return f"the job took {ratio:.2f} times what was modelled: that is no allocator's doing, and is not learnt"
    subject = allocator_subject(script_name(estimate.target), recording.environment)
    note = " ".join(recording.command)[:200]
    return Reading(kind="host_allocator", subject=subject, version=torch, size=round(ratio * 1000), note=note)


def _cuda_host(estimate: Estimate, recording: Recording, host: PoolComparison, torch: str) -> Reading | str:
    """The driver's and libraries' share of the host: what is left when all else that was predicted is taken off."""
    measured = host.peak.second
    others = [part for part in estimate.pool("host").components if not _is_driver(part)]
    left = None if measured is None else measured.expected - sum(part.range.expected for part in others)
    product: Any = estimate.machine.details.get("product")
    if left is None or left <= 0 or not product:
        return "the host held less than was predicted without the driver's share: nothing is learnt of it"
    note = " ".join(recording.command)[:200]
    return Reading(kind="cuda_host", subject=str(product), version=torch, size=left, note=note)


def _is_driver(part: Component) -> bool:
    return part.source.startswith(CUDA_HOST_SOURCE)
