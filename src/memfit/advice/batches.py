"""The largest batch that fits: peaks at few sizes, a line through them, and estimates at the answer and one more."""

from __future__ import annotations

from collections.abc import Callable

from memfit.advice.rules.batch_size import how
from memfit.advice.setting import Outcome
from memfit.documents import JobFacts, LargestBatch

_MOST_ESTIMATES = 12
_LARGEST = 1 << 20  # samples
_FURTHEST = 64  # times as large as the largest that was seen, in one step


def largest_batch(
    facts: JobFacts, outcome_of: Callable[[int], Outcome | None], budget_bytes: int
) -> LargestBatch | None:
    """Find it.

    Args:
        facts: of the job.
        outcome_of: the outcome of a batch of that size, None when the job fails with it.
        budget_bytes: what may be used.

    Returns:
        None where the batch is not known, or does not change the peak.
    """
    knob = facts.batch
    if knob is None or not facts.trains:
        return None
    ladder = _Ladder(outcome_of, budget_bytes)
    if not ladder.start(knob.value):
        return None
    ladder.close_in()
    best = ladder.fits
    times = max(-(-knob.value // best), 1) if best else 1
    return LargestBatch(
        name=knob.name,
        now=knob.value,
        batch=best,
        peak_bytes=ladder.known[best].peak_bytes if best else None,
        next_peak_bytes=ladder.known[best + 1].peak_bytes if best + 1 in ladder.known else None,
        likely_batch=max(ladder.likely(), best),
        accumulation=times,
        how=how(facts, best, times) if best else "",
    )


class _Ladder:
    """Sizes that were estimated, the largest that fits, and the smallest that does not."""

    def __init__(self, outcome_of: Callable[[int], Outcome | None], budget_bytes: int) -> None:
        self._outcome_of = outcome_of
        self._budget = budget_bytes
        self.known: dict[int, Outcome] = {}
        self.fits = 0
        self.fails = _LARGEST

    def start(self, size: int) -> bool:
        """Two sizes, for a line; whether there is one that rises."""
        other = size // 2 if size > 1 else 2
        seen = [self.see(size), self.see(other)]
        if None in seen:
            return False
        small, large = sorted((size, other))
        return self.known[large].peak_bytes.expected > self.known[small].peak_bytes.expected

    def see(self, size: int) -> Outcome | None:
        """Estimate a size, and move the end that it belongs to."""
        outcome = self._outcome_of(size)
        if outcome is None or outcome.peak_bytes.high > self._budget:
            self.fails = min(self.fails, size)
        else:
            self.fits = max(self.fits, size)
        if outcome is not None:
            self.known[size] = outcome
        return outcome

    def close_in(self) -> None:
        """Estimate where the line meets the budget, until the two ends are neighbours."""
        while self.fails - self.fits > 1 and len(self.known) < _MOST_ESTIMATES:
            size = self._meets(self._budget, lambda outcome: outcome.peak_bytes.high)
            top = min(self.fails - 1, max(self.known) * _FURTHEST)
            self.see(min(max(size, self.fits + 1), top))

    def likely(self) -> int:
        """The size at which the line of expected peaks, through the two ends that are known, meets the budget."""
        ends = [(size, self.known[size].peak_bytes.expected) for size in (min(self.known), max(self.known))]
        (small, low), (large, high) = ends
        return int(small + (self._budget - low) * (large - small) / (high - low)) if high > low else self.fits

    def _meets(self, budget_bytes: int, figure: Callable[[Outcome], int]) -> int:
        """By the two known sizes nearest to the budget."""
        nearest = sorted(self.known, key=lambda size: abs(figure(self.known[size]) - budget_bytes))[:2]
        small, large = sorted(nearest)
        low, high = figure(self.known[small]), figure(self.known[large])
        slope = (high - low) / (large - small)
        if slope <= 0:
            return (self.fits + min(self.fails, 2 * max(self.known))) // 2
        return int(small + (budget_bytes - low) / slope)
