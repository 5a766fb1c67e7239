"""When a look at who holds memory may be taken: at the iterations 2 and 3, then whenever their count has doubled, and
never so often that all looks together cost more than a share of the run.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from memfit.quantities import Held

SHARE = 0.005  # of the time that the process has run
_FIRST = 2
_EXPECTED_SECONDS = 0.003  # of a look that was never taken


class Looks:
    """The looks of one process and what they have cost.

    Args:
        clock: gives seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = clock()
        self._looks: dict[str, Callable[[], Iterable[Held]]] = {}
        self._cost: dict[str, float] = {}
        self._spent = 0.0
        self._unit: str | None = None
        self._next = _FIRST
        self._waiting: list[str] = []
        self._busy = False

    def add(self, name: str, look: Callable[[], Iterable[Held]]) -> None:
        """A look to take from now on."""
        self._looks[name] = look

    def due(self, unit: str, number: int) -> bool:
        """Whether one should be taken after this iteration; the unit that comes first sets the pace."""
        if number < self._next or not self._looks or self._busy:
            return False
        if self._unit is None:
            self._unit = unit
        return unit == self._unit

    def take(self, number: int, found: Callable[[str, Iterable[Held]], None], failed: Callable[[str], None]) -> None:
        """Take those that the time allows; the others of this round wait for a later iteration."""
        self._busy = True
        try:
            if not self._waiting:
                self._waiting = list(self._looks)
            while self._waiting and self._allowed(self._waiting[0]):
                self._one(self._waiting.pop(0), found, failed)
            if not self._waiting:
                self._next = number + 1 if number <= _FIRST else number * 2
        finally:
            self._busy = False

    def _allowed(self, name: str) -> bool:
        expected = self._cost.get(name, _EXPECTED_SECONDS)
        return self._spent + expected <= SHARE * (self._clock() - self._started)

    def _one(self, name: str, found: Callable[[str, Iterable[Held]], None], failed: Callable[[str], None]) -> None:
        began = self._clock()
        try:
            found(name, self._looks[name]())
        except Exception as error:
            self._looks.pop(name, None)
            failed(f"the look {name!r} ended with {type(error).__name__}: {error}")
        self._cost[name] = self._clock() - began
        self._spent += self._cost[name]
