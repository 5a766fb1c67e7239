"""The fits that were seen in a script → the estimate document of the script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from memfit.documents import Assumption, Component, Estimate, PeakLocation
from memfit.jobs.device_calls import OnDevice, with_devices
from memfit.jobs.holdings import Holding
from memfit.jobs.hosted import host_estimate, target_of
from memfit.jobs.request import Request
from memfit.jobs.tabular import IMPORT_SPREAD_BYTES, fit_parts
from memfit.probing.sweeping import FORKED, ProbeResult
from memfit.quantities import Basis, ByteRange, Category, Phase, format_bytes
from memfit.sensors import frameworks_found

_SHOWN = ("scikit-learn", "xgboost", "xgboost-cpu", "lightgbm", "catboost", "numpy", "pandas")
_AS_HIGH = 1.03  # what a script holds outside of fits is told where it is more than a fit's peak by more than its error
_NAMED = 5  # tables that a sentence names
# What a script's own threads add: while it is run to its fits it has one. Most of 47 public scripts, run with two,
# peaked 2 to 8 MiB higher (benchmarks/compatibility/data/fitted.json).
_THREADS_BYTES = 8 << 20
_OUTSIDE_HIGH = 1.05  # of what a script holds outside of fits: one run and another


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSeen:
    """One fit of a script, and what probing it found.

    Args:
        label: "RandomForestClassifier.fit".
        where: "train.py:12".
        rows, columns, data_bytes: of what it was given.
        held_bytes: what the process held when it was called, without memfit.
        result: of the probes.
        earlier_bytes: what the fits before it keep at their full size; the script holds models of a part instead.
        kept_bytes: what it will keep itself beyond the model that the script went on with.
        workers_bytes: what the processes hold that it starts and leaves for the next.
        holdings: the script's tables by name.
        unsure_bytes: what it may hold beyond that, where that was carried on from a part of the data.
        on_device: what it is on a GPU; None of one on the CPU.
    """

    label: str
    where: str | None
    rows: int
    columns: int
    data_bytes: int
    held_bytes: int
    result: ProbeResult
    earlier_bytes: int = 0
    kept_bytes: int = 0
    workers_bytes: int = 0
    holdings: tuple[Holding, ...] = ()
    unsure_bytes: int = 0
    on_device: OnDevice | None = None

    @property
    def peak_bytes(self) -> int:
        return (
            self.held_bytes
            + self.earlier_bytes
            + (self.result.rise_bytes.expected if self.result.rise_bytes is not None else 0)
        )


def document_of_script(
    request: Request, fits: tuple[FitSeen, ...], outside: ByteRange, assumed: Mapping[str, str], *, seconds: float
) -> Estimate:
    """The estimate of a script: its largest fit, or what it held outside of fits where that was more.

    Args:
        request: what was asked.
        fits: those that were probed.
        outside: the highest that the script itself came to hold, with what its fits leave it.
        assumed: what was assumed on the way.
        seconds: that it all took.
    """
    largest = max(fits, key=lambda fit: fit.peak_bytes, default=None)
    by_fit = largest is not None and largest.peak_bytes * _AS_HIGH >= outside.expected
    parts = fit_components(largest) if largest is not None and by_fit else outside_components(largest, outside)
    told = [
        *(_of_fits(largest, len(fits), Path(request.target).name) if largest is not None else ()),
        *(Assumption(slug=slug, text=text) for slug, text in assumed.items()),
    ]
    made = host_estimate(
        target_of(request),
        parts,
        peak_at=PeakLocation(operator=largest.label, where=largest.where)
        if largest is not None and by_fit
        else PeakLocation(phase=Phase.DATA),
        assumptions=told,
        versions={name: version for name, version in frameworks_found().items() if name in _SHOWN},
        cost={"seconds": round(seconds, 2), "process_peak_bytes": outside.low + _largest_probe(fits)},
        host_memory_bytes=request.host_memory_bytes,
    )
    found = tuple((fit.label, fit.where, fit.on_device) for fit in fits if fit.on_device is not None)
    return with_devices(made, found, request.on)


def _largest_probe(fits: tuple[FitSeen, ...]) -> int:
    return max((fit.result.probe_peak_bytes for fit in fits), default=0)


def _of_fits(largest: FitSeen, count: int, script: str) -> Iterator[Assumption]:
    points = [int(each.size) for each in largest.result.readings]
    yield Assumption(
        slug="fit-not-made",
        text=f"{largest.label} ({largest.rows:,} × {largest.columns:,}) was probed on up to {max(points):,} of its "
        f"own rows in {largest.result.seconds:.0f} s; {count} different fits were seen",
    )
    besides = [each for each in largest.holdings if each.size_bytes and not each.given]
    if besides:
        named = ", ".join(
            f"{each.name} {format_bytes(each.size_bytes)}" + (f" ({script}:{each.line})" if each.line else "")
            for each in besides[:_NAMED]
        )
        yield Assumption(
            slug="data-held-besides",
            text=f"when {largest.label} is called the script also holds {named}: `del` what is needed no longer",
            effect_bytes=sum(each.size_bytes for each in besides),
        )
    yield from (Assumption(slug="probe-note", text=note) for note in largest.result.notes if note != FORKED)


def held_components(fit: FitSeen) -> list[Component]:
    """What a script holds when it fits: its imports, the data that the fit was given, other tables of its own."""
    given = min(fit.data_bytes, fit.held_bytes)
    besides = min(sum(each.size_bytes for each in fit.holdings if not each.given), fit.held_bytes - given)
    imports = fit.held_bytes - given - besides
    framework = "imports, and what else the script holds when it fits"
    parts = [
        (Category.FRAMEWORK, ByteRange.around(imports, IMPORT_SPREAD_BYTES + fit.unsure_bytes), framework),
        (Category.DATASET, ByteRange.exactly(given), f"what {fit.label} was given"),
    ]
    if besides:
        parts.append((Category.INPUTS, ByteRange.exactly(besides), "other tables that the script holds by name"))
    return [
        Component(category=category, range=size, basis=Basis.MEASURED, source=source)
        for category, size, source in parts
    ]


def fit_components(fit: FitSeen) -> list[Component]:
    """What a script holds at the peak of a fit."""
    parts = held_components(fit)
    if fit.earlier_bytes:
        parts.append(
            Component(
                category=Category.PARAMETERS,
                range=ByteRange(low=0, expected=fit.earlier_bytes, high=fit.earlier_bytes),
                basis=Basis.EXTRAPOLATED,
                source="what earlier fits keep, and the processes that they leave",
            )
        )
    return parts + fit_parts(fit.result, fit.result.rise_bytes or ByteRange.exactly(0))


def outside_components(fit: FitSeen | None, outside: ByteRange) -> list[Component]:
    """What a script holds at its peak outside of fits.

    Args:
        fit: its largest; None where all were made as they are.
        outside: the script's own high-water mark, with what its fits leave it.
    """
    parts = held_components(fit) if fit is not None else []
    held = fit.held_bytes if fit is not None else 0
    low, expected, high = (max(each - held, 0) for each in (outside.low, outside.expected, outside.high))
    rest = Component(
        category=Category.TEMPORARIES,
        range=ByteRange(low=low, expected=expected, high=round(high * _OUTSIDE_HIGH) + _THREADS_BYTES),
        basis=Basis.MEASURED,
        source="reading, preparing, predicting: the script's own high-water mark, and what fits leave it",
    )
    return [*parts, rest]
