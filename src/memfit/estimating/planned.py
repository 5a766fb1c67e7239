"""The pools of a job whose programs a compiler planned: its device's, and the host's beside it.

The device's expected peak is what the job's arrays and its fullest program take by the compiler's plan. What no plan
knows is added: constants that hold for one compiler, each with where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from memfit.documents import Component, PeakLocation, PoolEstimate
from memfit.engine.plans import PlannedJob, PlannedRun
from memfit.estimating.host_pool import CUDA_HOST_SIDE, CUDA_HOST_SOURCE
from memfit.estimating.parts import exactly
from memfit.quantities import GIB, MIB, Basis, ByteRange, Category, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """What real runs take beyond a compiler's plan.

    Args:
        kernels: workspaces of the matrix library, and what choosing between its kernels takes, beside the program.
        trial_times: what trying algorithms for a convolution takes, in its operands and result. They are tried when a
            program is compiled, beside the arrays that are there then.
        trial: what that takes whatever the convolution.
        plan_share: by which the plan itself may be off, either way.
        source: where the figures come from.
    """

    kernels: ByteRange
    trial_times: tuple[float, float]
    trial: ByteRange
    plan_share: float
    source: str


_NOTHING = ByteRange.exactly(0)
# libtpu plans every byte, padding included, and what the runtime holds is not in the memory that it plans for.
TPU = Beyond(
    kernels=_NOTHING, trial_times=(0, 0), trial=_NOTHING, plan_share=0.05, source="assumed: no TPU was measured"
)
# Chosen on the tuning half of benchmarks/compiled, four times their batches on an H200 with JAX 0.11: what was measured
# beyond the plan is 61, 75 and 195 MiB without convolutions (the median and the most), and with them the line through
# three jobs, whose high end is half as much again and one more block of 256 MiB, as the autotuner was seen to ask for.
CUDA = Beyond(
    kernels=ByteRange(low=0, expected=75 * MIB, high=200 * MIB),
    trial_times=(12.0, 18.0),
    trial=ByteRange(low=0, expected=130 * MIB, high=450 * MIB),
    plan_share=0.15,
    source="library workspaces and the trial of algorithms, as measured on an H200 (docs/compiled-accuracy.md)",
)
# The CPU's plan of the same jobs is between 0.97 and 2 times the GPU's.
STAND_IN = Beyond(
    kernels=CUDA.kernels, trial_times=CUDA.trial_times, trial=CUDA.trial, plan_share=0.5, source=CUDA.source
)
# What JAX on a CPU takes beyond imports, data and plan: a constant, and multiples of what compiling took without
# optimisation and of the results that take no argument's place, which steps under way hold several times. The closest
# to eleven jobs of JAX and Keras on JAX of the tuning half of benchmarks/compiled: off by 16 % at most, of the whole.
_UNPLANNED_BYTES = 60 * MIB
_COMPILING_TIMES, _RESULTS_TIMES = 1.5, 3.5
_UNRUN_SHARE = 0.25
_IMPORTS_SPREAD_BYTES = 32 * MIB  # as in jobs.anchored
# xla_gpu_redzone_scratch_max_megabytes (xla/debug_options_flags.cc): no algorithm is tried that wants more by default.
_MOST_SCRATCH_BYTES = 4 * GIB
# The host's side of a TPU: libtpu itself and the buffers that it copies through.
_TPU_HOST_SIDE = ByteRange(low=0, expected=512 * MIB, high=4 * GIB)
_TPU_HOST_SOURCE = "assumed: libtpu within the process and its buffers for transfers"


def planned_device_pool(
    planned: PlannedJob, pool: str, capacity_bytes: int | None, beyond: Beyond, basis_text: str
) -> PoolEstimate:
    """The estimate of one device.

    Args:
        planned: the job's plans; it has one at least.
        pool: "tpu:0", "cuda:0".
        capacity_bytes: what its programs and arrays can have.
        beyond: what is added to the plan.
        basis_text: whose plan it is.
    """
    fullest = planned.runs[0]
    parts = (*_of_plan(fullest, planned.carried_bytes, basis_text), *_beyond(planned, fullest, beyond))
    expected = sum(part.range.expected for part in parts)
    spread = round(fullest.peak_bytes * beyond.plan_share)
    high = sum(part.range.high for part in parts) + spread
    return PoolEstimate(
        pool=pool,
        capacity_bytes=capacity_bytes,
        peak_bytes=ByteRange(
            low=max(min(sum(part.range.low for part in parts) - spread, expected), 0), expected=expected, high=high
        ),
        components=parts,
        allocated_peak_bytes=fullest.peak_bytes,
        peak_at=PeakLocation(
            phase=Phase.BACKWARD if fullest.trains else None,
            step=fullest.step + 1 if fullest.trains else fullest.step,
            operator=fullest.name,
            where=fullest.where or None,
        ),
    )


def _of_plan(run: PlannedRun, carried_bytes: int, whose: str) -> Iterator[Component]:
    plan = run.plan
    carried = min(carried_bytes, run.arguments_held_bytes) if run.trains else 0
    kept = max(plan.output_bytes - plan.alias_bytes, 0)
    told = (
        (Category.PARAMETERS, carried, "what a step takes and hands on: parameters and the optimizer's state"),
        (Category.INPUTS, run.arguments_held_bytes - carried, "its other arguments: batches above all"),
        (Category.OTHER, run.held_bytes - run.arguments_held_bytes, "arrays that the job holds beside it"),
        (Category.FRAGMENTATION, run.padding_bytes, "padding of the arguments"),
        (Category.BUFFERS, kept, "results that take no argument's place (donate_argnums)"),
        (Category.ACTIVATIONS, plan.temp_bytes, "activations, gradients and temporaries within the program"),
        (Category.FRAMEWORK, plan.code_bytes, "the program's code"),
    )
    for category, size, what in told:
        if size > 0:
            yield exactly(category, size, f"{what}; {whose}")


def _beyond(planned: PlannedJob, fullest: PlannedRun, beyond: Beyond) -> Iterator[Component]:
    """What the fullest program has beside its plan, or by how much a trial at its compilation is higher."""
    trial = _trial(planned, beyond)
    expected = max(beyond.kernels.expected, trial.expected - fullest.peak_bytes)
    added = ByteRange(
        low=min(beyond.kernels.low, expected),
        expected=expected,
        high=max(beyond.kernels.high, trial.high - fullest.peak_bytes),
    )
    if added.high:
        yield Component(category=Category.WORKSPACES, range=added, basis=Basis.EXTRAPOLATED, source=beyond.source)


def _trial(planned: PlannedJob, beyond: Beyond) -> ByteRange:
    """The device while algorithms are tried for the largest convolution."""
    largest = max(planned.runs, key=lambda run: run.plan.convolution_bytes)
    size = largest.plan.convolution_bytes
    if not size or not beyond.trial.high:
        return _NOTHING
    expected, high = (min(round(times * size), _MOST_SCRATCH_BYTES + 2 * size) for times in beyond.trial_times)
    return ByteRange.exactly(largest.held_bytes) + beyond.trial + ByteRange(low=0, expected=expected, high=high)


def planned_host_parts(process_bytes: int, own_bytes: int, *, on_tpu: bool) -> tuple[Component, ...]:
    """The host of such a job: the process that ran the script, with the runtime that a real one has beside it.

    Args:
        process_bytes: the high-water mark of the process that planned it.
        own_bytes: of that, memfit's own.
        on_tpu: the device's kind.
    """
    held = max(process_bytes - own_bytes, 0)
    return (
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange(low=held // 2, expected=held, high=round(held * 1.25)),
            basis=Basis.MEASURED,
            source="the process that ran the script and compiled its programs",
        ),
        Component(
            category=Category.FRAMEWORK,
            range=_TPU_HOST_SIDE if on_tpu else CUDA_HOST_SIDE,
            basis=Basis.ASSUMED,
            source=_TPU_HOST_SOURCE if on_tpu else CUDA_HOST_SOURCE,
        ),
    )


def cpu_parts(planned: PlannedJob, *, made_bytes: int, compiled_bytes: int, own_bytes: int) -> tuple[Component, ...]:
    """The parts of a host that computes itself, of a job that was planned and not run.

    Args:
        planned: the job's plans; it has one at least.
        made_bytes: what the process held that ran the script without computing.
        compiled_bytes: by how much it rose while programs were compiled, without optimisation.
        own_bytes: of what it held, memfit's own.
    """
    fullest = planned.runs[0]
    made = max(made_bytes - own_bytes, 0)
    results = max(fullest.plan.output_bytes - fullest.plan.alias_bytes, 0)
    beyond = _UNPLANNED_BYTES + round(_COMPILING_TIMES * compiled_bytes + _RESULTS_TIMES * results)
    return (
        Component(
            category=Category.FRAMEWORK,
            range=ByteRange.around(made, _IMPORTS_SPREAD_BYTES),
            basis=Basis.MEASURED,
            source="imports, and what the script made outside of its programs",
        ),
        *_of_plan(fullest, planned.carried_bytes, "by the plan of the CPU's compiler"),
        Component(
            category=Category.OTHER,
            range=ByteRange(
                low=0,
                expected=beyond,
                high=beyond + round((made + fullest.peak_bytes + beyond) * _UNRUN_SHARE),
            ),
            basis=Basis.EXTRAPOLATED,
            source="compiling, and what malloc and steps under way keep: as in the tuning half of "
            "docs/compiled-accuracy.md",
        ),
    )
