"""The rules that people use instead: each takes a series and says leak or not, and a rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

MOST_POINTS = 400  # of a thinned series: Mann-Kendall and Theil-Sen look at all pairs
_SURE = 2.58  # standard errors: one in a hundred by chance, on either side
Verdict = tuple[bool, float]


def thinned(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Iterations and means of at most MOST_POINTS equal parts."""
    count = min(len(series), MOST_POINTS)
    edges = np.linspace(0, len(series), count + 1).astype(int)
    means = np.add.reduceat(series, edges[:-1]) / np.diff(edges)
    return (edges[:-1] + edges[1:] - 1) / 2, means


def ordinary_least_squares(series: np.ndarray) -> Verdict:
    """A straight line whose slope is positive beyond chance, if errors were independent."""
    x = np.arange(len(series)) - (len(series) - 1) / 2
    slope = float(x @ series / (x @ x))
    rest = series - series.mean() - slope * x
    error = float(np.sqrt(rest @ rest / max(len(series) - 2, 1) / (x @ x)))
    return slope > _SURE * error, slope


def mann_kendall(series: np.ndarray) -> Verdict:
    """More pairs that rise than fall, beyond chance; the rate is Sen's."""
    x, y = thinned(series)
    count = len(y)
    score = float(np.sign(y[None, :] - y[:, None])[np.triu_indices(count, 1)].sum())
    _, ties = np.unique(y, return_counts=True)
    spread = (count * (count - 1) * (2 * count + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    return score > _SURE * np.sqrt(max(spread, 1.0)), sen_slope(x, y)


def theil_sen_last_half(series: np.ndarray) -> Verdict:
    """Sen's slope of the last half is positive and gathers a thousandth of the level within what was seen."""
    x, y = thinned(series[len(series) // 2 :])
    slope = sen_slope(x, y)
    return slope * len(series) > 0.001 * float(np.median(series)), slope


def band_means(series: np.ndarray) -> Verdict:
    """Of five bands the last lies a hundredth above the first."""
    bands = [float(part.mean()) for part in np.array_split(series, 5)]
    return bands[-1] > 1.01 * bands[0], (bands[-1] - bands[0]) / (0.8 * len(series))


def sen_slope(x: np.ndarray, y: np.ndarray) -> float:
    """The median of the slopes between all pairs."""
    first, second = np.triu_indices(len(y), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))


RIVALS: dict[str, Callable[[np.ndarray], Verdict]] = {
    "OLS slope, p < 0.01": ordinary_least_squares,
    "Mann-Kendall, p < 0.01": mann_kendall,
    "Theil-Sen on the last half": theil_sen_last_half,
    "mean of the last band 1 % above the first": band_means,
}
