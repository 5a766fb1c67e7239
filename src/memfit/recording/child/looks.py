"""When a look at who holds memory may be taken: at the iterations 2 and 3, then whenever their count has doubled, and
never so often that all looks together cost more than a share of the run.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing is not loaded in the job's small processes
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memfit.quantities import Held

SHARE = 0.005  # of the time that the process has run
_FIRST = 2
_EXPECTED_SECONDS = 0.003  # of a look that was never taken
# Looks that a person asked for are experiments, not watching: taken at these times, whatever they cost.
ASKED_AT_SECONDS = (5.0, 30.0, 300.0, 1800.0)


class _Look:
    """One look, when it is due, and what it cost last."""

    __slots__ = ("cost", "look", "next")

    def __init__(self, look: Callable[[], Iterable[Held]]) -> None:
        self.look = look
        self.next = _FIRST
        self.cost: float | None = None

    def expected(self) -> float:
        """Seconds it will take; one that was never taken may know itself."""
        if self.cost is not None:
            return self.cost
        tell = getattr(self.look, "expected_seconds", None)
        return float(tell()) if tell is not None else _EXPECTED_SECONDS


class Looks:
    """The looks of one process and what they have cost.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._looks: dict[str, _Look] = {}
        self._spent = 0.0
        self._unit: str | None = None
        self._next = _FIRST
        # Until then the time does not allow the cheapest that waits: even to ask what it would take costs too much to
        # be asked with every row (0.2 ms for sys.getallocatedblocks with torch loaded).
        self._not_before = 0.0
        self._busy = False
        self._asked: dict[str, _Look] = {}
        self._asked_times = list(ASKED_AT_SECONDS)

    def add(self, name: str, look: Callable[[], Iterable[Held]]) -> None:
        """A look to take from now on; one with ``asked_for`` at times of its own."""
        if getattr(look, "asked_for", False):
            self._asked[name] = _Look(look)
        else:
            self._looks[name] = _Look(look)
            self._next, self._not_before = _FIRST, 0.0

    def due(self, unit: str, number: int) -> bool:
        """Whether one may be taken after this iteration; the unit that comes first sets the pace."""
        waited = number >= self._next and self._looks and self._clock() >= self._not_before
        if self._busy or not (waited or self._asked_now()):
            return False
        if self._unit is None:
            self._unit = unit
        return unit == self._unit

    def _asked_now(self) -> bool:
        return bool(self._asked and self._asked_times) and self._clock() - self._started >= self._asked_times[0]

    def take(self, number: int, found: Callable[[str, Iterable[Held]], None], failed: Callable[[str], None]) -> None:
        """Take those that are due and that the time allows, cheap ones first; others wait for a later iteration."""
        self._busy = True
        try:
            if self._asked_now():
                self._asked_times.pop(0)
                for name in list(self._asked):
                    self._one(self._asked, name, number, found, failed)
            due = [(look.expected(), name) for name, look in self._looks.items() if number >= look.next]
            for expected, name in sorted(due):
                if self._spent + expected > SHARE * (self._clock() - self._started):
                    self._not_before = self._started + (self._spent + expected) / SHARE
                    break
                self._spent += self._one(self._looks, name, number, found, failed)
            self._next = min((look.next for look in self._looks.values()), default=_FIRST)
        finally:
            self._busy = False

    def _one(
        self,
        looks: dict[str, _Look],
        name: str,
        number: int,
        found: Callable[[str, Iterable[Held]], None],
        failed: Callable[[str], None],
    ) -> float:
        """Take one; returns the seconds it took."""
        look = looks[name]
        began = self._clock()
        try:
            found(name, look.look())
        except Exception as error:
            del looks[name]
            failed(f"the look {name!r} ended with {type(error).__name__}: {error}")
        look.next = number + 1 if number <= _FIRST else number * 2
        look.cost = self._clock() - began
        return look.cost
