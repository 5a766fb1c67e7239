"""When to take which reading: each as often as wanted, and never so often that its cost would be felt.

The clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

# A reading that took c seconds is not taken again within c / SHARE: all of one kind cost at most this of one core.
SHARE = 0.002

HASTENED = 5  # a reading out of its turn may cost that many times its share, for as long as there is reason for it


class Clock(Protocol):
    """Time as the recorder sees it."""

    def monotonic(self) -> float:
        """Seconds that never jump."""

    def time(self) -> float:
        """Seconds since the epoch, as the machine believes."""

    def cpu(self) -> float:
        """Seconds of processor time that this process used: what a reading cost, whoever else was running."""


@dataclass(slots=True, kw_only=True)
class Reading:
    """One thing to be done again and again.

    Args:
        name: for tests and messages.
        period_s: how often it is wanted.
        take: does it, with the time.
        due_s: when next.
        cost_s: what it cost of late, smoothed.
        share: of one core, that it may cost; infinite for what would not be cheaper if it were done less often.
        taken_s: when it was last taken.
    """

    name: str
    period_s: float
    take: Callable[[float], None]
    due_s: float = 0.0
    cost_s: float = 0.0
    taken_s: float = float("-inf")
    share: float = SHARE


@dataclass(slots=True, kw_only=True)
class Schedule:
    """Takes readings when they are due.

    Args:
        clock: the time.
        readings: in the order in which they are taken when several are due.
    """

    clock: Clock
    readings: list[Reading] = field(default_factory=list)

    def every(self, period_s: float, name: str, take: Callable[[float], None], *, share: float = SHARE) -> None:
        """Add a reading, due at once."""
        due_s = self.clock.monotonic()
        self.readings.append(Reading(name=name, period_s=period_s, take=take, due_s=due_s, share=share))

    def run_due(self) -> None:
        """Take all that are due and set when they are due next."""
        for reading in self.readings:
            now = self.clock.monotonic()
            if now < reading.due_s:
                continue
            before = self.clock.cpu()
            reading.take(now)
            reading.taken_s = now
            spent = self.clock.cpu() - before
            reading.cost_s = max(spent, 0.7 * reading.cost_s + 0.3 * spent)
            pause = max(reading.period_s, reading.cost_s / reading.share)
            # on the grid of its period where it can keep it; a machine that slept does not make it catch up
            reading.due_s = max(reading.due_s + pause, now + 0.5 * pause)

    def hasten(self, name: str) -> None:
        """Take a reading now, out of its turn, unless that would cost more than ``HASTENED`` times its share."""
        now = self.clock.monotonic()
        for reading in self.readings:
            if reading.name == name:
                soonest = reading.taken_s + reading.cost_s / (HASTENED * reading.share)
                reading.due_s = min(reading.due_s, max(now, soonest))

    def pause_s(self) -> float:
        """Seconds until something is due."""
        return max(0.0, min(reading.due_s for reading in self.readings) - self.clock.monotonic())
