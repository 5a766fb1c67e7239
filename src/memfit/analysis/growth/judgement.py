"""What a series is judged to do: the class, its rate and what a forecast needs of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memfit.analysis.growth.stairs import Stairs
from memfit.documents import Growth

PAGES = 16384.0  # bytes: growth below four pages over all is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a skeleton says.

    Args:
        growth: the class.
        is_leak: whether it grows without an end; None when that cannot be told.
        confidence: 0 to 1.
        rate: bytes per iteration at the end.
        rate_error: its standard error.
        curvature: bytes per iteration squared, where the growth accelerates.
        walk: standard deviation that the level gathers in one iteration, for forecasts.
        spread: standard deviation of the readings around the curve.
        end: the level at the end in bytes.
        start: at the start.
        settles_at: where a saturating curve ends.
        levels: the levels of a series that moves in steps.
        needs: how many more iterations would tell.
        since: the iteration from which it grows, where that is not the first.
        where: "floor" or "peaks".
        stairs: the jumps, where there are some.
    """

    growth: Growth
    is_leak: bool | None
    confidence: float
    rate: float = 0.0
    rate_error: float = 0.0
    curvature: float = 0.0
    walk: float = 0.0
    spread: float = 0.0
    end: float = 0.0
    start: float = 0.0
    settles_at: float | None = None
    levels: tuple[float, ...] = ()
    needs: int | None = None
    since: float | None = None
    where: str = "floor"
    stairs: Stairs | None = None


def round_number(iterations: float) -> int:
    """A round number of iterations: "about so many" is not known to the last digit."""
    digits = max(int(np.floor(np.log10(max(iterations, 1.0)))), 0)
    unit = 10**digits if digits == 0 else 10 ** (digits - 1) * 5
    return int(np.ceil(iterations / unit) * unit)
