"""What must hold of every diagnosis, whatever the series: units, direction, order, holes, and that it comes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memfit.analysis import diagnose_series
from memfit.documents import Diagnosis, Growth, codec
from memfit.quantities import GIB, MIB

LENGTH = 160
STEP = np.arange(LENGTH, dtype=float)
LEAKS = {
    "line": 2 * MIB * STEP,
    "stairs": 40 * MIB * (STEP // 16),
    "teeth": 8 * MIB * (STEP % 10) + 2 * MIB * STEP,
    "accelerating": 0.05 * MIB * STEP**2,
}
SHAPES = {
    **LEAKS,
    "level": np.zeros(LENGTH),
    "step": 200 * MIB * (STEP >= 60),
    "warm-up": 300 * MIB * (1 - np.exp(-STEP / 15)),
    "saw-tooth": 20 * MIB * (STEP % 10),
    "spikes": 400 * MIB * (STEP % 20 == 19),
}
seeds = st.integers(0, 1 << 16)


def series(shape: str, seed: int) -> np.ndarray:
    return 2 * GIB + SHAPES[shape] + np.random.default_rng(seed).normal(0, 0.5 * MIB, LENGTH)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), seeds, st.floats(1, 50), st.integers(0, 64))
def test_class_does_not_depend_on_the_unit(shape: str, seed: int, factor: float, more_gib: int) -> None:
    """All bytes times a factor, or a constant more, are the same behaviour. (Lists of numbers are told by bytes.)"""
    readings = series(shape, seed)
    plain = diagnose_series(readings)

    scaled, raised = diagnose_series(readings * factor), diagnose_series(readings + more_gib * GIB)

    assert {scaled.is_leak, raised.is_leak} == {plain.is_leak}
    assert scaled.growth is plain.growth
    assert shape not in LEAKS or raised.growth is plain.growth


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(LEAKS)), seeds)
def test_a_leak_backwards_is_none(shape: str, seed: int) -> None:
    """What rises for good falls when time runs the other way: no leak."""
    readings = series(shape, seed)

    assert diagnose_series(readings).is_leak is True
    assert diagnose_series(readings[::-1]).is_leak is not True


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(LEAKS)), seeds, st.sets(st.integers(0, LENGTH - 1), max_size=20))
def test_holes_do_not_change_the_verdict(shape: str, seed: int, holes: set[int]) -> None:
    """An eighth of the readings missing leaves a clear leak a leak, and is said."""
    readings = series(shape, seed)
    readings[list(holes)] = np.nan

    found = diagnose_series(readings)

    assert found.is_leak is True
    assert bool(found.series[0].notes) == bool(holes)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(SHAPES)), seeds, st.randoms(use_true_random=False))
def test_order_of_the_readings_does_not_matter(shape: str, seed: int, random: object) -> None:
    """With their times, shuffled readings say what sorted ones say."""
    readings = series(shape, seed)
    order = np.random.default_rng(seed).permutation(LENGTH)

    shuffled = diagnose_series(readings[order], seconds=STEP[order])

    assert shuffled.growth is diagnose_series(readings, seconds=STEP).growth


anything = st.lists(st.floats(0, 1e15) | st.none() | st.just(float("nan")), max_size=80)


@settings(max_examples=50, deadline=None)
@given(anything, st.none() | st.integers(1, 1 << 50))
def test_every_series_has_a_diagnosis(readings: list[float | None], limit: int | None) -> None:
    """Numbers of any kind give a verdict that is a valid document, never an error of another kind."""
    found = diagnose_series(readings, limit_bytes=limit)

    assert 0 <= found.confidence <= 1
    assert found.evidence
    assert (found.growth is Growth.UNDETERMINED) == (found.is_leak is None)
    assert found.is_leak is not None or (found.needs_iterations or 0) > 0
    assert codec.from_json(codec.to_json(found), Diagnosis) == found


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=20, max_size=120), st.integers(1, 1 << 34))
def test_coarse_series_have_a_diagnosis(levels: list[int], granule: int) -> None:
    """Series of a few levels only, as pages and granules make them, are judged like any other."""
    found = diagnose_series([level * granule for level in levels])

    assert found.horizon.samples == len(levels)


@pytest.mark.parametrize("length", [1, 2, 3, 8, 20, 50])
def test_equal_readings_are_never_a_leak(length: int) -> None:
    """A flat line of any length is no leak."""
    assert diagnose_series([GIB] * length).is_leak is not True
