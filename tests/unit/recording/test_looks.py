"""When looks into a job are taken, and that waiting for one costs nothing."""

from __future__ import annotations

from memfit.recording.child.looks import SHARE, Looks


class Costly:
    """A look that says beforehand what it takes, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = self.taken = 0

    def expected_seconds(self) -> float:
        self.asked += 1
        return 0.1

    def __call__(self) -> list[None]:
        self.taken += 1
        return []


def test_a_look_that_waits_for_its_time_is_asked_once() -> None:
    """To ask what a look would take has its own cost: it is asked again when the time would allow it, not before."""
    now = [100.0]
    looks, costly = Looks(lambda: now[0]), Costly()
    looks.add("costly", costly)

    for number in range(1, 3000):
        now[0] += 0.01
        if looks.due("step", number):
            looks.take(number, lambda name, found: None, lambda text: None)

    assert costly.asked == 2
    assert costly.taken == 1
    assert 0.1 / SHARE <= 30
