"""A device's pool of a job that ran small, each of its tensors written down: the line through two runs.

The executor was the CPU's, which holds the same tensors as a GPU's in nearly the same order. What its kernels have of
their own is left out, and a GPU's libraries are added as for programs of XLA (planned.py): no card was measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

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


Block: TypeAlias = Sequence[Any]  # [operator, when taken, when given back or None, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallRun:
    """What one run held.

    Args:
        size: of its batches.
        held_bytes: at the emptiest moment, between steps.
        began_bytes: when its blocks began to be told, some of a step before among them.
        peak_bytes: asked for at the fullest moment, held ones among them.
        given_bytes: what that took of the allocator.
        convolution_bytes: of the operands and the result of the largest convolution.
        operator: that asked for more at the fullest moment.
        is_compiled: whether a program of XLA held the most of it.
        blocks: each operator's, when it was taken and given back, and bytes (see frameworks.tensorflow.allocator).
    """

    size: int
    held_bytes: int
    began_bytes: int
    peak_bytes: int
    given_bytes: int
    convolution_bytes: int
    operator: str
    is_compiled: bool
    blocks: Sequence[Block] = ()

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
    held, taken = held_at(runs, batch), step_at(runs, batch)
    planned = PlannedJob(
        runs=(
            PlannedRun(
                name=last.operator or "the training step",
                plan=Plan(
                    argument_bytes=0, output_bytes=0, alias_bytes=0, temp_bytes=taken,
                    convolution_bytes=round(last.convolution_bytes * batch / last.size),
                    stand_in=True,
                ),
                held_bytes=held,
                arguments_held_bytes=min(known_bytes, held),
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


def held_at(runs: Sequence[SmallRun], batch: int) -> int:
    """What is held between steps with a whole batch: variables, and data of the batch's size."""
    slope, constant = _line([(run.size, run.held_bytes) for run in runs])
    return round(constant + slope * batch)


def step_at(runs: Sequence[SmallRun], batch: int) -> int:
    """What a step takes beside it, with a whole batch.

    Each block of the larger run is followed from its twin's size in the smaller one, and the run gone through again:
    where the fullest moment is one of gradients with small batches, it is another with a whole one. A program of XLA is
    one block, and the line through two of its sizes its least.
    """
    last = runs[-1]
    if len(runs) == 1:  # nothing is known to grow, so all is taken to
        return round(last.step_bytes / last.size * batch)
    if not last.blocks or last.is_compiled:
        slope, constant = _line([(run.size, run.step_bytes) for run in runs])
        return round(constant + slope * batch)
    total = most = float(last.began_bytes - last.held_bytes)
    for _, size in sorted(_followed(runs[-2], last, batch), key=lambda event: event[0]):
        total += size
        most = max(most, total)
    return round(most)


def _line(points: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Slope and constant of the line through the last two points; not below nothing at its begin."""
    (size, last) = points[-1]
    if len(points) == 1:
        return 0.0, float(last)
    before_size, before = points[-2]
    slope = max((last - before) / (size - before_size), 0.0)
    if (constant := last - slope * size) < 0:
        return last / size, 0.0
    return slope, constant


def _followed(first: SmallRun, last: SmallRun, batch: int) -> Iterator[tuple[int, float]]:
    """When the larger run's blocks come and go, with their sizes at the whole batch."""
    before, now = _by_operator(first.blocks), _by_operator(last.blocks)
    for name, blocks in now.items():
        twins = _twins([each[3] for each in before.get(name, ())], [each[3] for each in blocks], in_turn=bool(name))
        for (_, begin, end, size), twin in zip(blocks, twins, strict=True):
            slope = size / last.size if twin is None else (size - twin) / (last.size - first.size)
            whole = max(size + slope * (batch - last.size), 0.0)
            if begin >= 0:
                yield begin, whole
            if end is not None:
                yield end, -whole


def _by_operator(blocks: Sequence[Block]) -> dict[str, list[Block]]:
    """Blocks by who took them, in turn; those that were there before the run under none."""
    found: dict[str, list[Block]] = {}
    for block in blocks:
        found.setdefault(f"{block[0]} " if block[1] >= 0 else "", []).append(block)
    return found


def _twins(before: Sequence[int], now: Sequence[int], *, in_turn: bool) -> list[int | None]:
    """Each block's size in the smaller run; None where it had none.

    An operator takes its blocks in the same turn in every run. Of others, and where there are more in one run than in
    the other, those of the same size are the same, and the rest are paired by size.

    >>> _twins([8, 100, 4], [100, 16, 4], in_turn=False)
    [100, 8, 4]
    """
    if in_turn and len(before) == len(now):
        return list(before)
    left = Counter(before)
    twins: list[int | None] = [None] * len(now)
    for at, size in enumerate(now):
        if left[size] > 0:
            left[size] -= 1
            twins[at] = size
    rest = sorted(left.elements())
    changed = sorted((at for at, twin in enumerate(twins) if twin is None), key=lambda at: now[at])
    if len(rest) == len(changed):
        for at, twin in zip(changed, rest, strict=True):
            twins[at] = twin
    return twins


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
