"""The arithmetic of judging, worked out by hand."""

from __future__ import annotations

import pytest
from benchmarks.accuracy.figures import Comparison, median, quantile, summarise


def comparison(measured: tuple[int, ...], expected: int, high: int, baseline: int = 0) -> Comparison:
    return Comparison(job="job", half="judging", measured=measured, expected=expected, high=high, baseline=baseline)


def test_quantiles_interpolate_and_nothing_has_none() -> None:
    """The middle of two values is their mean; of nothing there is no middle."""
    assert median([4.0, 2.0]) == 3.0
    assert quantile([0.0, 10.0, 20.0], 0.9) == pytest.approx(18.0)
    assert median([]) is None


def test_errors_are_of_the_median_run() -> None:
    """Signed, over the whole figure and over what the job added."""
    row = comparison((190, 200, 260), expected=220, high=250, baseline=100)

    assert row.error == pytest.approx(0.1)
    assert row.error_above_baseline == pytest.approx(0.2)
    assert row.spread == pytest.approx(0.35)
    assert row.margin == pytest.approx(0.25)


def test_every_run_above_high_counts() -> None:
    """A job measured thrice can miss thrice."""
    row = comparison((190, 200, 260), expected=195, high=199)

    assert row.runs_above_high == 2


def test_a_summary_counts_runs_and_takes_absolute_errors() -> None:
    """Too high and too low do not cancel in the error, they do in the bias."""
    rows = [comparison((100,), 110, 120), comparison((100,), 90, 95)]

    found = summarise(rows)

    assert found.median_error == pytest.approx(0.1)
    assert found.bias == pytest.approx(0.0)
    assert (found.runs, found.runs_above_high, found.share_above_high) == (2, 1, 0.5)


def test_a_summary_of_nothing_says_nothing() -> None:
    """No zeros for what was not measured."""
    found = summarise([])

    assert found.median_error is None
    assert found.share_above_high is None
