"""The largest batch that fits: peaks at few sizes, a line through them, and estimates at the answer and one more.

Where the job can be run for real, few estimates lead to the batch that is run, and runs judge (confirming.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from memfit.advice.confirming import Confirming, Runs
from memfit.advice.rules.batch_size import how
from memfit.advice.setting import Outcome
from memfit.documents import JobFacts, Knob, LargestBatch

_MOST_ESTIMATES = 12
_ESTIMATES_BEFORE_RUNS = 2
_LARGEST = 1 << 20  # samples
_FURTHEST = 64  # times as large as the largest that was seen, in one step


def largest_batch(
    facts: JobFacts, outcome_of: Callable[[int], Outcome | None], budget_bytes: int, runs: Runs | None = None
) -> LargestBatch | None:
    """Find it.

    Args:
        facts: of the job.
        outcome_of: the outcome of a batch of that size, None when the job fails with it.
        budget_bytes: what may be used.
        runs: for real, that judge in the place of ``high``.

    Returns:
        None where the batch is not known, or does not change the peak.
    """
    knob = facts.batch
    if knob is None or not facts.trains:
        return None
    ladder = _Ladder(outcome_of, budget_bytes)
    if not ladder.start(knob.value):
        return None
    found = ladder.judged_by_runs(knob, runs) if runs is not None else None
    if found is None:
        ladder.close_in()
        found = ladder.judged_by_high(knob)
    times = max(-(-knob.value // found.batch), 1) if found.batch else 1
    return replace(found, accumulation=times, how=how(facts, found.batch, times) if found.batch else "")


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

    def judged_by_high(self, knob: Knob) -> LargestBatch:
        """The largest whose high end was estimated to fit."""
        best = self.fits
        return LargestBatch(
            name=knob.name,
            now=knob.value,
            batch=best,
            peak_bytes=self.known[best].peak_bytes if best else None,
            next_peak_bytes=self.known[best + 1].peak_bytes if best + 1 in self.known else None,
            likely_batch=max(self.likely(), best),
        )

    def judged_by_runs(self, knob: Knob, runs: Runs) -> LargestBatch | None:
        """The largest that runs show to fit; None when none of them gave a reading, or there was no time for it."""
        for _ in range(_ESTIMATES_BEFORE_RUNS):
            size = self._meets(self._budget, lambda outcome: outcome.peak_bytes.expected)
            if 1 <= size <= _LARGEST and size not in self.known:
                self.see(size)
        expected = {size: outcome.peak_bytes.expected for size, outcome in self.known.items()}
        search = Confirming(expected=expected, budget_bytes=self._budget, runs=runs)
        try:
            best = search.largest()
        except TimeoutError:
            return None
        if not search.measured:
            return None
        return LargestBatch(
            name=knob.name,
            now=knob.value,
            batch=best,
            peak_bytes=search.range(best) if best else None,
            next_peak_bytes=search.range(best + 1),
            likely_batch=max(search.likely(), best),
            runs_bytes={str(size): peak for size, peak in sorted(search.measured.items())},
        )

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
