"""From a few measured sizes to a law, and from the law to another size with a range. Pure: no process, clock or file.

A law is a sum of terms with coefficients that are not negative, fitted with relative weights. n log n, n² and powers
("n^0.6") are used only where the caller allows them: chosen freely on three small probes, a square term is off by a
factor.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from memfit.errors import UsageError
from memfit.quantities import MIB, ByteRange

# Smaller rises are first-call overhead and the allocator's own steps, not the law (measured with scikit-learn).
TRUSTED_BYTES = 5 * MIB
_NEAR = 8  # times
# The range, chosen on the tuning half of benchmarks/tabular: a share for what a probe's synthetic data and a second
# run change, and one for every doubling between the largest probe and the target.
SPREAD_SHARE = 0.03
DOUBLING_SHARE = 0.02
# Rises that grow by more than this power of the size are not linear, whatever is known.
BENT_POWER = 1.5
# What fresh threads, kernels' code pages and malloc's arenas add in one run and not in another.
SPREAD_BYTES = 4 * MIB

_SHAPES = {"n": lambda n: n, "n log n": lambda n: n * math.log2(max(n, 2.0)), "n2": lambda n: n * n}
_POWER = re.compile(r"n\^(0?\.\d+)")  # below 1: what grows ever more slowly


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured size.

    Args:
        size: the knob.
        rise_bytes: the peak above the start.
    """

    size: float
    rise_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """``constant + Σ coefficient · term(n)``, in bytes.

    Args:
        constant_bytes: the part that does not grow.
        coefficients: bytes by term: "n", "n log n", "n2".
        caps_bytes: what a term can add at most, by term.
        points: what it was fitted on, smallest first.
        residual_share: the largest relative distance of a point from the law.
    """

    constant_bytes: float
    coefficients: dict[str, float]
    caps_bytes: dict[str, int]
    points: tuple[Point, ...]
    residual_share: float

    def at(self, size: float) -> int:
        """The expected rise at a size, in bytes.

        >>> points = [Point(size=n, rise_bytes=10 * MIB + 100 * n) for n in (100_000, 200_000, 400_000)]
        >>> fit_law(points).at(1_000_000) == 10 * MIB + 100_000_000
        True
        """
        parts = (_capped(size, name, each, self.caps_bytes) for name, each in self.coefficients.items())
        return round(self.constant_bytes + sum(parts))

    def through(self, point: Point) -> Law:
        """The law lifted to a point beyond those that it was fitted on: what a switch adds at once."""
        lift = point.rise_bytes - self.at(point.size)
        before = (Point(size=each.size, rise_bytes=max(each.rise_bytes + lift, 0)) for each in self.points)
        return replace(self, constant_bytes=self.constant_bytes + lift, points=(*before, point))

    def with_coefficient(self, term: str, coefficient: float) -> Law:
        """The law with another coefficient for a term."""
        return replace(self, coefficients={**self.coefficients, term: coefficient})

    def range_at(self, size: float) -> ByteRange:
        """The rise at a size with its range, which widens with the distance from the largest probe.

        The line through the two largest probes is within it too: a law that bends shows there first. So is a square
        that has all of the last one, where they grow faster than a line, or where two alone had to tell one from the
        other.
        """
        expected = self.at(size)
        distance = max(0.0, math.log2(size / self.points[-1].size)) if size > 0 else 0.0
        share = SPREAD_SHARE + self.residual_share + DOUBLING_SHARE * distance
        if len(self.points) < 3:
            share *= 2  # two points lie on every line
        straight = self.straight_at(size) if not self.caps_bytes else expected
        bent = self._bent(size) if not self.caps_bytes else expected
        return ByteRange(
            low=max(0, min(round(expected * (1 - share)) - SPREAD_BYTES, straight)),
            expected=expected,
            high=max(round(expected * (1 + share)) + SPREAD_BYTES, straight, bent),
        )

    def _bent(self, size: float) -> int:
        """What the last probe grows to by a square, where it grew like one or two probes alone could not tell."""
        if len(self.points) < 2 or size <= self.points[-1].size:
            return 0
        before, last = self.points[-2:]
        untold = len(self.points) == 2 and bool(self.coefficients.get("n2"))
        seen = before.rise_bytes >= TRUSTED_BYTES and (
            math.log(last.rise_bytes / before.rise_bytes) > BENT_POWER * math.log(last.size / before.size)
        )
        if not untold and not seen:
            return 0
        return round(last.rise_bytes * (size / last.size) ** 2 * (1 + SPREAD_SHARE)) + SPREAD_BYTES

    def straight_at(self, size: float) -> int:
        """What the line through the two largest probes comes to; of one that falls, the last of them or the law."""
        if len(self.points) < 2 or size <= self.points[-1].size:
            return self.at(size)
        before, last = self.points[-2:]
        slope = (last.rise_bytes - before.rise_bytes) / (last.size - before.size)
        return max(round(last.rise_bytes + slope * (size - last.size)), last.rise_bytes if slope > 0 else 0)

    def __str__(self) -> str:
        words = [f"{self.constant_bytes / MIB:.1f} MiB"] if self.constant_bytes >= 1 else []
        words += [f"{each:.4g} B · {name}" for name, each in self.coefficients.items() if each]
        return " + ".join(words) or "0"


