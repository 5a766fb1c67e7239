"""Experiments on the running job, for who asks for them: does a garbage collection, or giving back to the system what
malloc keeps, lower what the process holds? "It freed nothing" is an answer too.
"""

from __future__ import annotations

from collections.abc import Callable

from memfit.quantities import Held
from memfit.recording.child.memory import resident_bytes

_MOST = 4  # times a run
_WORTH_BYTES = 1 << 20


class Probe:
    """One experiment, done a few times in a run.

    Args:
        category: what the memory would be ("garbage", "retention").
        label: what is done, for a person.
        act: does it, and returns how many objects it concerned.
    """

    def __init__(self, category: str, label: str, act: Callable[[], int]) -> None:
        self._category = category
        self._label = label
        self._act = act
        self._left = _MOST

    def look(self) -> list[Held]:
        """Do it, and tell what it freed: 0 where it was tested and is not it."""
        if not self._left:
            return []
        self._left -= 1
        before = resident_bytes()
        count = self._act()
        after = resident_bytes()
        freed = None if before is None or after is None else max(0, before - after)
        if freed is not None and freed < _WORTH_BYTES:
            freed = 0
        return [Held(category=self._category, label=self._label, held_bytes=freed, count=count)]


def collect() -> int:
    """A full garbage collection; returns how many objects were unreachable."""
    import gc

    return gc.collect()


def trim() -> int:
    """glibc gives back to the system what its arenas keep of freed memory; returns 1 if it gave anything."""
    import ctypes

    return int(ctypes.CDLL(None).malloc_trim(0))


PROBES: dict[str, Callable[[], Probe]] = {
    "gc": lambda: Probe("garbage", "garbage collection", collect),
    "malloc_trim": lambda: Probe("retention", "malloc_trim", trim),
}
