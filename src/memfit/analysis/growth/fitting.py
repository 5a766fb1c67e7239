"""Which curve a skeleton follows: least squares under noise that remembers, level shifts allowed, the best by BIC.

Noise is autoregressive of order one, up to a random walk: a walk is then explained as a walk, not as a slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memfit.analysis.growth.shapes import Shape, shapes

MEMORIES = (0.0, 0.4, 0.7, 0.85, 0.95, 1.0)
MOST_SHIFTS = 4
# -log(1 - memory²), the determinant in the likelihood; a walk, where it has no end, counts as the nearest below.
_MEMORY_COST = {memory: -float(np.log(1 - min(memory, 0.97) ** 2)) for memory in MEMORIES}
_SHIFT_COST = 2.5  # parameters: a level, and a place that was searched for
_FINEST = 2e-3  # of the range: what lies below is rounding (pages, allocator granules), not fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """One curve fitted.

    Args:
        shape: the curve.
        memory: correlation of neighbouring errors.
        shifts: the points before which the level shifts.
        score: BIC; lower is better.
        fitted: the curve with its shifts at every point, in bytes.
        smooth: the curve without its shifts.
        shift_bytes: the sizes of the shifts.
        slope: bytes per unit of time at the end.
        slope_error: its standard error.
        error: standard deviation of one step's error.
        spread: standard deviation of the readings around the curve.
    """

    shape: Shape
    memory: float
    shifts: tuple[int, ...]
    score: float
    fitted: Any
    smooth: Any
    shift_bytes: tuple[float, ...]
    slope: float
    slope_error: float
    error: float
    spread: float

    @property
    def sureness(self) -> float:
        """The slope at the end in standard errors."""
        return self.slope / self.slope_error if self.slope_error > 0 else 0.0


def fit_all(u: Any, y: Any) -> dict[str, Fit]:
    """The best fit of each family of curves.

    Args:
        u: time from 0 to 1.
        y: bytes.
    """
    scale = max(float(np.ptp(y)), 1.0)
    most_shifts = min(MOST_SHIFTS, len(u) // 12)
    scaled = (y - y[0]) / scale
    best: dict[str, tuple[float, tuple[int, ...], Shape, float]] = {}
    curves = list(shapes(u))
    for memory in MEMORIES:
        target = _whiten(scaled, memory)
        jumps = _whiten(np.tril(np.ones((len(u), len(u))))[:, 1:], memory)  # column j: 1 from point j + 1 on
        for shape in curves:
            score, places = _shifted(shape, target, jumps, memory, most_shifts)
            if shape.family not in best or score < best[shape.family][0]:
                best[shape.family] = (score, places, shape, memory)
    return {family: _finish(*found, u, y) for family, found in best.items()}


def slope_under(fit: Fit, u: Any, y: Any, memory: float) -> tuple[float, float]:
    """The slope at the end and its standard error, under errors of another memory."""
    columns = _all_columns(fit.shape, fit.shifts, u)
    coefficients, covariance, _ = _solve(_whiten(columns, memory), _whiten(y, memory))
    weights = _slope_weights(fit.shape, columns.shape[1])
    return float(weights @ coefficients), float(np.sqrt(max(weights @ covariance @ weights, 0.0)))


def _shifted(shape: Shape, target: Any, jumps: Any, memory: float, most_shifts: int) -> tuple[float, tuple[int, ...]]:
    """The lowest score of a shape, and the level shifts that lead to it, added one by one."""
    basis = _orthonormal(_whiten(np.column_stack([np.ones(len(target)), shape.columns]), memory))
    cost = shape.cost + _MEMORY_COST[memory] / np.log(len(target))
    rest = target - basis @ (basis.T @ target)
    free = jumps - basis @ (basis.T @ jumps)
    allowed = np.arange(1, len(target)) < shape.shifts_until * len(target)
    best, places = _score(rest, cost), list[int]()
    kept: tuple[int, ...] = ()
    for number in range(1, most_shifts + 1):
        lengths = np.einsum("ij,ij->j", free, free)
        gains = np.where(allowed & (lengths > 1e-6), (rest @ free) ** 2 / np.maximum(lengths, 1e-6), 0.0)
        place = int(np.argmax(gains))
        if gains[place] <= 1e-12:
            break
        direction = free[:, place] / np.sqrt(lengths[place])
        rest = rest - direction * (direction @ rest)
        free = free - np.outer(direction, direction @ free)
        places.append(place + 1)
        score = _score(rest, cost + number * _SHIFT_COST)
        if score < best:
            best, kept = score, tuple(places)
        elif number - len(kept) >= 2:
            break
    return best, tuple(sorted(kept))


def _finish(score: float, places: tuple[int, ...], shape: Shape, memory: float, u: Any, y: Any) -> Fit:
    columns = _all_columns(shape, places, u)
    coefficients, covariance, error = _solve(_whiten(columns, memory), _whiten(y, memory))
    if memory == 1.0:  # the level is free under a random walk: the curve is laid through the middle
        coefficients[0] = float(np.median(y - columns[:, 1:] @ coefficients[1:]))
    own = 1 + shape.columns.shape[1]
    smooth = columns[:, :own] @ coefficients[:own]
    weights = _slope_weights(shape, columns.shape[1])
    fitted = columns @ coefficients
    return Fit(
        shape=shape,
        memory=memory,
        shifts=places,
        score=score,
        fitted=fitted,
        smooth=smooth,
        shift_bytes=tuple(float(size) for size in coefficients[own:]),
        slope=float(weights @ coefficients),
        slope_error=float(np.sqrt(max(weights @ covariance @ weights, 0.0))),
        error=error,
        spread=float(np.std(y - fitted)),
    )


def _whiten(values: Any, memory: float) -> Any:
    """Values whose errors are independent; the first one counts as a draw from around the level, or not at all."""
    first = np.sqrt(1 - memory**2) * values[:1]
    return np.concatenate([first, values[1:] - memory * values[:-1]])


def _all_columns(shape: Shape, places: Sequence[int], u: Any) -> Any:
    steps = [(np.arange(len(u)) >= place).astype(float) for place in places]
    return np.column_stack([np.ones(len(u)), shape.columns, *steps])


def _slope_weights(shape: Shape, width: int) -> Any:
    weights = np.zeros(width)
    weights[1 : 1 + len(shape.slopes)] = shape.slopes
    return weights


def _orthonormal(columns: Any) -> Any:
    """An orthonormal basis of the columns; those that vanish (the constant under a random walk) are left out."""
    left, sizes, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, sizes > 1e-9 * max(float(sizes[0]), 1.0)]


def _score(rest: Any, cost: float) -> float:
    count = len(rest)
    return float(count * np.log(rest @ rest / count + _FINEST**2) + cost * np.log(count))


def _solve(columns: Any, target: Any) -> tuple[Any, Any, float]:
    """Coefficients, their covariance and the standard deviation of the errors."""
    inverse = np.linalg.pinv(columns, rcond=1e-10)
    coefficients = inverse @ target
    rest = target - columns @ coefficients
    freedom = max(len(target) - int(np.linalg.matrix_rank(columns)), 1)
    error = float(np.sqrt(rest @ rest / freedom))
    return coefficients, error**2 * (inverse @ inverse.T), error
