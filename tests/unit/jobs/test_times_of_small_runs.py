"""What the small runs of a job give: a law of several, a wide range of one, and time for two at least."""

from __future__ import annotations

import pytest

from memfit.documents import PoolEstimate
from memfit.jobs.anchored import document_of_small_runs
from memfit.jobs.anchoring import seconds_for
from memfit.jobs.request import Request
from memfit.jobs.small import Pace
from memfit.probing.watching import Reading
from memfit.quantities import MIB

IMPORTED = 200 * MIB


def reading(
    cut: int, rise: int, seconds: float = 1.0, *, early: bool = False, before: int = 0, planned: int = 0, kept: int = 0
) -> Reading:
    known = {"parameters_bytes": 0, "optimizer_bytes": 0, "data_bytes": 0, "kept_bytes": kept}
    note = {"batch": 128, "cut": cut, "steps": 16, "passes": 0, "imported_bytes": IMPORTED, "problem": "", **known}
    note |= {"step_seconds": 0.1, "left_out": 0.8 if early else 0.0, "before_bytes": before, "planned_bytes": planned}
    return Reading(size=1, rise_bytes=IMPORTED + rise, wall_s=seconds, note=note)


def host(readings: list[Reading]) -> PoolEstimate:
    """What a job's small runs say of the host."""
    return document_of_small_runs(Request(target="train.py"), readings, {}, knob="", seconds=1.0).pool("host")


def test_one_small_run_does_not_tell_what_grows() -> None:
    """The range goes from a constant to what grows in full; the figure stands between, and it is told."""
    rise = 300 * MIB

    found = document_of_small_runs(Request(target="train.py"), [reading(16, rise)], {}, knob="", seconds=1.0)

    peak = found.pool("host").peak_bytes
    assert peak.low <= IMPORTED + rise
    assert peak.high >= IMPORTED + rise * 8
    assert peak.low < peak.expected < 0.7 * peak.high
    assert {each.slug for each in found.assumptions} == {"one-small-run"}


def test_what_was_held_before_the_first_step_does_not_grow() -> None:
    """Data and weights are there whatever the batch: of one run, only what came with the steps may grow."""
    held = 250 * MIB
    readings = [reading(16, 300 * MIB, before=IMPORTED + held)]

    found = host(readings)

    peak = found.peak_bytes
    assert IMPORTED + held + 50 * MIB * 8 <= peak.high < IMPORTED + 300 * MIB * 3


def test_two_small_runs_tell_a_law() -> None:
    """What two batches have alike does not grow."""
    readings = [reading(16, 300 * MIB), reading(32, 316 * MIB)]

    found = host(readings)

    grown = found.breakdown_bytes["activations"]
    assert grown == pytest.approx(128 * MIB, rel=0.05)


def test_peaks_that_compiling_set_grow_as_the_plans_do() -> None:
    """The smallest batch rose by what compiling took: the slope is not below that of the compiler's plans."""
    readings = [reading(16, 300 * MIB, planned=20 * MIB), reading(64, 310 * MIB, planned=80 * MIB)]

    found = host(readings)

    assert found.peak_bytes.expected == pytest.approx(IMPORTED + 390 * MIB, rel=0.05)


def test_few_slow_steps_are_not_all() -> None:
    """What malloc keeps in a dozen further steps is added to the peaks of runs that were ended early."""
    whole, cut = (
        host([reading(16, 300 * MIB, early=early), reading(32, 316 * MIB, early=early)]).peak_bytes
        for early in (False, True)
    )

    assert cut.expected > whole.expected + 15 * MIB
    assert cut.high > whole.high


def test_what_threads_keep_of_large_gradients_is_in_the_high_figure_alone() -> None:
    """One run differs from another by whole gradients of the largest weights."""
    usual, kept = (
        host([reading(16, 300 * MIB, kept=size), reading(64, 304 * MIB, kept=size)]).peak_bytes
        for size in (0, 16 * MIB)
    )

    assert kept.expected == usual.expected
    assert kept.high >= usual.high + 2 * 16 * MIB


@pytest.mark.parametrize("first", [5.0, 50.0, 100.0, 108.0])
def test_the_first_run_leaves_time_for_a_second(first: float) -> None:
    """However long the first one took of its share, the second may take as long."""
    allowed = seconds_for(0, 240.0, [])
    assert allowed is not None and allowed >= first

    second = seconds_for(1, 240.0 - first, [reading(16, MIB, first)])

    assert second is not None and second >= first


def test_quick_steps_are_all_made_and_not_waited_for() -> None:
    """Sixteen steps of a hundredth of a second; the first one, which compiles, is not counted."""
    pace = Pace()

    ended = [pace.stepped(step, 30 + 0.01 * step) for step in range(1, 17)]

    assert not any(ended)
    assert not pace.is_watched


def test_slow_steps_end_with_the_third() -> None:
    """The second and third took six seconds together."""
    pace = Pace()

    ended = [pace.stepped(step, 30.0 + 3 * step) for step in range(1, 5)]

    assert ended == [False, False, True, True]
    assert pace.step_seconds == pytest.approx(3.0)


def test_a_third_run_needs_time_of_its_own() -> None:
    """What took longer than what is left is not begun."""
    assert seconds_for(2, 20.0, [reading(16, MIB, 100.0), reading(32, MIB, 120.0)]) is None
