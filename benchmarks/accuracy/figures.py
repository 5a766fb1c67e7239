"""Predicted against measured, as numbers: pure arithmetic on rows, no files. The page is written by ``judge``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


def median(values: Iterable[float]) -> float | None:
    """The middle value; None of nothing."""
    return quantile(values, 0.5)


def quantile(values: Iterable[float], share: float) -> float | None:
    """The value below which ``share`` of the values lie, interpolated linearly; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    below, above = math.floor(place), math.ceil(place)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One job: what was predicted and what its runs showed, in bytes.

    Args:
        job, half: of the registry.
        measured: the peak of every run.
        expected, high: the prediction; ``low`` is not judged.
        baseline: what the process held before the job, 0 where the figure has none.
    """

    job: str
    half: str
    measured: tuple[int, ...]
    expected: int
    high: int
    baseline: int = 0

    @property
    def middle(self) -> float:
        """The median run."""
        return median(self.measured) or 0.0

    @property
    def error(self) -> float:
        """(expected − measured) / measured, of the whole figure."""
        return (self.expected - self.middle) / self.middle

    @property
    def error_above_baseline(self) -> float:
        """The same difference over what the job added to the baseline: the stricter reading."""
        return (self.expected - self.middle) / (self.middle - self.baseline)

    @property
    def spread(self) -> float:
        """Between the highest and the lowest run, over the median: an error below this is none."""
        return (max(self.measured) - min(self.measured)) / self.middle

    @property
    def runs_above_high(self) -> int:
        """How many runs went over the figure to plan with."""
        return sum(1 for run in self.measured if run > self.high)

    @property
    def margin(self) -> float:
        """high / measured − 1: what planning with ``high`` wastes."""
        return self.high / self.middle - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many jobs in one line. Shares are fractions; None where there is no job."""

    jobs: int
    runs: int
    median_error: float | None
    ninetieth_error: float | None
    bias: float | None
    median_error_above_baseline: float | None
    runs_above_high: int
    median_margin: float | None

    @property
    def share_above_high(self) -> float | None:
        """Runs that went over ``high``, as a fraction of all runs."""
        return self.runs_above_high / self.runs if self.runs else None


def summarise(rows: Sequence[Comparison]) -> Summary:
    """Absolute errors: median and ninetieth percentile; ``bias`` is the signed median (negative: predicted too low)."""
    return Summary(
        jobs=len(rows),
        runs=sum(len(row.measured) for row in rows),
        median_error=median(abs(row.error) for row in rows),
        ninetieth_error=quantile((abs(row.error) for row in rows), 0.9),
        bias=median(row.error for row in rows),
        median_error_above_baseline=median(abs(row.error_above_baseline) for row in rows),
        runs_above_high=sum(row.runs_above_high for row in rows),
        median_margin=median(row.margin for row in rows),
    )
