"""What is said of the steps' peaks: growth is named, ripples are not, and three steps prove nothing."""

from __future__ import annotations

import pytest

from memfit.documents import StepPeak
from memfit.quantities import GIB, MIB
from memfit.reports.steps import describe_steps


def steps(*peaks_and_ends: tuple[int, int]) -> list[StepPeak]:
    return [StepPeak(step=n, peak_bytes=peak, end_bytes=end) for n, (peak, end) in enumerate(peaks_and_ends, 1)]


@pytest.mark.parametrize("seen", [[], steps((GIB, 0)), steps((GIB, 0), (GIB, 0)), steps((GIB, 0), (GIB + 1000, 0))])
def test_steps_that_peak_alike_need_no_words(seen: list[StepPeak]) -> None:
    """Nothing is said of one step, of equal steps, or of a difference that a batch's shape makes."""
    assert describe_steps(seen) == ""


def test_optimizer_state_is_no_growth() -> None:
    """A second step above the first, and a third like the second: settled."""
    told = describe_steps(steps((4 * GIB, GIB), (5 * GIB, 2 * GIB), (5 * GIB, 2 * GIB)))

    assert told == "1: 4.00 GiB, 2: 5.00 GiB, 3: 5.00 GiB; settled"


def test_two_steps_leave_the_question_open() -> None:
    """After two steps nobody knows whether it goes on; the words say what to type."""
    told = describe_steps(steps((4 * GIB, GIB), (5 * GIB, 2 * GIB)))

    assert "--steps 4" in told


def test_rising_peaks_and_ends_are_growth() -> None:
    """What is left at the end of each step rises with the peaks: said with its rate."""
    told = describe_steps(steps((4 * GIB, GIB), (5 * GIB, 2 * GIB), (5 * GIB + 200 * MIB, 2 * GIB + 200 * MIB)))

    assert "still rising by 200 MiB a step" in told


def test_rising_peaks_alone_are_not_settled() -> None:
    """A higher peak that leaves nothing behind is neither growth nor settled."""
    told = describe_steps(steps((4 * GIB, GIB), (5 * GIB, GIB), (6 * GIB, GIB)))

    assert "not settled yet" in told
