"""The fits that were seen in a script → the estimate document of the script."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass

from memfit import __version__
from memfit.documents import Assumption, Component, Estimate, Machine, PeakLocation, PoolEstimate
from memfit.jobs.request import Request
from memfit.jobs.tabular import IMPORT_SPREAD_BYTES, fit_parts
from memfit.probing.sweeping import FORKED, ProbeResult
from memfit.quantities import Basis, ByteRange, Category, Phase
from memfit.sensors import frameworks_found, host_capacity

_SHOWN = ("scikit-learn", "xgboost", "lightgbm", "numpy", "pandas")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSeen:
    """One fit of a script, and what probing it found.

    Args:
        label: "RandomForestClassifier.fit".
        where: "train.py:12".
        rows, columns, data_bytes: of what it was given.
        held_bytes: what the process held when it was called, without memfit.
        peak_before_bytes: the highest until then, without memfit.
        result: of the probes.
        earlier_bytes: what the fits before it keep at their full size; the script holds models of a part instead.
    """

    label: str
    where: str | None
    rows: int
    columns: int
    data_bytes: int
    held_bytes: int
    peak_before_bytes: int
    result: ProbeResult
    earlier_bytes: int = 0

    @property
    def peak_bytes(self) -> int:
        return (
            self.held_bytes
            + self.earlier_bytes
            + (self.result.rise_bytes.expected if self.result.rise_bytes is not None else 0)
        )


def document_of_script(
    request: Request, fits: tuple[FitSeen, ...], peak_bytes: int, assumed: Mapping[str, str], *, seconds: float
) -> Estimate:
    """The estimate of a script: its largest fit, or what it held outside of fits where that was more.

    Args:
        request: what was asked.
        fits: those that were probed; one at least.
        peak_bytes: the highest that the script itself came to hold.
        assumed: what was assumed on the way.
        seconds: that it all took.
    """
    largest = max(fits, key=lambda fit: fit.peak_bytes)
    by_fit = largest.peak_bytes >= peak_bytes
    parts = script_parts(largest, None if by_fit else peak_bytes)
    host = host_capacity()
    pool = PoolEstimate(
        pool="host",
        capacity_bytes=request.host_memory_bytes or host.capacity_bytes,
        peak_bytes=ByteRange.total(part.range for part in parts),
        components=tuple(parts),
        peak_at=PeakLocation(operator=largest.label, where=largest.where) if by_fit else PeakLocation(phase=Phase.DATA),
        other_processes_bytes=None if request.host_memory_bytes else host.other_processes_bytes,
    )
    points = [int(each.size) for each in largest.result.readings]
    told = [
        Assumption(
            slug="fit-not-made",
            text=f"{largest.label} ({largest.rows:,} × {largest.columns:,}) was probed on up to {max(points):,} of its "
            f"own rows in {largest.result.seconds:.0f} s; {len(fits)} different fits were seen",
        ),
        *(Assumption(slug="probe-note", text=note) for note in largest.result.notes if note != FORKED),
        *(Assumption(slug=slug, text=text) for slug, text in assumed.items()),
    ]
    return Estimate(
        target={
            "kind": "module" if request.module else "script",
            "name": request.target,
            "arguments": list(request.arguments),
        },
        machine=Machine(name="cpu", details={"device_count": 0}),
        pools=(pool,),
        assumptions=tuple(told),
        environment={
            "memfit": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{name: version for name, version in frameworks_found().items() if name in _SHOWN},
        },
        cost={"seconds": round(seconds, 2), "process_peak_bytes": peak_bytes + largest.result.probe_peak_bytes},
    )


def script_parts(fit: FitSeen, peak_bytes: int | None) -> list[Component]:
    """What a script holds at its peak: in its largest fit, or, where a peak is given, outside of fits."""
    data = min(fit.data_bytes, fit.held_bytes)
    imports = fit.held_bytes - data
    spread = ByteRange(low=max(imports - IMPORT_SPREAD_BYTES, 0), expected=imports, high=imports + IMPORT_SPREAD_BYTES)
    parts = [
        Component(
            category=Category.FRAMEWORK,
            range=spread,
            basis=Basis.MEASURED,
            source="imports, and what else the script holds when it fits",
        ),
        Component(
            category=Category.DATASET,
            range=ByteRange.exactly(data),
            basis=Basis.MEASURED,
            source=f"what {fit.label} was given",
        ),
    ]
    if fit.earlier_bytes and peak_bytes is None:
        parts.append(
            Component(
                category=Category.PARAMETERS,
                range=ByteRange(low=0, expected=fit.earlier_bytes, high=fit.earlier_bytes),
                basis=Basis.EXTRAPOLATED,
                source="what earlier fits keep",
            )
        )
    if peak_bytes is None:
        return parts + fit_parts(fit.result, fit.result.rise_bytes or ByteRange.exactly(0))
    rest = max(peak_bytes - fit.held_bytes, 0)
    outside = "reading, preparing, predicting: the script's own high-water mark"
    return [
        *parts,
        Component(
            category=Category.TEMPORARIES,
            range=ByteRange(low=rest, expected=rest, high=round(rest * 1.05)),
            basis=Basis.MEASURED,
            source=outside,
        ),
    ]
