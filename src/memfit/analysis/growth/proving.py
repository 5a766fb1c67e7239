"""What growth must show beside a good fit: a slope that is sure, that goes on, and that is more than what came back."""

from __future__ import annotations

from typing import Any

import numpy as np

from memfit.analysis.growth.fitting import Fit, slope_under

_LATEST_ONSET = 0.75  # of the series: growth that began later has not been seen for long enough
_STILL_GROWING = 0.4  # of the expected growth must be seen in the last 30 %


def careful_slope(fit: Fit, u: Any, y: Any) -> tuple[float, float, float]:
    """Slope over error, slope and error, with the memory of the noise corrected for its bias in short series."""
    terms = 1 + fit.shape.cost + len(fit.shifts)
    memory = min(1.0, fit.memory + terms * (1 + fit.memory) / len(u)) if fit.memory else 0.0
    slope, error = slope_under(fit, u, y, memory)
    error = max(error, 1e-9)
    return min(slope / error, fit.sureness), slope, error


def goes_on(fit: Fit, u: Any, y: Any) -> bool:
    """Whether the last 30 % of the series still grow as the curve says, level shifts aside."""
    rest = y - (fit.fitted - fit.smooth)
    last = u >= 0.7
    if last.sum() < 4:
        last = np.arange(len(u)) >= len(u) - 4
    half = last.sum() // 2
    seen = float(np.median(rest[last][-half:]) - np.median(rest[last][:half]))
    told = float(np.median(fit.smooth[last][-half:]) - np.median(fit.smooth[last][:half]))
    return told > 0 and seen >= _STILL_GROWING * told and not _given_back(fit)


def is_beyond(fit: Fit, y: Any) -> bool:
    """Whether the growth has lasted, and is more than the series fell before: what swings comes up again as well."""
    if fit.shape.family in ("onset", "bend") and fit.shape.bent > _LATEST_ONSET:
        return False
    width = max(len(y) // 30, 1)
    calm = np.array([np.median(y[max(at - width, 0) : at + width + 1]) for at in range(len(y))])
    fallen = float((np.maximum.accumulate(calm) - calm).max())
    return float(fit.smooth[-1] - fit.smooth.min()) > fallen


def _given_back(fit: Fit) -> bool:
    """Whether a level shift took back half of what had grown, and the level has not come above that since."""
    for place, size in zip(fit.shifts, fit.shift_bytes, strict=True):
        before = float(fit.fitted[:place].max())
        if size < 0 and -size > 0.5 * (before - fit.fitted[0]) and fit.fitted[-1] < before - 0.5 * size:
            return True
    drops = [-size for size in fit.shift_bytes if size < 0]
    return len(drops) >= 2 and sum(drops) > 0.5 * float(fit.smooth[-1] - fit.smooth[0])
