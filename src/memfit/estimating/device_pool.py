"""A device's peak: what the allocator reserves for the job's tensors, and what the process holds beside it.

The range. low: live tensors alone and the smallest context seen; of a compiled job without what fusion could save.
expected: the modelled reservation and the usual context. high: the expected figure with the largest context seen and a
share for what a model on paper does not see.
"""

from __future__ import annotations

from memfit.documents import Component, PoolEstimate
from memfit.engine.observation import Observation
from memfit.engine.replay import Replay, replay
from memfit.estimating.replayed import pool_estimate, tensors
from memfit.machines import ContextOverhead
from memfit.quantities import ByteRange, Category

# What a real run reserves beyond the model: other kernels' scratch, another order of events. Assumed: published
# whole-process readings of 60 configurations lie within 4 % in the median and 18 % in the worst tenth, most of
# it the context, which has a range of its own. To be replaced by the device benchmark's own figures.
UNSEEN_SHARE = 0.08
FUSIBLE = (Category.ACTIVATIONS, Category.TEMPORARIES, Category.CAST_CACHE)


def device_pool(
    observation: Observation, pool: str, context: ContextOverhead, capacity_bytes: int | None
) -> PoolEstimate:
    """The estimate of one device of the job.

    Args:
        observation: what the simulation saw.
        pool: "cuda:0", …
        context: what the process holds there beside the allocator.
        capacity_bytes: the device's memory, None when unknown.
    """
    seen = replay(observation.trace, pool, observation.device_allocator(pool))
    parts = tensors(seen, "simulated run")
    parts.append(
        Component(category=Category.FRAMEWORK, range=context.range, basis=context.basis, source=context.source)
    )
    expected = sum(part.range.expected for part in parts)
    margin = round(seen.reserved.size_bytes * UNSEEN_SHARE)
    surest = seen.allocated.size_bytes
    if "compiled-as-eager" in observation.assumptions:
        surest -= fusible_bytes(seen)
    peak = ByteRange(
        low=min(surest + context.range.low, expected),
        expected=expected,
        high=seen.reserved.size_bytes + context.range.high + margin,
    )
    return pool_estimate(seen, parts, peak, capacity_bytes)


def fusible_bytes(seen: Replay) -> int:
    """What a compiler could at most do without at the peak: values between operators, recomputed or never made."""
    return sum(seen.allocated_breakdown_bytes.get(category, 0) for category in FUSIBLE)
