"""The largest batch judged by runs for real: an estimate says where to look, a few short runs say how far it is off.

A run is taken at the batch that the estimate, corrected by the runs so far, puts at the budget; it ends when the next
one would be at a batch that was run already. What a process comes to differs from run to run, so that much of the
budget is left free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from memfit.quantities import ByteRange

# How far one run's peak lies above another's, and what later steps add. Of 94 pairs of runs of 33 torch jobs under
# glibc's defaults (benchmarks/accuracy/data/process) one in seven has the second run more than 3 % above the first, one
# in twenty more than 5 %; where freed blocks go back at once, none of 26 as much as half a percent.
SPREAD, SPREAD_OF_THRESHOLD = 0.05, 0.005
_NEAR = 0.04  # of a batch that was run: so far its peak is told from the run's
_APART = 0.2  # of the batch: two runs that are nearer to each other tell the spread, not a slope
_LEAST_RISE = 0.5  # of the estimate's, over batches beyond those that were run: two runs may lie close by chance
_FURTHEST = 1.5  # times the budget, that the estimate alone may expect of a batch that is run
_MOST_RUNS = 3
_LARGEST = 1 << 20  # samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What runs for real can tell.

    Args:
        measure: runs a batch; its peak, None where it failed or took too much. Raises TimeoutError where it took too
            long: it says nothing of the batch then, and others would take as long.
        measured: batch → the peak of a run that was made already.
        spread: of a peak, by which two runs differ.
    """

    measure: Callable[[int], int | None]
    measured: Mapping[int, int] = field(default_factory=dict)
    spread: float = SPREAD


@dataclass(slots=True, kw_only=True)
class Confirming:
    """The corrected curve of peaks over batches.

    Args:
        expected: batch → what the estimate expects, two at least.
        budget_bytes: what may be used.
        runs: that were made, and that can be.
    """

    expected: Mapping[int, int]
    budget_bytes: int
    runs: Runs
    measured: dict[int, int] = field(init=False)
    _too_large: int = field(init=False, default=_LARGEST)  # a run with it gave no reading

    def __post_init__(self) -> None:
        self.measured = dict(self.runs.measured)

    def largest(self) -> int:
        """The largest batch whose corrected peak leaves the spread free, next to one that was run; 0 when none is."""
        target = round(self.budget_bytes * (1 - self.runs.spread))
        furthest = _largest_within(self._expected, round(_FURTHEST * self.budget_bytes))
        for turn in range(_MOST_RUNS + 1):
            fits = max((size for size, peak in self.measured.items() if peak <= target), default=0)
            size = max(min(self.meets(target), self._below(), furthest), fits)
            if size < 1 or self._is_near(size):
                return size
            if turn < _MOST_RUNS:
                peak = self.runs.measure(size)
                if peak is None:
                    self._too_large = min(size, self._too_large)
                else:
                    self.measured[size] = peak
        return fits

    def _below(self) -> int:
        """What may be tried: well below what gave no reading."""
        if self._too_large == _LARGEST:
            return _LARGEST
        return (max((each for each in self.measured if each < self._too_large), default=0) + self._too_large) // 2

    def likely(self) -> int:
        """The largest batch whose corrected peak is within the budget."""
        return min(self.meets(self.budget_bytes), self._too_large - 1)

    def range(self, size: int) -> ByteRange:
        """The corrected peak of a batch with the spread of runs around it."""
        peak, spread = self.peak(size), self.runs.spread
        return ByteRange(low=round(peak * (1 - spread)), expected=peak, high=round(peak / (1 - spread)))

    def peak(self, size: int) -> int:
        """The estimate's expectation, moved by what runs were off; beyond them it rises half as fast at the least."""
        moved = self._expected(size) + self._off(size)
        last = max(self.measured, default=size)
        if size > last:
            rise = self._expected(size) - self._expected(last)
            moved = max(moved, self.measured[last] + _LEAST_RISE * rise)
        return round(moved)

    def meets(self, bytes_: int) -> int:
        """The largest batch whose corrected peak is within so many bytes."""
        return _largest_within(self.peak, bytes_)

    def _is_near(self, size: int) -> bool:
        return any(abs(size - each) <= _NEAR * each for each in self.measured)

    def _expected(self, size: int) -> float:
        known = sorted(self.expected)
        above = next((at for at, each in enumerate(known) if each >= size), len(known) - 1)
        low, high = known[max(above - 1, 0)], known[max(above, 1)]
        return _line(size, (low, self.expected[low]), (high, self.expected[high]))

    def _off(self, size: int) -> float:
        off = {each: peak - self._expected(each) for each, peak in self.measured.items()}
        if not off:
            return 0.0
        nearest = min(off, key=lambda each: abs(each - size))
        if size <= min(off):
            return off[min(off)]
        apart = [each for each in off if abs(each - nearest) > _APART * max(each, nearest)]
        if not apart:
            return off[nearest]
        other = min(apart, key=lambda each: abs(each - size))
        return _line(size, (nearest, off[nearest]), (other, off[other]))


def _largest_within(peak: Callable[[int], float], bytes_: int) -> int:
    """The largest batch whose peak is within so many bytes, of a curve that rises."""
    low, high = 0, 2
    while high < _LARGEST and peak(high) <= bytes_:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if peak(middle) <= bytes_ else (low, middle)
    return low


def _line(at: int, one: tuple[int, float], other: tuple[int, float]) -> float:
    return one[1] + (at - one[0]) * (other[1] - one[1]) / (other[0] - one[0])
