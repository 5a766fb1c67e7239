"""What comes and goes: spikes, saw-teeth, periods. Taken off, the skeleton is left: what is never given back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from memfit.analysis.growth.series import Series

_OUTLIER = 8.0  # standard deviations of the noise: beyond it a reading is an event, not noise
_EDGE = 3.5  # standard deviations of the noise, to which single readings are pulled in
_FEWEST_TEETH = 3
_FEW_PERIODS = 8
_RIPPLE = 0.25  # of the range: below this a few periods are a ripple
_MOST_BLOCKS = 80  # of a skeleton: enough for a shape, few enough that noise is averaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """A series taken apart.

    Args:
        x: iterations of the skeleton's points.
        y: its bytes: the floor of each tooth or period, the median of each block otherwise.
        tops: the highest reading of each point's block.
        kind: "plain", "teeth" or "period".
        amplitude: how far a tooth or period rises above its floor, in bytes.
        spikes: how many single events rise out of the noise.
        spike_bytes: how high above their surroundings, in the median.
        regular: the spikes come at regular distances.
        spike_x: the iteration of each spike.
        spike_tops: the highest reading of each.
        fine_x: the iterations of all points without spikes.
        fine_y: their bytes.
        head_bytes: how high the first few points lie below the rest, where they do; they are left out above.
    """

    x: Any
    y: Any
    tops: Any
    kind: str
    amplitude: float
    spikes: int
    spike_bytes: float
    regular: bool
    spike_x: Any
    spike_tops: Any
    fine_x: Any
    fine_y: Any
    head_bytes: float = 0.0


def take_apart(series: Series) -> Rhythm:
    """The skeleton of a series and what was taken off it."""
    head, head_bytes = _head(series.y)
    x, y, high = series.x[head:], series.y[head:], series.high[head:]
    spiky, heights = _spikes(high, y)
    events = _events(spiky & (high >= y))
    centres = [float(event.mean()) for event in events]
    calm = ~spiky if series.samples <= len(y) else np.ones(len(y), dtype=bool)
    if calm.sum() < max(8, len(y) // 2):
        calm = np.ones(len(y), dtype=bool)
    cx, cy, ch = x[calm], y[calm], high[calm]
    kind, edges, amplitude = _blocks(cy)
    if kind == "plain":
        cy = _without_outliers(cy)
    starts, ends = edges[:-1], edges[1:]
    floor = _FLOORS[kind]
    return Rhythm(
        x=_places(cx, edges, kind),
        y=np.array([floor(cy[start:end]) for start, end in zip(starts, ends, strict=True)]),
        tops=np.array([ch[start:end].max() for start, end in zip(starts, ends, strict=True)]),
        kind=kind,
        amplitude=amplitude,
        spikes=len(centres),
        spike_bytes=float(np.median(heights[spiky])) if spiky.any() else 0.0,
        regular=is_regular(centres),
        spike_x=np.array([x[event].mean() for event in events]),
        spike_tops=np.array([high[event].max() for event in events]),
        fine_x=cx,
        fine_y=cy,
        head_bytes=head_bytes,
    )


def _places(x: Any, edges: Any, kind: str) -> Any:
    """Where the skeleton's points lie: a tooth's floor at its start, however long the last one lasts."""
    if kind == "teeth":
        return x[edges[:-1]]
    return np.array([x[start:end].mean() for start, end in itertools.pairwise(edges)])


def noise(y: Any) -> float:
    """The standard deviation of the readings around their neighbours, whatever jumps there are; 0 on plateaus."""
    if len(y) < 3:
        return 0.0
    steps = np.diff(y)
    return float(1.4826 * np.median(np.abs(steps - np.median(steps))) / np.sqrt(2))


def running_median(y: Any, width: int) -> Any:
    """The median around each point, over an odd number of points."""
    half = width // 2
    padded = np.concatenate([y[:half][::-1], y, y[-half:][::-1]]) if half else y
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def _without_outliers(y: Any) -> Any:
    """Single readings far from their neighbours pulled in to the edge of the noise; steps and slopes stay."""
    if len(y) < 8:
        return y
    base = running_median(y, 7)
    rest = y - base
    spread = 1.4826 * float(np.median(np.abs(rest)))
    return base + np.clip(rest, -_EDGE * spread, _EDGE * spread) if spread > 0 else y


def _head(y: Any) -> tuple[int, float]:
    """The first few points where they lie far below the rest, and how far: what is set up in the first iterations."""
    longest = min(6, len(y) // 8)
    if longest < 1:
        return 0, 0.0
    near = y[: max(10 * longest, 30)]
    steps = np.diff(near[longest:])
    limit = max(
        _OUTLIER * noise(near[longest:]), 4 * float(np.quantile(np.abs(steps), 0.95)), 0.002 * float(near.max())
    )
    for head in range(longest, 0, -1):
        level = float(np.median(near[head : head + 5]))
        if y[head] - y[head - 1] > limit and level - y[:head].max() > limit:
            return head, level - float(y[0])
    return 0, 0.0


def _spikes(high: Any, y: Any) -> tuple[Any, Any]:
    """Which points stick out of their surroundings, and by how much."""
    if len(y) < 8:
        return np.zeros(len(y), dtype=bool), np.zeros(len(y))
    base = running_median(y, 2 * min(max(len(y) // 20, 2), 50) + 1)
    rest = y - base
    spread = max(1.4826 * float(np.median(np.abs(rest))), noise(y))
    limit = max(_OUTLIER * spread, 0.002 * float(base.max()), 1.0)
    above = high - base
    mask = (above > limit) | (rest < -limit)
    for edge in (mask, mask[::-1]):  # what does not come from the base or return to it is a step, no spike
        edge[: int(np.argmin(edge))] = False
    return mask, np.abs(above)


def _events(mask: Any) -> list[Any]:
    """The runs of marked points."""
    places = np.flatnonzero(mask)
    if not len(places):
        return []
    return np.split(places, np.flatnonzero(np.diff(places) > 2) + 1)


def is_regular(centres: Any) -> bool:
    """Whether events come at regular distances."""
    if len(centres) < _FEWEST_TEETH:
        return False
    distances: Any = np.diff(centres)
    return bool(distances.std() <= 0.25 * distances.mean())


def _blocks(y: Any) -> tuple[str, Any, float]:
    """Where the skeleton's blocks begin and end: teeth, periods, or equal parts."""
    teeth = _teeth(y)
    if teeth is not None:
        edges, amplitude = teeth
        return "teeth", edges, amplitude
    period = _period(y)
    if period is not None and (len(y) // period >= _FEW_PERIODS or _swings(y, period)):
        count = len(y) // period
        group = max(1, -(-count // _MOST_BLOCKS))
        edges = np.arange(len(y) % (period * group), len(y) + 1, period * group)
        amplitude = float(np.median([np.ptp(y[a:b]) for a, b in itertools.pairwise(edges)]))
        return "period", edges, amplitude
    count = min(len(y), _MOST_BLOCKS if len(y) >= 2 * _MOST_BLOCKS else len(y))
    return "plain", np.linspace(0, len(y), count + 1).astype(int), 0.0


def _swings(y: Any, period: int) -> bool:
    """Whether a few long periods are what the series does most: not a ripple on a slope."""
    rest = y - running_median(y, 2 * (period // 2) + 1)
    return bool(np.quantile(rest, 0.95) - np.quantile(rest, 0.05) > _RIPPLE * np.ptp(y))


def _teeth(y: Any) -> tuple[Any, float] | None:
    """Edges of saw-teeth: a slow climb, then a drop at once; None where there are too few."""
    if len(y) < 12:
        return None
    steps = np.diff(y)
    width = 2 * max(len(y) // 10, 3) + 1
    rest = y - running_median(y, width)
    swing = float(np.quantile(rest, 0.98) - np.quantile(rest, 0.02))
    centre = np.median(steps)
    spread = 1.4826 * float(np.median(np.abs(steps - centre)))
    drops = np.flatnonzero(steps < -max(6 * spread, 0.4 * swing, 1.0))
    if len(drops) < _FEWEST_TEETH:
        return None
    drops = drops[np.concatenate([[True], np.diff(drops) > 1])]
    if len(drops) < _FEWEST_TEETH or len(y) / len(drops) < 3:
        return None
    climbs = [np.diff(y[a + 1 : b + 1]) for a, b in itertools.pairwise(drops)]
    gradual = [len(c) > 1 and c.sum() > 0 and c.max() < 0.6 * c.sum() for c in climbs]
    if np.mean(gradual) < 0.7 or not _undo(y, drops):
        return None
    edges = np.concatenate([drops + 1, [len(y)]])
    if edges[-1] - edges[-2] < 3:
        edges = edges[:-1]
    amplitude = float(np.median([y[b] - y[a + 1] for a, b in itertools.pairwise(drops)]))
    group = max(1, -(-(len(edges) - 1) // _MOST_BLOCKS))
    return edges[::group] if group > 1 else edges, amplitude


def _undo(y: Any, drops: Any) -> bool:
    """Whether the drops last, and undo a good part of the climbs before them: outliers and dips do not."""
    falls = np.array([np.median(y[max(at - 2, 0) : at + 1]) - np.median(y[at + 1 : at + 4]) for at in drops])
    sharp = y[drops] - y[drops + 1]
    climbs = y[drops[1:]] - y[drops[:-1] + 1]
    return bool(np.median(falls / sharp) > 0.5 and np.median(sharp[1:] / np.maximum(climbs, 1.0)) > 0.4)


def _period(y: Any) -> int | None:
    """The length of the strongest period in points; None where there is none that is seen three times."""
    count = len(y)
    if count < 24:
        return None
    rest = y - running_median(y, 2 * max(count // 6, 3) + 1)
    rest = rest - rest.mean()
    power = np.abs(np.fft.rfft(rest, 2 * count)) ** 2
    memory = np.fft.irfft(power)[:count]
    if memory[0] <= 0:
        return None
    memory = memory / memory[0] * count / np.arange(count, 0, -1)
    below = np.flatnonzero(memory < 0)
    if not len(below):
        return None
    first, last = int(below[0]), count // 3
    if last - first < 2:
        return None
    lag = first + int(np.argmax(memory[first:last]))
    if lag < 3 or memory[lag] < 0.55 or (2 * lag < count * 0.8 and memory[2 * lag] < 0.4):
        return None
    for part in (4, 3, 2):  # the shortest of the periods that explain it as well
        shorter = round(lag / part)
        if shorter >= max(first, 3) and memory[shorter] > 0.85 * memory[lag]:
            return shorter
    return lag


def _first_floor(part: Any) -> float:
    """Where a tooth begins: what the collection before it left."""
    return float(part[:3].min())


def _low_fifth(part: Any) -> float:
    return float(np.quantile(part, 0.2))


_FLOORS: dict[str, Callable[[Any], Any]] = {"plain": np.median, "teeth": _first_floor, "period": _low_fifth}
