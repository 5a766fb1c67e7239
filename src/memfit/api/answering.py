"""What all ways of advising answer with: the budget, what is said of time, and the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from memfit.advice import Found
from memfit.api.changed import fullest
from memfit.documents import Advice, Assumption, Estimate, Hint, LargestBatch
from memfit.quantities import ByteRange, format_bytes

TIME = Assumption(
    slug="time-is-a-model",
    text="time is a stated model, not a measurement: recomputation costs a third of a step by its share of the "
    "activations, other factors are assumed and written beside each change",
)


def budget(estimate: Estimate, name: str, within_bytes: int | None) -> tuple[int | None, tuple[Assumption, ...]]:
    """What may be used: the wish, and not more than the machine has."""
    pool = next(pool for pool in estimate.pools if pool.pool == name)
    capacity = pool.capacity_bytes
    room = None if capacity is None else max(capacity - (pool.other_processes_bytes or 0), 0)
    if within_bytes is None:
        return room, ()
    if capacity is not None and within_bytes > capacity and name != "host":
        text = (
            f"{format_bytes(within_bytes)} were asked for, {estimate.machine.name} has {format_bytes(capacity)}: "
            "that is the budget"
        )
        return room, (Assumption(slug="budget-above-capacity", text=text),)
    return within_bytes, ()


def advice_of(
    estimate: Estimate,
    name: str,
    found: Found,
    *,
    budget_bytes: int | None,
    now_bytes: ByteRange,
    hints: Sequence[Hint],
    assumptions: Sequence[Assumption],
    cost: Mapping[str, float],
    largest_batch: LargestBatch | None = None,
    now_measured_bytes: int | None = None,
) -> Advice:
    """The document of a search.

    Args:
        estimate: of the job as it is.
        name: of the pool that the advice is about.
        found: by the search.
        budget_bytes, now_bytes, hints, assumptions, cost, largest_batch, now_measured_bytes: as `Advice` has them.
    """
    floor = found.floor
    held = next((pool for pool in floor.estimate.pools if pool.pool == name), fullest(floor.estimate))
    return Advice(
        target=estimate.target,
        machine=estimate.machine.name,
        pool=name,
        budget_bytes=budget_bytes,
        now_bytes=now_bytes,
        plans=found.plans,
        floor_bytes=floor.peak_bytes,
        floor_holds=dict(held.breakdown_bytes),
        largest_batch=largest_batch,
        hints=tuple(hints),
        assumptions=tuple(assumptions),
        cost=dict(cost),
        now_measured_bytes=now_measured_bytes,
    )
