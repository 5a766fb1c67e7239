"""Phases of one process: which are open in which thread, and what all of them came to."""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not loaded in the job's small processes
if TYPE_CHECKING:
    from collections.abc import Callable

# Of these there are some in every iteration: they are summed, and listed only when one is long.
ROUTINE = frozenset({"data", "forward", "backward", "optimizer"})
LISTED_SECONDS = 0.05
# Any other name is listed each time, until it turns out to be a routine too.
_RARE = 64
# Reading memory at both ends takes some 7 µs (benchmarks/overhead): phases that are shorter than this on the average
# have it for their first stays and for one in so many, the others are only summed.
_QUICK_SECONDS = 0.005
_TRIED = 16
ONE_IN = 32  # a power of two
DEEPEST = 64


class Total:
    """All stays in the phases of one name.

    Args:
        name: the phase.
    """

    __slots__ = ("count", "high_bytes", "name", "quick", "seconds")

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0
        self.seconds = 0.0
        self.high_bytes: int | None = None
        self.quick = False

    def add(self, seconds: float, high_bytes: int | None) -> None:
        """One more stay, with the high-water mark where it rose."""
        self.count += 1
        self.seconds += seconds
        self.quick = self.count >= _TRIED and self.seconds < self.count * _QUICK_SECONDS
        if high_bytes is not None and (self.high_bytes is None or high_bytes > self.high_bytes):
            self.high_bytes = high_bytes

    @property
    def told_at_once(self) -> bool:
        """Whether the beginning is worth a line before its length is known: a kill may come within."""
        if self.name not in ROUTINE and self.count < _RARE:
            return True
        return self.count > 0 and self.seconds >= self.count * LISTED_SECONDS


class Stay:
    """One phase that is open.

    Args:
        total: where it is summed.
        began: time.monotonic().
        rss_bytes: then; None when it was not read.
        rising_bytes: then; None when it was not read.
        told: whether its beginning is in the spool.
    """

    __slots__ = ("began", "rising_bytes", "rss_bytes", "told", "total")

    def __init__(self, total: Total, began: float) -> None:
        self.total = total
        self.began = began
        self.rss_bytes: int | None = None
        self.rising_bytes: int | None = None
        self.told = False


class Lap:
    """A phase of every iteration: while it is quick, two readings of the clock and two additions.

    Args:
        total: where it is summed; a forked child gives another.
        clock: gives seconds.
        begin: how it begins when memory is to be read.
        end: how that ends.
        rare: told of a stay that is long, and that sums are due: (total, began, ended).
    """

    __slots__ = ("_begin", "_clock", "_end", "_rare", "due", "total")

    def __init__(
        self,
        total: Total,
        *,
        clock: Callable[[], float],
        begin: Callable[[str], None],
        end: Callable[[str], None],
        rare: Callable[[Total, float, float], None],
    ) -> None:
        self.total = total
        self.due = 0.0
        self._clock, self._begin, self._end, self._rare = clock, begin, end, rare

    def start(self) -> float | None:
        """It begins."""
        total = self.total
        if total.quick and total.count & (ONE_IN - 1):
            return self._clock()
        self._begin(total.name)
        return None

    def stop(self, started: float | None) -> None:
        """It ends."""
        total = self.total
        if started is None:
            self._end(total.name)
            return
        now = self._clock()
        total.count += 1
        total.seconds += now - started
        if now >= self.due or now - started >= LISTED_SECONDS:
            self._rare(total, started, now)
