"""What is known of how an estimator grows: of several in one call, and of the histograms of sparse columns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memfit.probing.planning import Plan
from memfit.probing.scaling import ColumnsAlike, Histograms, Sample, Scaling, together
from memfit.probing.sweeping import result_of
from memfit.probing.watching import Limits, Reading
from memfit.quantities import MIB


def test_a_cap_holds_only_where_all_have_one() -> None:
    """A cached kernel machine beside one that holds the whole matrix grows without a cap."""
    capped = Scaling(terms=("n", "n2"), caps_bytes={"n2": 100}, switches=(10,))
    free = Scaling(terms=("n", "n2"), switches=(20,), sample=Sample(cell_bytes=8, columns=1, rows=5))

    assert together([capped, Scaling()]).caps_bytes == {"n2": 100}
    both = together([capped, free])
    assert (both.terms, both.caps_bytes, both.switches) == (("n", "n2"), {}, (10, 20))
    assert both.sample == Sample(cell_bytes=8, columns=1, rows=5)


MILLION = 1_000_000
HISTOGRAMS = Histograms(
    column_bytes=0, bin_bytes=1_000, most_bins=255, bin_values=3, column_values=20, rows=200_000,
    columns=(ColumnsAlike(1_000, 0.01),),
)  # fmt: skip


def test_histograms_grow_until_columns_have_all_their_bins() -> None:
    """A bin for every three values of a column; from 765 values on no more."""
    at = {rows: HISTOGRAMS.at(rows) for rows in (15_000, 30_000, 100_000, 1_000_000)}

    assert at[15_000] == 51 * MILLION
    assert at[30_000] == 101 * MILLION
    assert at[100_000] == at[1_000_000] == 255 * MILLION


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (ColumnsAlike(1_000, 0.01, distinct=1), 2 * MILLION),  # ones: stored, or not
        (ColumnsAlike(1_000, 0.000_01), 0),  # one value in a column: it is left out
        (ColumnsAlike(1_000, 0.01, distinct=10_000), 255 * MILLION),
    ],
)
def test_columns_with_few_values_have_few_bins(columns: ColumnsAlike, expected: int) -> None:
    """By how many of their values differ, and by how many there are at all."""
    assert replace(HISTOGRAMS, columns=(columns,)).at(100_000) == expected


def test_a_pool_of_histograms_has_a_cap() -> None:
    """Where the framework is told one."""
    assert replace(HISTOGRAMS, cap_bytes=7).at(100_000) == 7


def plan_with(histograms: Histograms | None) -> Plan:
    limits = Limits(memory_bytes=1 << 40, seconds=60)
    return Plan.of(Scaling(histograms=histograms), target=1_000_000, sizes=None, budget_s=60, limits=limits)


def readings(histograms: Histograms | None) -> list[Reading]:
    """Of what rises by 10 MiB and 100 bytes a row, beside histograms."""
    known = histograms.in_probes_at if histograms is not None else lambda size: 0
    return [Reading(size=size, rise_bytes=10 * MIB + 100 * size + known(size)) for size in (20_000, 40_000, 80_000)]


def test_a_law_is_of_what_is_no_histogram() -> None:
    """Histograms fill below the largest probe: a line through the whole would go on with them."""
    plan = plan_with(HISTOGRAMS)

    found = result_of(readings(HISTOGRAMS), plan, held_bytes=0, stopped="", seconds=0.0).rise_bytes
    plain = result_of(readings(None), plan_with(None), held_bytes=0, stopped="", seconds=0.0).rise_bytes

    assert found is not None and plain is not None
    assert found.expected == pytest.approx(plain.expected + 255 * MILLION, rel=1e-6)
    assert found.low == pytest.approx(plain.low, rel=1e-6)  # made-up values: those of the data may be alike
    assert found.high >= found.expected


def test_probes_of_stumps_are_without_the_histograms_of_the_job() -> None:
    """What such a probe has of them is left out, and those that trees are expected to grow are added."""
    stumps = replace(HISTOGRAMS, stumps={"max_depth": 1}, probed_bin_bytes=10, grown_share=0.8, made_up=False)

    found = result_of(readings(stumps), plan_with(stumps), held_bytes=0, stopped="", seconds=0.0).rise_bytes

    assert found is not None
    assert found.expected == pytest.approx(10 * MIB + 100 * MILLION + 0.8 * 255 * MILLION, rel=1e-3)
    assert found.high >= 100 * MILLION + 255 * MILLION
