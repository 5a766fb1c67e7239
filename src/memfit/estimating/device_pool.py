"""A device's peak: what the allocator reserves for the job's tensors, and what the process holds beside it.

The range. low: live tensors alone and the smallest context seen; of a compiled job without what fusion could save.
expected: the modelled reservation and the usual context. high: the expected figure with the largest context seen, a
share for what the model does not see, the largest workspace that a library may choose, and what batches of changing
length leave in an order that is worse.
"""

from __future__ import annotations

from memfit.documents import PoolEstimate
from memfit.engine.observation import Observation
from memfit.engine.replay import Replay, replay
from memfit.estimating.replayed import pool_estimate, tensors
from memfit.machines import ContextOverhead
from memfit.quantities import ByteRange, Category

# What a real run reserves beyond the model: other workspaces, another order of events. Chosen on the tuning half of
# benchmarks/accuracy, measured on an H200 with torch 2.11 (docs/accuracy.md): jobs that leave the choice of an
# algorithm to cuDNN reserved up to 17 % more than modelled, all others up to 6 % more.
UNSEEN_SHARE = 0.06
UNSEEN_SHARE_WITH_CUDNN = 0.18
# Batches of changing length (--lengths) came in one order: what is reserved beyond live tensors is in others up to half
# as much again. Found by replaying a batch's events in other orders and lengths (benchmarks/published/orders.py).
ORDER_SHARE = 0.5
FUSIBLE = (Category.ACTIVATIONS, Category.TEMPORARIES, Category.CAST_CACHE)


def device_pool(
    observation: Observation,
    pool: str,
    context: ContextOverhead,
    capacity_bytes: int | None,
    *,
    collectives: ContextOverhead,
) -> PoolEstimate:
    """The estimate of one device of the job.

    Args:
        observation: what the simulation saw.
        pool: "cuda:0", …
        context: what the process holds there beside the allocator.
        capacity_bytes: the device's memory, None when unknown.
        collectives: what the communication between processes holds there.
    """
    context = context.with_libraries(observation.libraries)
    seen = replay(observation.trace, pool, observation.device_allocator(pool))
    parts = tensors(seen, "simulated run")
    parts.append(context.component())
    if collectives.range.high:
        parts.append(collectives.component(Category.COLLECTIVES, of="NCCL: "))
    beside = ByteRange.total([context.range, collectives.range])
    expected = sum(part.range.expected for part in parts)
    share = UNSEEN_SHARE_WITH_CUDNN if "cuDNN" in observation.libraries else UNSEEN_SHARE
    margin = round(seen.reserved.size_bytes * share) + observation.workspace_doubt_bytes
    if "lengths-drawn" in observation.assumptions:
        margin += round((seen.reserved.size_bytes - seen.allocated.size_bytes) * ORDER_SHARE)
    surest = seen.allocated.size_bytes
    if "compiled-as-eager" in observation.assumptions:
        surest -= fusible_bytes(seen)
    peak = ByteRange(
        low=min(surest + beside.low, expected),
        expected=expected,
        high=seen.reserved.size_bytes + beside.high + margin,
    )
    return pool_estimate(seen, parts, peak, capacity_bytes)


def fusible_bytes(seen: Replay) -> int:
    """What a compiler could at most do without at the peak: values between operators, recomputed or never made."""
    return sum(seen.allocated_breakdown_bytes.get(category, 0) for category in FUSIBLE)
