"""What one iteration adds, as a comparison needs it: live tensors against live tensors, a process against itself."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import combinations

from memfit.analysis.measured import main_iterations
from memfit.documents import Estimate, PerIteration, Recording

_FEWEST = 8  # rows below which a slope is the start of the job and nothing else
_MOST = 200  # points that the slope is taken of: all pairs of them are looked at
_WARM_UP = 0.2  # of the rows: optimizer state, caches and arenas come in there


def per_iteration(pool: str, first: Estimate | Recording, second: Estimate | Recording) -> PerIteration | None:
    """The growth of one pool per iteration on both sides; None when neither tells."""
    recorded = next((document for document in (second, first) if isinstance(document, Recording)), None)
    rows = None if recorded is None else main_iterations(recorded)
    before, after = _rate(pool, first), _rate(pool, second)
    if before is None and after is None:
        return None
    return PerIteration(
        figure=_figure(pool, first, second),
        unit="step" if rows is None else rows.unit,
        first_bytes=before,
        second_bytes=after,
    )


def _figure(pool: str, first: Estimate | Recording, second: Estimate | Recording) -> str:
    if not pool.endswith("host"):
        return "allocated"
    names = ["live tensors" if isinstance(document, Estimate) else "resident size" for document in (first, second)]
    return names[0] if names[0] == names[1] else "live tensors predicted, resident size measured"


def _rate(pool: str, document: Estimate | Recording) -> float | None:
    if isinstance(document, Recording):
        return _measured(pool, document)
    steps = next((each.steps for each in document.pools if each.pool == pool), ())
    if len(steps) < 3:  # the first leaves the optimizer's state behind
        return None
    return float(steps[-1].end_bytes - steps[-2].end_bytes)


def _measured(pool: str, recording: Recording) -> float | None:
    rows = main_iterations(recording)
    column = None if rows is None else rows.columns.get(f"{pool}/{'rss' if pool.endswith('host') else 'allocated'}")
    if rows is None or column is None or len(column) < _FEWEST:
        return None
    start = int(len(column) * _WARM_UP)
    return slope(rows.numbers[start:], column[start:])


def slope(numbers: Sequence[int], sizes_bytes: Sequence[int]) -> float:
    """Bytes per iteration by Theil and Sen: the median of the slopes between all pairs.

    >>> slope([1, 2, 3, 4], [10, 12, 99, 16])
    2.0
    """
    step = max(len(numbers) // _MOST, 1)
    points = list(zip(numbers[::step], sizes_bytes[::step], strict=True))
    return statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if a[0] != b[0])
