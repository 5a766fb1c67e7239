"""A compiler's plan with what is alive beside it, and what real devices take beyond."""

from __future__ import annotations

from dataclasses import replace

from memfit.engine.plans import Plan, PlannedJob, PlannedRun
from memfit.estimating.planned import CUDA, STAND_IN, TPU, Beyond, planned_device_pool
from memfit.quantities import GIB, MIB

PLAN = Plan(argument_bytes=300 * MIB, output_bytes=200 * MIB, alias_bytes=150 * MIB, temp_bytes=400 * MIB)
RUN = PlannedRun(
    name="step",
    plan=PLAN,
    held_bytes=350 * MIB,
    arguments_held_bytes=280 * MIB,
    step=1,
    where="train.py:9",
    trains=True,
)


def pool(run: PlannedRun, beyond: Beyond = TPU, carried: int = 200 * MIB):  # type: ignore[no-untyped-def]
    planned = PlannedJob(runs=(run,), unplanned=0, carried_bytes=carried, steps=3)
    return planned_device_pool(planned, "tpu:0", 16 * GIB, beyond, "by a plan")


def test_arrays_padding_results_and_temporaries_add_up() -> None:
    """Held 350, padding 20, results that take no argument's place 50, temporaries 400."""
    found = pool(RUN)

    assert found.peak_bytes.expected == found.allocated_peak_bytes == 820 * MIB
    told = {name: size // MIB for name, size in found.breakdown_bytes.items()}
    assert told == {
        "activations": 400, "parameters": 200, "inputs": 80, "other": 70, "buffers": 50, "fragmentation": 20,
    }  # fmt: skip


def test_a_trial_of_algorithms_counts_where_it_is_higher() -> None:
    """Scratch of a convolution beside the arrays of then, not beside the program's temporaries."""
    small = replace(RUN, plan=replace(PLAN, convolution_bytes=1 * MIB))
    large = replace(RUN, plan=replace(PLAN, convolution_bytes=100 * MIB))
    plain = pool(RUN, CUDA).peak_bytes

    assert pool(small, CUDA).peak_bytes.expected == plain.expected
    assert pool(large, CUDA).peak_bytes.expected == 350 * MIB + 130 * MIB + 12 * 100 * MIB
    assert pool(large, CUDA).peak_bytes.high > plain.high


def test_scratch_has_a_bound() -> None:
    """No algorithm that wants more than 4 GiB is tried."""
    huge = replace(RUN, plan=replace(PLAN, convolution_bytes=10 * GIB))

    assert pool(huge, CUDA).peak_bytes.expected < 350 * MIB + 130 * MIB + 24 * GIB + MIB


def test_a_stand_in_has_the_wider_range() -> None:
    """The same plan by another device's compiler is worth less."""
    own, other = pool(RUN, CUDA).peak_bytes, pool(RUN, STAND_IN).peak_bytes

    assert other.low < own.low < own.expected == other.expected < own.high < other.high
