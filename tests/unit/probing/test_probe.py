"""Probing real processes: peaks, limits, what fails, and what is said about it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.unit.probing import callables

import memfit
from memfit.errors import MemfitError, UsageError
from memfit.probing.watching import Limits
from memfit.quantities import MIB

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="high-water marks are Linux's")
SIZES = [16 * MIB, 32 * MIB, 64 * MIB]


def test_the_peak_is_measured_not_what_is_left() -> None:
    """Two blocks held together for a moment and freed: twice the size, at every size and beyond."""
    found = memfit.probe(callables.spike, SIZES, target=1024 * MIB)

    assert [each.rise_bytes / (2 * each.size) for each in found.readings] == pytest.approx([1] * 3, rel=0.03)
    assert found.rise_bytes is not None
    assert found.rise_bytes.low <= 2048 * MIB <= found.rise_bytes.high
    assert found.rise_bytes.expected == pytest.approx(2048 * MIB, rel=0.03)


def test_sizes_are_chosen_below_a_fifth_of_the_target() -> None:
    """With a target alone, probes are far smaller, and there are as few as will do."""
    found = memfit.probe(callables.fill, target=1024 * MIB)

    assert found.stopped == "good-enough"
    assert max(each.size for each in found.readings) <= 1024 * MIB / 5 + 1
    assert found.rise_bytes.expected == pytest.approx(1024 * MIB, rel=0.03)


def test_what_is_prepared_is_not_counted() -> None:
    """Data made by prepare() is there before the measured part: only the copy counts."""
    found = memfit.probe(callables.Prepared(), SIZES)

    assert [each.rise_bytes / each.size for each in found.readings] == pytest.approx([1] * 3, rel=0.05)


def test_a_closure_is_probed_by_forking_and_says_so() -> None:
    """What no fresh process can import is probed here, the notes tell, and this process is as it was."""
    kept: list[bytes] = []

    def closure(size: int) -> None:
        kept.append(b"x" * size)

    found = memfit.probe(closure, SIZES)

    assert [each.rise_bytes / each.size for each in found.readings] == pytest.approx([1] * 3, rel=0.05)
    assert any("forking" in note for note in found.notes)
    assert kept == []


def test_memory_of_children_counts() -> None:
    """What a process that the callable started holds is part of the peak."""
    found = memfit.probe(callables.with_child, [128 * MIB])

    assert found.readings[0].children >= 1
    assert found.readings[0].rise_bytes > 120 * MIB


def test_a_probe_beyond_its_memory_is_ended() -> None:
    """The limit of a probe holds, what smaller ones told is used, and the result says why it stopped."""
    limits = Limits(memory_bytes=300 * MIB, seconds=30)

    found = memfit.probe(callables.fill, [32 * MIB, 4096 * MIB], limits=limits, target=8192 * MIB)

    assert [each.failure for each in found.readings][:1] == [""]
    assert found.stopped == "memory"


def test_a_probe_beyond_its_time_is_ended() -> None:
    """One that never ends is ended, and nothing was learnt."""
    with pytest.raises(MemfitError, match="longer than") as caught:
        memfit.probe(callables.sleep, [1_000], budget_s=1)

    assert caught.value.slug == "no-probe-succeeded"


def test_sizes_that_are_too_small_for_the_callable_are_passed_over() -> None:
    """Too few samples is no reason to give up: larger ones are tried, and the note names the problem."""
    found = memfit.probe(callables.refuses_small, [1 * MIB, *SIZES], target=1024 * MIB)

    assert found.readings[0].failure == "error"
    assert found.rise_bytes.expected == pytest.approx(1024 * MIB, rel=0.03)
    assert any("at least 8 MiB" in note for note in found.notes)


def test_an_executor_runs_the_probes() -> None:
    """Anything of concurrent.futures' shape will do; the law is the same."""
    with ThreadPoolExecutor(2) as executor:
        found = memfit.probe(callables.fill, SIZES, target=1024 * MIB, executor=executor)

    assert found.rise_bytes.expected == pytest.approx(1024 * MIB, rel=0.03)


def test_a_size_or_a_target_is_needed() -> None:
    """Neither is wrong usage, before anything is started."""
    with pytest.raises(UsageError):
        memfit.probe(callables.fill)


def test_a_callable_that_cannot_be_loaded_there_says_so() -> None:
    """An interpreter that is not there ends in a sentence."""
    with pytest.raises(MemfitError) as caught:
        memfit.probe(callables.fill, [1_000], python="/nowhere/python")

    assert caught.value.slug == "cannot-probe"
