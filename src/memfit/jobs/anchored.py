"""What a few small runs of a job showed → the estimate document of the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memfit.documents import Assumption, Component, Estimate, PeakLocation
from memfit.jobs.hosted import host_estimate, target_of
from memfit.jobs.request import Request
from memfit.probing.law import Law, Point, fit_law
from memfit.probing.watching import Reading
from memfit.quantities import MIB, Basis, ByteRange, Category, Phase
from memfit.sensors import frameworks_found

# memfit in the process that runs the job, beyond what any TensorFlow job imports: measured with CPython 3.11 as the
# difference of the peaks of `import tensorflow` with and without it.
OWN_BYTES = 4 * MIB
# What one run has and another has not. Libraries' code is read in by pages of different size as the page cache has it:
# two days' imports of TensorFlow 2.21 differed by 53 MiB. The share is of the rise above the imports, from the spread
# of repeated runs on the tuning half.
_IMPORT_SPREAD_BYTES = 32 * MIB
_RISE_SHARE = 0.16
# What further steps keep, of the rise, where slow ones were ended early and nearly all left out: 7 % between the third
# and the eighth step of ResNet-50 in TensorFlow, 6 to 10 % between the third and the sixteenth of a small CNN.
_CREEP_SHARE = 0.07
# How often room for the largest variable's gradient may be kept besides, in TensorFlow, whose threads free them in an
# order that changes from run to run: with two threads, jobs of 16 MiB weights held 100 to 170 MiB more in some runs (or
# on a busy machine) than in others, and none did whose weights were small.
_KEPT_TIMES = 4
_SHOWN = ("tensorflow", "tensorflow-cpu", "keras", "jax", "torch", "numpy")
_KNOWN = (
    (Category.PARAMETERS, "parameters_bytes", "variables of the models that were used"),
    (Category.OPTIMIZER_STATE, "optimizer_bytes", "variables of their optimizers"),
    (Category.DATASET, "data_bytes", "arrays that fit() was given whole"),
)


def document_of_small_runs(
    request: Request, readings: Sequence[Reading], assumed: Mapping[str, str], *, knob: str, seconds: float
) -> Estimate:
    """The estimate.

    Args:
        request: what was asked.
        readings: of jobs.small, the smallest batch first; their notes are as Small tells them.
        assumed: what was assumed on the way.
        knob: the number that was taken for the batch, "" where the frameworks' own batches were cut.
        seconds: that it all took.
    """
    parts, how = _parts(readings, knob)
    note: Any = readings[-1].note
    return host_estimate(
        target_of(request),
        parts,
        peak_at=PeakLocation(phase=Phase.BACKWARD),
        assumptions=(how, *(Assumption(slug=slug, text=text) for slug, text in assumed.items())),
        versions={name: version for name, version in frameworks_found().items() if name in _SHOWN},
        cost={
            "seconds": round(seconds, 2),
            "process_peak_bytes": max(each.rise_bytes or 0 for each in readings),
            **({"batch": note["batch"]} if note["batch"] else {}),
        },
        host_memory_bytes=request.host_memory_bytes,
    )


def _parts(readings: Sequence[Reading], knob: str) -> tuple[tuple[Component, ...], Assumption]:
    note: Any = readings[-1].note
    imported = min(each.note["imported_bytes"] for each in readings) - OWN_BYTES  # type: ignore[index]
    rises = [
        round(max((each.rise_bytes or 0) - OWN_BYTES - imported, 0) * (1 + _creep(each.note)))  # type: ignore[arg-type]
        for each in readings
    ]
    batch, sizes = note["batch"], [each.note["cut"] for each in readings]  # type: ignore[index]
    if batch is None or note["cut"] == batch:
        grown, constant, high = ByteRange.exactly(0), rises[-1], round(rises[-1] * (1 + _RISE_SHARE))
        how = Assumption(
            slug="run-as-it-is",
            text="no batch was found to make smaller: "
            + (f"{note['steps']} steps ran as they are" if note["steps"] else "the job ran as it is"),
        )
    elif len(readings) == 1:
        # Nothing grows and all grows that came with the steps are the ends of what is possible; the figure stands
        # between them.
        before = max(note["before_bytes"] - OWN_BYTES - imported, 0)
        most = round(max(rises[0] - before, 0) * (batch / sizes[0] - 1))
        grown = ByteRange(low=0, expected=most // 2, high=most)
        constant, high = rises[0], round(rises[0] * (1 + _RISE_SHARE)) + most // 2
        how = Assumption(
            slug="one-small-run",
            text=f"there was time for one run alone, with batches of {sizes[0]} instead of {batch}: how much of its "
            "peak grows with the batch was not seen, so the range goes from none of what came with the steps to all",
            effect_bytes=grown.expected,
        )
    else:
        steps = sorted({each.note["steps"] or each.note["passes"] for each in readings})  # type: ignore[index]
        law = fit_law([Point(size=size, rise_bytes=rise) for size, rise in zip(sizes, rises, strict=True)])
        grown, constant, high = _split(law, batch, _planned_slope(readings))
        how = Assumption(
            slug="ran-small",
            text=f"{' or '.join(map(str, steps))} steps were run for real with batches of "
            f"{' and '.join(map(str, sizes))} instead of {batch}, and the line through their peaks followed to the "
            "whole batch" + (f"; {knob} was taken for the batch" if knob else ""),
        )
    high += _KEPT_TIMES * note["kept_bytes"]
    return (imports_part(imported), *_components(note, grown, constant, high)), how


def imports_part(imported_bytes: int) -> Component:
    """What a process holds after its framework's import."""
    return Component(
        category=Category.FRAMEWORK,
        range=ByteRange.around(imported_bytes, _IMPORT_SPREAD_BYTES),
        basis=Basis.MEASURED,
        source="after the framework's import",
    )


