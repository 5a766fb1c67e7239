"""A series that moves in jumps: how many, how high, how regular, and whether they go on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from memfit.analysis.growth.rhythm import noise

_FLAT = 0.3  # of the whole rise: what climbs between the jumps of a stair at most
_MOST = 0.25  # jumps per point: with more the series is a slope in small steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Stairs:
    """The jumps of a series that is flat between them.

    Args:
        places: the iteration of each jump.
        heights: the bytes of each, negative downwards.
        levels: the level before the first jump and after each.
        lateness: how far the middle of the upward jumps lies from the middle of the series, in standard deviations
            of what jumps at a steady rate would show; below zero they come ever more seldom.
        waiting: iterations since the last upward jump, in the usual distance between two.
        regular: distances and heights are alike.
    """

    places: tuple[float, ...]
    heights: tuple[float, ...]
    levels: tuple[float, ...]
    lateness: float
    waiting: float
    regular: bool

    @property
    def up(self) -> int:
        """How many jumps go up."""
        return sum(height > 0 for height in self.heights)

    @property
    def rise(self) -> float:
        """Bytes upwards less bytes downwards, in parts of both: 1 where it only climbs."""
        whole = sum(abs(height) for height in self.heights)
        return sum(self.heights) / whole if whole else 0.0


def stairs(x: Any, y: Any) -> Stairs | None:
    """The jumps of a series; None where it does not move in jumps."""
    if len(y) < 12 or np.ptp(y) == 0:
        return None
    edges = _jumps(y)
    if not edges or len(edges) > _MOST * len(y):
        return None
    bounds = [0, *edges, len(y)]
    parts = [y[a:b] for a, b in itertools.pairwise(bounds)]
    levels = [float(np.median(part)) for part in parts]
    heights: Any = np.diff(levels)
    within = float(np.median(np.abs(np.concatenate([part - np.median(part) for part in parts]))))
    climb = sum(_climb(part) for part in parts)
    if within > 0.2 * float(np.median(np.abs(heights))) or abs(climb) > _FLAT * float(np.abs(heights).sum()):
        return None
    ups = np.array([x[edge] for edge, height in zip(edges, heights, strict=True) if height > 0], dtype=float)
    span = float(x[-1] - x[0]) or 1.0
    where = (ups - x[0]) / span
    usual = float(np.mean(np.diff(ups))) if len(ups) > 1 else span
    return Stairs(
        places=tuple(float(x[edge]) for edge in edges),
        heights=tuple(float(height) for height in heights),
        levels=tuple(levels),
        lateness=float((where.mean() - 0.5) * np.sqrt(12 * len(ups))) if len(ups) else 0.0,
        waiting=float((x[-1] - ups[-1]) / max(usual, 1e-12)) if len(ups) else 0.0,
        regular=_regular(ups, heights[heights > 0]),
    )


def _jumps(y: Any) -> list[int]:
    """The points before which the level shifts for good."""
    width = 3 if len(y) < 60 else 5
    limit = max(6 * noise(y), 0.015 * float(np.ptp(y)))
    windows = np.lib.stride_tricks.sliding_window_view(y, width)
    medians = np.median(windows, axis=1)
    shift = np.zeros(len(y))
    for at in range(width, len(y) - width + 1):
        shift[at] = medians[at] - medians[at - width]
    steps = np.concatenate([[0.0], np.diff(y)])
    found: list[int] = []
    for at in np.argsort(-np.abs(shift)):
        if abs(shift[at]) < limit:
            break
        near = list(range(max(1, at - width), min(len(y), at + width + 1)))
        sharpest = max(near, key=lambda place: steps[place] * np.sign(shift[at]))
        if all(abs(sharpest - other) >= width for other in found):
            found.append(int(sharpest))
    return sorted(found)


def _climb(part: Any) -> float:
    third = max(len(part) // 3, 1)
    return float(np.median(part[-third:]) - np.median(part[:third])) if len(part) >= 3 else 0.0


def _regular(places: Any, heights: Any) -> bool:
    if len(places) < 3:
        return False
    distances = np.diff(places)
    return bool(distances.std() <= 0.3 * distances.mean() and heights.std() <= 0.4 * heights.mean())