def trusted(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points whose rise is large enough to show the law, smallest first; where one alone is, the next smaller too.

    All of them where none is. Those far below the largest are left out while three remain: histograms, leaves and
    samples fill on the way, and what they did while they filled is no law.
    """
    ordered = sorted(points, key=lambda point: point.size)
    first = next((at for at, point in enumerate(ordered) if point.rise_bytes >= TRUSTED_BYTES), len(ordered))
    large = list(range(first, len(ordered)))  # a larger size that rose by less is no first-call overhead
    if len(large) == 1:
        large = [at for at in (large[0] - 1, large[0]) if at >= 0]
    near = [at for at in large if ordered[at].size * _NEAR >= ordered[-1].size]
    large = near if len(near) >= 3 else large[-3:] if len(large) > 3 else large
    return tuple(ordered[at] for at in large) or tuple(ordered)


def fit_law(points: Sequence[Point], *, terms: Sequence[str] = ("n",), caps_bytes: dict[str, int] | None = None) -> Law:
    """The law that lies closest to the points, by non-negative least squares of relative distances.

    Args:
        points: measured sizes; those below about 5 MiB are left out while others are there.
        terms: what may grow: "n", "n log n", "n2", "n^0.6".
        caps_bytes: what a term can add at most, by term.

    Raises:
        UsageError: no point, or a term that nobody knows.
    """
    unknown = [name for name in terms if name not in _SHAPES and not _POWER.fullmatch(name)]
    if unknown or not points:
        raise UsageError(
            f"no term {unknown[0]!r}" if unknown else "no probe to fit a law on",
            hint="the terms are " + ", ".join(_SHAPES) + ", and powers below 1 such as n^0.6",
            slug="bad-law",
        )
    used, caps = trusted(points), caps_bytes or {}
    fitted = min((_refined(used, each, caps) for each in _subsets(terms)), key=lambda found: found[0])
    _, constant, coefficients = fitted
    law = Law(constant_bytes=constant, coefficients=coefficients, caps_bytes=caps, points=used, residual_share=0.0)
    distances = [abs(law.at(point.size) / max(point.rise_bytes, 1) - 1) for point in used]
    return Law(
        constant_bytes=constant,
        coefficients=coefficients,
        caps_bytes=caps,
        points=used,
        residual_share=min(max(distances), 1.0),
    )


def _subsets(terms: Sequence[str]) -> list[tuple[str, ...]]:
    """Every choice of columns, the constant among them: with so few, trying all is the exact solution."""
    columns = (*reversed(terms), "1")  # one point alone: it grows, and as fast as is allowed, rather than not
    return [chosen for count in range(1, len(columns) + 1) for chosen in combinations(columns, count)]


def _refined(
    points: Sequence[Point], columns: tuple[str, ...], caps: dict[str, int]
) -> tuple[float, float, dict[str, float]]:
    """Least squares for these columns; where a term meets its cap it counts as the cap from there on."""
    solution: list[float] = [0.0] * len(columns)
    active = [[point.rise_bytes < caps.get(name, math.inf) for name in columns] for point in points]
    for _ in range(4):
        settled = [float(sum(caps[name] for name, on in zip(columns, row, strict=True) if not on)) for row in active]
        rows = [
            [_column(point.size, name) if on else 0.0 for name, on in zip(columns, row, strict=True)]
            for point, row in zip(points, active, strict=True)
        ]
        wanted = [max(point.rise_bytes, 1) - given for point, given in zip(points, settled, strict=True)]
        weights = [1 / max(point.rise_bytes, 1) for point in points]
        found = _least_squares(rows, wanted, weights)
        if found is None or min(found) < 0:
            return math.inf, 0.0, {}
        solution = found
        again = [
            [name == "1" or name not in caps or each * _column(point.size, name) < caps[name]
             for name, each in zip(columns, solution, strict=True)]
            for point in points
        ]  # fmt: skip
        if again == active:
            break
        active = again
    constant = dict(zip(columns, solution, strict=True)).get("1", 0.0)
    coefficients = {name: each for name, each in zip(columns, solution, strict=True) if name != "1"}
    error = sum(
        ((constant + sum(_capped(point.size, name, each, caps) for name, each in coefficients.items()))
         / max(point.rise_bytes, 1) - 1) ** 2
        for point in points
    )  # fmt: skip
    return error + 1e-9 * len(columns), constant, coefficients  # of two that fit as well, the simpler


def _column(size: float, name: str) -> float:
    if name == "1":
        return 1.0
    power = _POWER.fullmatch(name)
    return float(size ** float(power.group(1)) if power else _SHAPES[name](size))


def _capped(size: float, name: str, coefficient: float, caps: dict[str, int]) -> float:
    grown = coefficient * _column(size, name)
    return min(grown, float(caps[name])) if name in caps else grown


def _least_squares(
    rows: Sequence[Sequence[float]], wanted: Sequence[float], weights: Sequence[float]
) -> list[float] | None:
    """Weighted least squares by normal equations on scaled columns; None where they cannot be told apart."""
    width = len(rows[0])
    scales = [max((abs(row[column]) for row in rows), default=0.0) for column in range(width)]
    if not all(scales) or len(rows) < width:
        return None
    scaled = [
        [weight * row[column] / scales[column] for column in range(width)]
        for row, weight in zip(rows, weights, strict=True)
    ]
    aimed = [weight * each for weight, each in zip(weights, wanted, strict=True)]
    matrix = [
        [sum(row[i] * row[j] for row in scaled) for j in range(width)]
        + [sum(row[i] * each for row, each in zip(scaled, aimed, strict=True))]
        for i in range(width)
    ]
    for pivot in range(width):
        best = max(range(pivot, width), key=lambda line: abs(matrix[line][pivot]))
        matrix[pivot], matrix[best] = matrix[best], matrix[pivot]
        if abs(matrix[pivot][pivot]) < 1e-12 * sum(weight * weight for weight in weights):
            return None
        for line in range(width):
            if line != pivot:
                share = matrix[line][pivot] / matrix[pivot][pivot]
                matrix[line] = [a - share * b for a, b in zip(matrix[line], matrix[pivot], strict=True)]
    return [matrix[column][width] / matrix[column][column] / scales[column] for column in range(width)]