def _components(note: Mapping[str, Any], grown: ByteRange, constant: int, high: int) -> Iterator[Component]:
    """The parts above the imports; what is left of the constant part is the framework's own."""
    left = constant
    for category, name, source in _KNOWN:
        taken = min(note[name], left)
        left -= taken
        if taken:
            yield Component(category=category, range=ByteRange.exactly(taken), basis=Basis.MEASURED, source=source)
    yield Component(
        category=Category.OTHER,
        range=ByteRange.around(left, high - grown.expected - constant),
        basis=Basis.MEASURED,
        source="gradients, graphs, compiled code, threads' pools and what malloc keeps: the part of the small runs "
        "that does not grow with the batch",
    )
    if grown.expected:
        yield Component(
            category=Category.ACTIVATIONS,
            range=grown,
            basis=Basis.EXTRAPOLATED,
            source=f"what grows with the batch, at {note['batch']}",
        )


def _creep(note: Mapping[str, Any]) -> float:
    return _CREEP_SHARE * max(float(note["left_out"]), 0.0)


def _planned_slope(readings: Sequence[Reading]) -> float:
    """Bytes by which the compiler's plans grow with each example of a batch; 0 where there are none.

    Where the smallest batch rose by what compiling took, the peaks grow by less than the steps do.
    """
    before, after = (each.note for each in (readings[-2], readings[-1]))
    if not (before["planned_bytes"] and after["planned_bytes"]):  # type: ignore[index]
        return 0.0
    grown = after["planned_bytes"] - before["planned_bytes"]  # type: ignore[index]
    return float(max(grown, 0) / (after["cut"] - before["cut"]))  # type: ignore[index]


def _split(law: Law, batch: int, slope: float) -> tuple[ByteRange, int, int]:
    """What grows with the batch, what does not, and the high end of both together.

    Args:
        law: of the peaks.
        batch: the whole one.
        slope: bytes that each of its examples adds at least.
    """
    whole, last = law.range_at(batch), law.points[-1]
    expected, constant = whole.expected, min(round(law.constant_bytes), whole.expected)
    if (least := last.rise_bytes + round(slope * (batch - last.size))) > expected:
        expected, constant = least, max(least - round(slope * batch), 0)
    return (
        ByteRange.exactly(expected - constant),
        constant,
        max(whole.high, round(expected * (1 + _RISE_SHARE))),
    )
