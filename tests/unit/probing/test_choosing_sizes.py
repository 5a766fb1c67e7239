"""Which sizes are probed, and what law is taken, on a source that answers by a formula."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memfit.probing.planning import Plan
from memfit.probing.sweeping import BENT, ProbeResult, sweep
from memfit.probing.watching import Limits, Reading
from memfit.quantities import GIB, MIB


class Formula:
    """A source of probes that runs nothing."""

    held_bytes = 100 * MIB

    def __init__(self, rise: Callable[[int], int], *, seconds: Callable[[int], float] = lambda size: 0.01) -> None:
        self._rise, self._seconds = rise, seconds

    def probe(self, size: int, limits: Limits) -> Reading:
        seconds = self._seconds(size)
        return Reading(size=size, rise_bytes=self._rise(size), seconds=seconds, wall_s=seconds)

    def close(self) -> None:
        """Nothing to end."""


def swept(source: Formula, target: int, **known: Any) -> ProbeResult:
    plan = Plan(target=target, sizes=None, budget_s=60, limits=Limits(memory_bytes=8 * GIB, seconds=60), **known)
    return sweep(source, plan)  # type: ignore[arg-type]


def square(size: int) -> int:
    return 3 * MIB + 8 * size * size


def test_a_square_is_probed_up_to_half_of_a_small_target() -> None:
    """A fifth would show a twenty-fifth of it; the figure is right then, and no probe takes more than a quarter."""
    found = swept(Formula(square), 5_000, terms=("n", "n2"))

    assert max(each.size for each in found.readings) == 2_500
    assert found.rise_bytes is not None
    assert found.rise_bytes.expected == pytest.approx(square(5_000), rel=0.03)


def test_a_square_that_takes_long_is_not_probed_so_far() -> None:
    """Beyond ten seconds a fifth has to do."""
    found = swept(Formula(square, seconds=lambda size: size / 100), 5_000, terms=("n", "n2"))

    assert max(each.size for each in found.readings) == 1_000


def test_growth_that_bends_is_no_line_whatever_is_known() -> None:
    """Nobody said that it grows with a square; the larger probes show it, and the notes tell."""
    found = swept(Formula(square), 60_000)

    assert BENT in found.notes
    assert found.rise_bytes is not None
    assert found.rise_bytes.expected == pytest.approx(square(60_000), rel=0.05)


def test_a_line_with_a_constant_is_no_square() -> None:
    """It grows more slowly than its size."""
    found = swept(Formula(lambda size: 20 * MIB + 1_000 * size), 500_000)

    assert BENT not in found.notes
    assert found.rise_bytes is not None
    assert found.rise_bytes.expected == pytest.approx(20 * MIB + 500_000_000, rel=0.03)


def test_a_spread_that_is_known_widens_the_high_end_alone() -> None:
    """By a share of the rise."""
    plain, spread = (swept(Formula(lambda size: 1_000 * size), 500_000, spread_share=each) for each in (0.0, 0.5))

    assert plain.rise_bytes is not None and spread.rise_bytes is not None
    assert spread.rise_bytes.high == plain.rise_bytes.high + 250_000_000
    assert (spread.rise_bytes.low, spread.rise_bytes.expected) == (plain.rise_bytes.low, plain.rise_bytes.expected)


def test_what_takes_little_is_probed_up_to_half_whatever_its_law() -> None:
    """A small job's fifth is first-call overhead: half of it costs nothing and shows how it bends."""
    found = swept(Formula(lambda size: MIB + round(8 * size**1.6)), 30_000)

    assert max(each.size for each in found.readings) == 15_000
    assert found.rise_bytes is not None
    assert found.rise_bytes.high >= MIB + 8 * 30_000**1.6


def test_what_fills_on_the_way_is_probed_to_where_it_is_full() -> None:
    """Histograms of a growing tree: a line in the small probes, full in half of the target."""

    def filling(size: int) -> int:
        return 12 * MIB + 100 * size + min(600 * size, 12_000_000)

    found = swept(Formula(filling, seconds=lambda size: size / 8_000), 80_000, fills=65_536)

    assert max(each.size for each in found.readings) == 40_000
    assert found.rise_bytes is not None
    assert filling(80_000) <= found.rise_bytes.expected < 1.45 * filling(80_000)  # steps to come among it


def test_what_is_not_full_yet_goes_on_by_steps() -> None:
    """Of a line in the probes more is expected, as far as the target lies within what fills; beyond, nothing."""

    def line(size: int) -> int:
        return 12 * MIB + 100 * size

    def expected(target: int, fills: int) -> int:
        found = swept(Formula(line, seconds=lambda size: size / 8_000), target, fills=fills)
        assert found.rise_bytes is not None
        return found.rise_bytes.expected

    left = (65_536 - 40_000) / 65_536
    assert expected(80_000, 65_536) == pytest.approx(line(80_000) * (1 + 0.4 * left), rel=0.001)
    assert expected(1_000_000, 65_536) == pytest.approx(line(1_000_000), rel=0.001)


def test_what_takes_much_is_not() -> None:
    """A fifth of a large job says enough."""
    found = swept(Formula(lambda size: 20 * MIB + 1_000 * size), 2_000_000)

    assert max(each.size for each in found.readings) <= 400_000


def stepping(size: int) -> int:
    return 10 * size + (32 * MIB if size > 200_000 else 0)


def test_a_switch_is_passed_where_that_takes_little() -> None:
    """One probe beyond it lifts the law of those before it."""
    found = swept(Formula(stepping), 400_000, switches=(200_000,))

    assert max(each.size for each in found.readings) == 220_001
    assert not any("another way" in note for note in found.notes)
    assert found.rise_bytes is not None
    assert found.rise_bytes.expected == pytest.approx(stepping(400_000), rel=0.05)


def test_a_switch_that_costs_too_much_to_pass_is_told() -> None:
    """It is less sure then, and said so."""
    found = swept(Formula(lambda size: 50 * stepping(size)), 400_000, switches=(200_000,))

    assert any("another way" in note for note in found.notes)


def test_values_may_make_more_of_a_term() -> None:
    """The high end has the most that any data can make of it, up to its cap; nothing else changes."""
    known = {"terms": ("n", "n2"), "caps_bytes": {"n2": 200 * MIB}}
    plain, wide = (
        swept(Formula(lambda size: 2 * size * size), 9_000, **known, most_coefficients=most)
        for most in ({}, {"n2": 4.0})
    )

    assert plain.rise_bytes is not None and wide.rise_bytes is not None
    assert plain.rise_bytes.high < 200 * MIB <= wide.rise_bytes.high < 210 * MIB
    assert wide.rise_bytes.expected == plain.rise_bytes.expected
