"""Long series become few points without losing a peak, and the page's packing gives them back."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memfit.reports.html.packing import pack
from memfit.reports.levels import Bucket, buckets

SIZES = st.integers(min_value=0, max_value=2**50)


def unpacked(packed: dict[str, Any]) -> list[tuple[float, int, int]]:
    """What the page's script makes of it."""
    numbers, number, shift = [], 0, 0
    for byte in base64.b64decode(packed["d"]):
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
    found, place, low = [], 0, 0
    for position in range(packed["n"]):
        step, change, spread = numbers[position * 3 : position * 3 + 3]
        place += step if position else signed(step)
        low += signed(change)
        found.append((place * packed["s"], low * packed["q"], (low + spread) * packed["q"]))
    return found


def signed(value: int) -> int:
    return -(value + 1) // 2 if value % 2 else value // 2


@given(st.lists(SIZES, min_size=1, max_size=300), st.integers(min_value=1, max_value=50))
def test_no_peak_and_no_valley_is_lost(values: list[int], most: int) -> None:
    """However few the buckets: the highest of all is the highest of them, and so the lowest."""
    found = buckets([float(i) for i in range(len(values))], values, values, most)

    assert len(found) <= most
    assert max(bucket.high for bucket in found) == max(values)
    assert min(bucket.low for bucket in found) == min(values)
    assert found[-1].at == len(values) - 1


def test_short_series_stays_as_it_is() -> None:
    """What fits is not touched."""
    found = buckets([0.5, 2.0], [3, 1], [4, 9], 100)

    assert found == [Bucket(at=0.5, low=3, high=4), Bucket(at=2.0, low=1, high=9)]


def test_places_that_are_no_numbers_or_run_backwards_do_no_harm() -> None:
    """NaN and infinity are left out, a clock that jumps back stands still."""
    found = buckets([1.0, math.nan, 0.5, math.inf, 3.0], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 100)

    assert [(bucket.at, bucket.low) for bucket in found] == [(1.0, 1), (1.0, 3), (3.0, 5)]


@given(st.lists(st.tuples(st.floats(0, 1e6), SIZES, SIZES), max_size=60))
def test_packing_keeps_places_and_sizes(points: list[tuple[float, int, int]]) -> None:
    """Low is never above and high never below the truth, by less than a 16,000th of the highest."""
    points.sort()
    given_points = [Bucket(at=at, low=min(a, b), high=max(a, b)) for at, a, b in points]

    packed = pack(given_points)

    slack = max((point.high for point in given_points), default=0) / 16_000 + 1
    length = given_points[-1].at - given_points[0].at if given_points else 0
    for point, (at, low, high) in zip(given_points, unpacked(packed), strict=True):
        assert at == pytest.approx(point.at, abs=length / 1e6 + 1e-5)
        assert point.low - slack <= low <= point.low
        assert high >= point.high if point.low != point.high else low == high
        assert high <= point.high + slack


def test_numbers_of_iterations_stay_exact() -> None:
    """Whole places are not rounded to steps."""
    packed = pack([Bucket(at=number, low=number, high=number) for number in (1, 2, 700_001)], whole=True)

    assert [at for at, _, _ in unpacked(packed)] == [1, 2, 700_001]


def test_forty_thousand_points_fit_into_three_hundred_kilobytes() -> None:
    """The size that the page's budget counts on."""
    rng = range(40_000)
    packed = pack(
        [Bucket(at=i * 0.6, low=4_000_000_000 + i % 977 * 4096, high=4_100_000_000 + i % 91 * 65536) for i in rng]
    )

    assert len(packed["d"]) < 300_000
