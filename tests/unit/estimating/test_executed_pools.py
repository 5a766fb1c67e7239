"""Two small runs of a job under TensorFlow's allocator → the pool of the GPU that it would have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memfit.documents import PoolEstimate
from memfit.estimating.executed import SmallRun, executed_device_pool, held_at, share_of_device, step_at
from memfit.machines import find
from memfit.quantities import GIB, MIB, Basis


def run(size: int, step: int, *, held: int = 100, is_compiled: bool = False, convolution: int = 0) -> SmallRun:
    """``step`` and ``held`` in MiB."""
    return SmallRun(
        size=size,
        held_bytes=held * MIB,
        began_bytes=held * MIB,
        peak_bytes=(held + step) * MIB,
        given_bytes=(held + step) * MIB,
        convolution_bytes=convolution * MIB,
        operator="gradient_tape/mul",
        is_compiled=is_compiled,
    )


def pool(*runs: SmallRun, batch: int = 64) -> PoolEstimate:
    return executed_device_pool(runs, batch, known_bytes=90 * MIB, steps=3, capacity_bytes=20 * GIB)


def test_the_line_is_followed_to_the_whole_batch() -> None:
    """30 MiB whatever the batch, 5 for each example; what is held between steps is there beside it."""
    found = pool(run(4, 50), run(8, 70))

    assert found.allocated_peak_bytes == (100 + 30 + 5 * 64) * MIB
    told = found.breakdown_bytes
    assert (told["parameters"], told["other"], told["activations"]) == (90 * MIB, 10 * MIB, 350 * MIB)
    assert found.peak_bytes.low < found.allocated_peak_bytes < found.peak_bytes.expected < found.peak_bytes.high
    assert {part.category.value: part.basis for part in found.components}["activations"] is Basis.EXTRAPOLATED
    assert found.peak_at.operator == "gradient_tape/mul"


def test_the_fullest_moment_is_another_with_a_whole_batch() -> None:
    """Gradients of 40 MiB are the most of a small step, activations of 2 MiB an example of a whole one."""

    def moments(size: int) -> list[list[object]]:
        return [
            ["activations", 0, 1, 2 * size * MIB],
            ["gradients", 2, 4, 40 * MIB],
            ["", -1, 3, size * MIB],  # data of the batch, held between steps, comes back
            ["data", 5, None, size * MIB],
        ]

    runs = [replace(run(size, 40, held=100 + size), blocks=moments(size)) for size in (4, 8)]

    assert step_at(runs, 64) == 128 * MIB
    assert held_at(runs, 64) == 164 * MIB
    assert pool(*runs).allocated_peak_bytes == (164 + 128) * MIB


def test_a_block_without_a_twin_is_taken_to_grow() -> None:
    """An operator that the smaller run had not: never too low."""
    runs = [
        replace(run(4, 10), blocks=[["a", 0, None, 10 * MIB]]),
        replace(run(8, 18), blocks=[["a", 0, None, 10 * MIB], ["b", 1, None, 8 * MIB]]),
    ]

    assert step_at(runs, 16) == 26 * MIB


def test_a_step_that_grows_faster_at_first_begins_at_nothing() -> None:
    """No line through it can begin below."""
    assert pool(run(4, 10), run(8, 40)).allocated_peak_bytes == (100 + 5 * 64) * MIB


def test_of_one_run_all_of_a_step_is_taken_to_grow() -> None:
    """Never too low."""
    assert pool(run(8, 40)).allocated_peak_bytes == (100 + 5 * 64) * MIB


def test_a_job_whose_batch_is_whole_was_measured() -> None:
    """Nothing is extrapolated."""
    found = pool(run(64, 320), batch=64)

    assert {part.category.value: part.basis for part in found.components}["activations"] is Basis.MEASURED


def test_the_cpus_plan_stands_in_for_a_gpus_with_a_wider_range() -> None:
    """It was between once and twice the GPU's, where the executor's tensors are the same."""
    executed, compiled = pool(run(4, 50), run(8, 70)), pool(run(4, 50), run(8, 70, is_compiled=True))

    assert compiled.peak_bytes.high > executed.peak_bytes.high
    assert compiled.peak_bytes.low < executed.peak_bytes.low


def test_what_the_allocator_does_not_divide_is_not_more_than_a_block() -> None:
    """128 MiB: kMaxInternalFragmentation."""
    wasteful = SmallRun(
        size=8,
        held_bytes=0,
        began_bytes=0,
        peak_bytes=GIB,
        given_bytes=2 * GIB,
        convolution_bytes=0,
        operator="",
        is_compiled=True,
    )
    found = pool(wasteful)

    assert found.peak_bytes.expected - 8 * GIB < 300 * MIB


@pytest.mark.parametrize(("name", "left_mib"), [("rtx4090-24gb", 1536), ("h100-80gb", 1800), ("t4", 1050)])
def test_tensorflow_leaves_a_part_to_the_system(name: str, left_mib: int) -> None:
    """By compute capability, beside the context."""
    device = find(name)
    whole = device.usable_bytes or device.memory_bytes
    assert whole is not None

    assert share_of_device(device, 400 * MIB) == whole - 400 * MIB - left_mib * MIB
