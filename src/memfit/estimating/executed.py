"""A device's pool of a job that ran small, each of its tensors written down: the line through two runs.

The executor was the CPU's, which holds the same tensors as a GPU's in nearly the same order. What its kernels have of
their own is left out, and a GPU's libraries are added as for programs of XLA (planned.py): no card was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from memfit.documents import PoolEstimate
from memfit.engine.plans import Plan, PlannedJob, PlannedRun
from memfit.estimating.planned import CUDA, STAND_IN, Beyond, planned_device_pool
from memfit.machines import Device
from memfit.quantities import MIB, Basis, ByteRange, Category

# BFCAllocator (tsl/framework/bfc_allocator.cc, TensorFlow 2.21): a free block that is too large is divided only where
# it is twice as large as what is asked for, or this much larger (kMaxInternalFragmentation).
_UNDIVIDED_BYTES = 128 * MIB
# What is left to the system beside TensorFlow's own share of a GPU, by compute capability (MinSystemMemory in
# common_runtime/gpu/gpu_device.cc, TensorFlow 2.21), MiB; of devices of less than 2 GiB another figure.
_LEFT_MIB = {6: 500, 7: 1050, 8: 1536, 9: 1800}
_SMALL_DEVICE_BYTES, _LEFT_OF_SMALL = 1 << 31, 225 * MIB
# An executor's tensors: a GPU's graph is laid out anew and its operators start in another order. Assumed.
_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallRun:
    """What one run held.

    Args:
        size: of its batches.
        held_bytes: between steps.
        peak_bytes: asked for at the fullest moment, held ones among them.
        given_bytes: what that took of the allocator.
        convolution_bytes: of the operands and the result of the largest convolution.
        operator: that asked for more at the fullest moment.
        is_compiled: whether a program of XLA held the most of it.
    """

    size: int
    held_bytes: int
    peak_bytes: int
    given_bytes: int
    convolution_bytes: int
    operator: str
    is_compiled: bool

    @property
    def step_bytes(self) -> int:
        """What a step takes beside what is held between steps."""
        return max(self.peak_bytes - self.held_bytes, 0)


def executed_device_pool(
    runs: Sequence[SmallRun], batch: int, *, known_bytes: int, steps: int, capacity_bytes: int | None
) -> PoolEstimate:
    """The estimate of the one device.

    Args:
        runs: of two sizes, the smaller first; of one where no batch was made smaller.
        batch: the whole one.
        known_bytes: of variables that are known to be the model's and its optimizer's.
        steps: that were made.
        capacity_bytes: what the framework can have of the device.
    """
    last = runs[-1]
    slope, constant = line_through(runs)
    # Nothing is known to grow where one run alone was made, so all is taken to.
    taken = round(constant + slope * batch)
    planned = PlannedJob(
        runs=(
            PlannedRun(
                name=last.operator or "the training step",
                plan=Plan(
                    argument_bytes=0, output_bytes=0, alias_bytes=0, temp_bytes=taken,
                    convolution_bytes=round(last.convolution_bytes * batch / last.size),
                    stand_in=True,
                ),
                held_bytes=last.held_bytes,
                arguments_held_bytes=min(known_bytes, last.held_bytes),
                step=1,
                trains=steps > 0,
            ),
        ),
        unplanned=0,
        carried_bytes=known_bytes,
        steps=steps,
    )  # fmt: skip
    beyond = _beyond(last, taken)
    pool = planned_device_pool(planned, "cuda:0", capacity_bytes, beyond, "as its executor held it on the CPU")
    grown = Basis.EXTRAPOLATED if last.size != batch else Basis.MEASURED
    parts = tuple(
        replace(part, basis=grown if part.category is Category.ACTIVATIONS else Basis.MEASURED)
        if part.basis is Basis.COMPUTED
        else part
        for part in pool.components
    )
    return replace(pool, components=parts)


def line_through(runs: Sequence[SmallRun]) -> tuple[float, float]:
    """Bytes that each example of a batch adds to a step, and those that a step takes whatever the batch.

    >>> one = dict(given_bytes=0, convolution_bytes=0, operator="", is_compiled=False, held_bytes=0)
    >>> line_through([SmallRun(size=2, peak_bytes=30, **one), SmallRun(size=4, peak_bytes=50, **one)])
    (10.0, 10.0)
    """
    last = runs[-1]
    if len(runs) == 1:
        return last.step_bytes / last.size, 0.0
    first = runs[-2]
    slope = max((last.step_bytes - first.step_bytes) / (last.size - first.size), 0.0)
    if (constant := last.step_bytes - slope * last.size) < 0:
        return last.step_bytes / last.size, 0.0  # it grew faster at first: no line can begin below nothing
    return slope, constant


def _beyond(last: SmallRun, taken: int) -> Beyond:
    """What a GPU holds beside the tensors: libraries, and what its allocator does not divide."""
    wasted = (last.given_bytes - last.peak_bytes) / last.step_bytes if last.step_bytes else 0.0
    most = min(taken, _UNDIVIDED_BYTES)
    expected = min(round(wasted * taken), most)
    undivided = ByteRange(low=0, expected=expected, high=max(2 * expected, most))
    model = STAND_IN if last.is_compiled else CUDA
    return Beyond(
        kernels=model.kernels + undivided,
        trial_times=model.trial_times,
        trial=model.trial,
        plan_share=model.plan_share if last.is_compiled else _SHARE,
        source="blocks that its allocator does not divide; library workspaces and the trial of algorithms, as measured "
        "on an H200 with XLA (docs/compiled-accuracy.md)",
    )


def share_of_device(device: Device, context_bytes: int) -> int | None:
    """What TensorFlow's allocator takes of a GPU that nobody else uses; None where its memory is not known.

    Args:
        device: of the catalogue.
        context_bytes: of the CUDA context.
    """
    whole = device.usable_bytes or device.memory_bytes
    if whole is None:
        return None
    free = whole - context_bytes
    if free < _SMALL_DEVICE_BYTES:
        return max(free - _LEFT_OF_SMALL, 0)
    generation = min(max((device.capability or (9, 0))[0], min(_LEFT_MIB)), max(_LEFT_MIB))
    return free - _LEFT_MIB[generation] * MIB
