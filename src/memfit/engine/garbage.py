"""What waits for the collector: storages that only a search for reference cycles gives back, from a trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from memfit.engine.edits import end_of_step
from memfit.engine.trace import Storage, Trace


def waiting_bytes(trace: Trace, pool: str, cyclic: Sequence[Storage]) -> int:
    """The most that waits at once: of storages in cycles, those whose optimizer step is over.

    Args:
        trace: of the job.
        pool: in question.
        cyclic: storages of the trace that the collector gave back, or would.

    >>> from memfit.engine.trace import Mark
    >>> steps = [Mark(tick=3, kind="step"), Mark(tick=6, kind="step")]
    >>> kept = [Storage(pool="host", size_bytes=8, born=1), Storage(pool="host", size_bytes=8, born=4, died=9)]
    >>> waiting_bytes(Trace(storages=kept, marks=steps), "host", kept)
    16
    """
    steps = _ends(trace)
    events: list[tuple[int, int]] = []
    for storage in cyclic:
        end = end_of_step(storage, steps)
        if storage.pool == pool and end is not None and end != storage.died:
            events.append((end, storage.size_bytes))
            if storage.died is not None:
                events.append((storage.died, -storage.size_bytes))
    most = now = 0
    for _, change in sorted(events):
        now += change
        most = max(most, now)
    return most


def left_by_a_step(trace: Trace, pool: str, cyclic: Sequence[Storage]) -> int:
    """What each step after the first leaves in cycles at least; 0 where one leaves nothing, or one alone was seen."""
    steps = _ends(trace)
    left: Counter[int] = Counter()
    for storage in cyclic:
        end = end_of_step(storage, steps)
        if storage.pool == pool and end is not None and end != storage.died:
            left[end] += storage.size_bytes
    # the last step's results still have names when a job is left at its end
    return min((left[end] for end in steps[1:-1]), default=0)


def where_born(pool: str, cyclic: Sequence[Storage]) -> str:
    """The line of the user's code that made most of it; "" where none is known."""
    lines: Counter[str] = Counter()
    for storage in cyclic:
        if storage.pool == pool and storage.where:
            lines[storage.where] += storage.size_bytes
    return lines.most_common(1)[0][0] if lines else ""


def _ends(trace: Trace) -> list[int]:
    return [mark.tick for mark in trace.marks if mark.kind == "step"]
