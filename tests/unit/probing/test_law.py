"""The law behind measured sizes, and its range elsewhere: pure figures."""

from __future__ import annotations

import pytest

from memfit.errors import UsageError
from memfit.probing.law import Point, fit_law
from memfit.quantities import MIB


def points(*sizes: int, slope: float = 100.0, constant: int = 10 * MIB) -> list[Point]:
    return [Point(size=n, rise_bytes=round(constant + slope * n)) for n in sizes]


def test_a_line_is_found_again() -> None:
    """Constant and slope of exact points come back, whatever terms are allowed besides."""
    seen = points(100_000, 200_000, 400_000)

    laws = [fit_law(seen, terms=terms) for terms in (("n",), ("n", "n log n"), ("n", "n2"))]

    assert [law.at(4_000_000) for law in laws] == [10 * MIB + 400_000_000] * 3


def test_a_square_term_is_used_only_where_it_is_allowed() -> None:
    """Three points of a parabola: a square where the caller says so, the best line otherwise."""
    seen = [Point(size=n, rise_bytes=8 * n * n) for n in (2_000, 4_000, 8_000)]

    assert fit_law(seen, terms=("n", "n2")).at(80_000) == pytest.approx(8 * 80_000**2, rel=1e-6)
    assert fit_law(seen).at(80_000) < 8 * 80_000**2 / 4


def test_coefficients_are_never_negative() -> None:
    """Points that fall below proportional growth get no negative constant that would make small jobs free."""
    law = fit_law([Point(size=n, rise_bytes=100 * n - 5 * MIB) for n in (200_000, 400_000, 800_000)])

    assert law.constant_bytes >= 0 and min(law.coefficients.values()) >= 0


def test_a_capped_term_stays_at_its_cap() -> None:
    """A cache that fills: beyond its limit only the rest goes on growing."""
    cap = 200 * MIB
    seen = [Point(size=n, rise_bytes=100 * n + min(8 * n * n, cap)) for n in (2_000, 4_000, 8_000)]

    law = fit_law(seen, terms=("n", "n2"), caps_bytes={"n2": cap})

    assert law.at(1_000_000) == pytest.approx(100_000_000 + cap, rel=1e-3)


def test_small_probes_are_not_trusted() -> None:
    """A first-call overhead of 3 MiB at tiny sizes does not bend the law of the larger ones."""
    seen = [Point(size=1_000, rise_bytes=3 * MIB), *points(100_000, 200_000, 400_000, constant=0)]

    law = fit_law(seen)

    assert len(law.points) == 3 and law.constant_bytes < 1


def test_the_range_widens_with_distance() -> None:
    """The further the target from the largest probe, the wider the range, relative to what is expected."""
    law = fit_law(points(100_000, 200_000, 400_000))

    widths = [(law.range_at(n).high - law.range_at(n).low) / law.at(n) for n in (1e7, 1e8, 1e9)]

    assert widths == sorted(widths) and widths[0] < widths[-1]


def test_a_law_that_bends_upwards_is_within_its_range() -> None:
    """Growth steeper than the allowed terms: the line through the last two probes lies below high."""
    seen = [Point(size=n, rise_bytes=round(n**1.3)) for n in (400_000, 800_000, 1_600_000)]

    found = fit_law(seen).range_at(6_400_000)

    slope = (seen[2].rise_bytes - seen[1].rise_bytes) / 800_000
    assert found.high >= seen[2].rise_bytes + slope * 4_800_000 - 1


def test_two_probes_cannot_tell_a_square_from_a_line() -> None:
    """Both fit them exactly; the high end takes the square to have all of the last one."""
    seen = [Point(size=n, rise_bytes=8 * n * n + 12_000 * n) for n in (1_000, 2_000)]

    law = fit_law(seen, terms=("n", "n2"))

    assert law.range_at(8_000).high >= 16 * seen[1].rise_bytes
    assert law.at(8_000) == pytest.approx(8 * 8_000**2 + 12_000 * 8_000, rel=0.01)


def test_a_law_is_lifted_through_a_point_beyond_a_switch() -> None:
    """Its slope stays, and the distance counts from that point."""
    law = fit_law(points(100_000, 200_000, 400_000))

    lifted = law.through(Point(size=500_000, rise_bytes=law.at(500_000) + 30 * MIB))

    assert lifted.at(1_000_000) == law.at(1_000_000) + 30 * MIB
    assert lifted.points[-1].size == 500_000


def test_larger_sizes_that_rose_by_less_count() -> None:
    """One small size just above what is trusted, larger ones just below: it does not grow."""
    seen = [Point(size=n, rise_bytes=rise * MIB // 10) for n, rise in ((8_000, 53), (16_000, 49), (40_000, 48))]

    assert fit_law(seen).at(80_000) < 6 * MIB


def test_one_point_grows_in_proportion() -> None:
    """A single probe says nothing of a constant: the careful reading is proportional, with a wide range."""
    law = fit_law([Point(size=1_000_000, rise_bytes=100 * MIB)])

    assert law.at(4_000_000) == 400 * MIB


@pytest.mark.parametrize(("seen", "terms"), [([], ("n",)), (points(1_000), ("n3",))])
def test_nothing_to_fit_is_wrong_usage(seen: list[Point], terms: tuple[str, ...]) -> None:
    """No points, or a term that nobody knows."""
    with pytest.raises(UsageError):
        fit_law(seen, terms=terms)
