"""Columns like those of a data file: values of its columns' kinds, ties, gaps and skew, from statistics alone.

Runs in the job's interpreter with NumPy. How columns hang together is not known here: each is drawn by itself.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK_ROWS = 1 << 14  # made at a time, for one column: malloc keeps nothing of it that the fit would find
_INFORMATIVE = 8  # columns that the target depends on
_ROOT_12 = math.sqrt(12.0)  # a uniform value's standard deviation is one over it


class ColumnLike(NamedTuple):
    """What is known of a column.

    Attributes:
        quantiles: of numbers, evenly spaced from the least to the greatest; () for codes.
        whole: they are whole numbers.
        distinct: how many different values; None if unknown.
        missing: share of the cells that are missing.
        zeros: share of the cells that are there and zero.
        commonest: share of what is there that the commonest value has; None if unknown.
    """

    quantiles: tuple[float, ...] = ()
    whole: bool = False
    distinct: int | None = None
    missing: float = 0.0
    zeros: float = 0.0
    commonest: float | None = None

    @property
    def varies(self) -> bool:
        """Whether anything can depend on it."""
        return self.distinct != 1 and (not self.quantiles or self.quantiles[0] < self.quantiles[-1])

    def values(self, even: Any) -> Any:
        """The values for numbers spread evenly over 0 to 1."""
        import numpy as np

        if not self.quantiles:
            return np.floor(self._codes(even))
        if self.distinct and not self.whole:
            even = (np.floor(even * self.distinct) + 0.5) / self.distinct
        found = np.interp(even, np.linspace(0.0, 1.0, len(self.quantiles)), self.quantiles)
        return np.rint(found) if self.whole else found

    def _codes(self, even: Any) -> Any:
        """Codes from 0, of which the first comes as often as the commonest value does."""
        different = max(self.distinct or 2, 1)
        if not self.commonest or not 1 / different < self.commonest < 1:
            return even * different
        return different * even ** (math.log(different) / -math.log(self.commonest))

    @property
    def more_zeros(self) -> float:
        """Share of the values to be made zero, besides those that the quantiles make so."""
        if not self.quantiles or not self.zeros:
            return 0.0
        pairs = list(pairwise(self.quantiles))
        made = sum(low == high == 0 for low, high in pairs) / len(pairs)
        if self.whole:  # what is rounded to zero
            made += sum(_near_zero(low, high) for low, high in pairs) / len(pairs)
        wanted = self.zeros / max(1 - self.missing, 1e-9)
        return max(0.0, (wanted - made) / max(1 - made, 1e-9)) if wanted > made else 0.0


def _near_zero(low: float, high: float) -> float:
    """The share of a stretch that lies within half a unit of zero."""
    return max(min(high, 0.5) - max(low, -0.5), 0.0) / (high - low) if low < high else 0.0


def table_like(
    columns: tuple[ColumnLike, ...], rows: int, dtype: str, *, gaps: bool, positive: bool, seed: int
) -> tuple[Any, Any]:
    """A table of such columns, and a signal of mean 0 and variance 1 that some of them make.

    Args:
        columns: one for each.
        rows: how many.
        dtype: of the table.
        gaps: cells may be missing.
        positive: no value may be negative.
        seed: of the dice.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    table: Any = np.empty((rows, len(columns)), dtype=dtype)
    signal = np.zeros(rows)
    chosen = [at for at, column in enumerate(columns) if column.varies][:_INFORMATIVE]
    weights = dict(zip(chosen, random.standard_normal(len(chosen)), strict=True))
    length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
    for at, column in enumerate(columns):
        more_zeros = column.more_zeros
        for start in range(0, rows, _CHUNK_ROWS):
            part = slice(start, min(start + _CHUNK_ROWS, rows))
            even = random.random(part.stop - part.start)
            if at in weights:
                signal[part] += weights[at] / length * _ROOT_12 * (even - 0.5)
            values = column.values(even)
            if more_zeros:
                values[random.random(len(values)) < more_zeros] = 0.0
            if positive:
                np.abs(values, out=values)
            if gaps and column.missing:
                values[random.random(len(values)) < column.missing] = np.nan
            table[part, at] = values
        if gaps and column.missing and rows:
            table[random.integers(rows), at] = np.nan  # one gap changes how libraries hold the whole
    return table, signal


def labels_like(column: ColumnLike, ranks: Any, classes: int) -> Any:
    """Labels for ranks from 0 to 1: the commonest class as often as it is, the others alike."""
    import numpy as np

    share = column.commonest if column.commonest and column.commonest < 1 else 1 / classes
    share = max(share, 1 / classes)
    edges = share + (1 - share) * np.arange(1, classes) / max(classes - 1, 1)
    return np.searchsorted(np.concatenate([[share], edges[:-1]]), ranks, side="right").clip(0, classes - 1)
