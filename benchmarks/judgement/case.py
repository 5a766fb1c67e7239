"""A labelled series: what a judge is shown, and what it does not see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One series with its truth.

    Args:
        name: family and number.
        family: the generator.
        shown: the bytes of each iteration that the judge sees.
        is_leak: whether memory is lost for good, iteration by iteration; None where what is shown cannot tell.
        classes: the names of growth that are right.
        determinable: whether what is shown is enough to tell; told by the generator from its own parameters.
        rate: true bytes per iteration at the end of what is shown; 0 for benign series.
        limit_bytes: a limit to forecast, None where the series has no date.
        reached_after: iterations after the end of what is shown at which the true series reaches the limit.
        summed: for workers' proportional size: their resident sizes summed.
    """

    name: str
    family: str
    shown: np.ndarray
    is_leak: bool | None
    classes: tuple[str, ...]
    determinable: bool = True
    rate: float = 0.0
    limit_bytes: int | None = None
    reached_after: int | None = None
    summed: np.ndarray | None = None
