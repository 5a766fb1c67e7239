"""The curves that a skeleton may follow, as columns for a linear fit. Time runs from 0 to 1; bytes are scaled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

_KNOTS = np.linspace(0.08, 0.92, 15)
_DECAYS = np.geomspace(0.01, 1.5, 18)
_SETTLED_BY = 0.7  # of the series: later shifts would carry on what has ended
_TAILS = np.geomspace(0.02, 1.5, 8)
_BENDS = np.geomspace(0.003, 0.5, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One curve with its bent fixed.

    Args:
        family: growing: "line", "onset", "bend", "settle_line", "accelerating"; ended: "flat", "filled", "settled",
            "slowed"; on the way to an end that is not seen: "filling", "settling", "slowing".
        bent: the knot, the decay or the scale, in parts of the whole; 0 where there is none.
        columns: the curve's terms, beside the constant.
        slopes: their derivatives at the end.
        cost: how many parameters it has, the constant and the bent included.
        shifts_until: level shifts may lie before that time: a curve that has ended does not rise by shifts afterwards.
    """

    family: str
    bent: float
    columns: Any
    slopes: Any
    cost: int
    shifts_until: float = 1.0


def shapes(u: Any) -> Iterator[Shape]:
    """All curves over the points u, which run from 0 to 1."""
    one = np.ones_like(u)
    none = np.zeros(0)
    yield Shape(family="flat", bent=0.0, columns=np.zeros((len(u), 0)), slopes=none, cost=1)
    yield _shape("line", 0.0, [u], [1.0], 2)
    yield _shape("accelerating", 0.0, [u, u**2], [1.0, 2.0], 3)
    for knot in _KNOTS:
        after = np.maximum(u - knot, 0.0)
        yield _shape("onset", float(knot), [after], [1.0], 3)
        yield _shape("filled" if knot < 0.82 else "filling", float(knot), [np.minimum(u, knot)], [0.0], 3, float(knot))
        yield _shape("bend", float(knot), [u, after], [1.0, 1.0], 4)
    for decay in _DECAYS:
        curve = one - np.exp(-u / decay)
        end = float(np.exp(-1 / decay) / decay)
        yield _shape("settled" if decay < 0.42 else "settling", float(decay), [curve], [end], 3, _SETTLED_BY)
        if decay < 0.35:
            yield _shape("settle_line", float(decay), [curve, u], [end, 1.0], 4)
    for power in (1, 2):
        for tail in _TAILS:
            end = float(power / tail * (1 + 1 / tail) ** (-power - 1))
            name = "settled" if tail < 0.25 * power else "settling"
            curve = one - (1 + u / tail) ** -power
            yield _shape(name, float(tail), [curve], [end], 3, _SETTLED_BY)
            if tail < 0.2:
                yield _shape("settle_line", float(tail), [curve, u], [end, 1.0], 4)
    for bend in _BENDS:
        yield _shape(
            "slowed" if bend < 0.02 else "slowing", float(bend), [np.log1p(u / bend)], [1 / (bend + 1)], 3, _SETTLED_BY
        )


def _shape(
    family: str, bent: float, columns: list[Any], slopes: list[float], cost: int, shifts_until: float = 1.0
) -> Shape:
    return Shape(
        family=family,
        bent=bent,
        columns=np.stack(columns, axis=1),
        slopes=np.array(slopes),
        cost=cost,
        shifts_until=shifts_until,
    )
