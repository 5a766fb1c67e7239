"""What is known beforehand of how an estimator's memory grows: terms, caps and switches. Frameworks fill it in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from memfit.quantities import ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """A number of like parts (trees, rounds), of which a probe makes fewer.

    Args:
        parameter: of the estimator.
        wanted: its value in the job.
        probed: its value in the probes.
        kept: whether what the estimator keeps at its end grows with them.
    """

    parameter: str
    wanted: int
    probed: int
    kept: bool

    def whole(self, rise_bytes: int, kept_bytes: int) -> tuple[int, int]:
        """(rise, kept) with all of them, from those of a probe: its own parts are held once more for each time.

        >>> Repeats(parameter="n_estimators", wanted=100, probed=10, kept=True).whole(300, 20)
        (480, 200)
        """
        more = round(kept_bytes * (self.wanted / self.probed - 1)) if self.kept else 0
        return rise_bytes + more, kept_bytes + more


def fewer(parameter: str, wanted: object, probed: int, *, kept: bool) -> Repeats | None:
    """Fewer parts for the probes, where there are more."""
    if not isinstance(wanted, int) or isinstance(wanted, bool) or wanted <= probed:
        return None
    return Repeats(parameter=parameter, wanted=wanted, probed=probed, kept=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Values collected of a sample of the rows, in vectors that double as they grow: no law of the rows.

    Args:
        cell_bytes: for each value that a column's vector has room for.
        columns: each of which has a vector.
        rows: of the sample at most.
        filled: of each column, the share of its values that are collected; () for all of all.
    """

    cell_bytes: int
    columns: int
    rows: int
    filled: tuple[float, ...] = ()

    def at(self, size: float) -> int:
        """What they take at a number of rows, in bytes.

        >>> Sample(cell_bytes=10, columns=1, rows=200_000).at(1_000_000) == 10 * 262_144
        True
        >>> Sample(cell_bytes=10, columns=2, rows=200_000, filled=(1.0, 0.01)).at(1_000_000) == 10 * (262_144 + 2_048)
        True
        """
        rows = min(size, self.rows)
        if not self.filled:
            return self.cell_bytes * self.columns * _room(rows)
        return self.cell_bytes * sum(_room(rows * share) for share in self.filled)


def _room(number: float) -> int:
    """What a vector that doubles has room for when it holds a number of values."""
    return 1 << max(math.ceil(number) - 1, 0).bit_length() if number else 0


class ColumnsAlike(NamedTuple):
    """Some columns of sparse data that are alike.

    Attributes:
        number: how many.
        filled: share of their cells that is stored.
        distinct: of the stored values, how many differ; None for all of them.
    """

    number: int
    filled: float
    distinct: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Histograms:
    """Histograms of columns' bins, which come with the values that a column has, up to a number: no law of the rows.

    Args:
        column_bytes: for each column that has any.
        bin_bytes: for each of its bins.
        most_bins: of a column.
        bin_values: stored values that a bin has at least.
        column_values: stored values that a column has at least; one of fewer is left out.
        rows: that bins are chosen by at most.
        cap_bytes: all of them at most; None for no cap.
        columns: those of the data; () where nothing is known of them.
        made_up: the values are made up, so that those of the data may be alike and have next to no bins.
        stumps: parameters by which probes grow the least trees; {} where they grow them as the job does.
        probed_bin_bytes: for each bin in such a probe.
        grown_share: of them, those that trees are expected to come to.
    """

    column_bytes: int
    bin_bytes: int
    most_bins: int
    bin_values: int
    column_values: int
    rows: int
    cap_bytes: int | None = None
    columns: tuple[ColumnsAlike, ...] = ()
    made_up: bool = True
    stumps: Mapping[str, Any] = field(default_factory=dict)
    probed_bin_bytes: int = 0
    grown_share: float = 1.0

    def at(self, size: float) -> int:
        """What they take at a number of rows, in bytes.

        >>> Histograms(
        ...     column_bytes=0, bin_bytes=1, most_bins=255, bin_values=3, column_values=20, rows=200_000,
        ...     columns=(ColumnsAlike(10, 0.003),),
        ... ).at(100_000)
        1010
        """
        whole = self._of(size, self.column_bytes, self.bin_bytes)
        return round(whole if self.cap_bytes is None else min(whole, self.cap_bytes))

    def in_probes_at(self, size: float) -> int:
        """What they take in a probe of a number of rows, in bytes."""
        return round(self._of(size, 0, self.probed_bin_bytes)) if self.stumps else self.at(size)

    def beside(self, rise: ByteRange, size: float) -> ByteRange:
        """A rise with them, from the one without.

        Those of made-up values are the most that there can be: values that are alike have next to none.
        """
        known = self.at(size)
        expected = round(known * self.grown_share)
        return rise + ByteRange(low=0 if self.made_up else round(expected * 0.8), expected=expected, high=known)

    def _of(self, size: float, column_bytes: int, bin_bytes: int) -> float:
        """So much for each column, and for each of its bins, at a number of rows."""
        return sum(
            each.number
            * _share_from(size * each.filled, self.column_values)
            * (column_bytes + bin_bytes * self._bins(each, size))
            for each in self.columns
        )

    def _bins(self, column: ColumnsAlike, size: float) -> float:
        bins = min(size, self.rows) * column.filled / self.bin_values
        return min(1 + (bins if column.distinct is None else min(bins, column.distinct)), self.most_bins)


def _share_from(mean: float, least: int) -> float:
    """The share of numbers by Poisson's law that are at least so large, by the normal one that is like it."""
    return 0.5 * math.erfc((least - 0.5 - mean) / math.sqrt(2 * mean)) if mean else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How memory may grow with the rows.

    Args:
        terms: "n", "n log n", "n2".
        caps_bytes: what a term can add at most, by term.
        switches: rows beyond which the estimator works in another way.
        smallest: rows that a probe needs at least.
        repeats: what a probe makes fewer of; None for nothing.
        sample: what is collected of a sample and is part of the peak; None for nothing.
        histograms: of bins that are part of the peak; None for nothing.
        spread_share: of the rise, that one fit may have more than the law says.
        most_coefficients: by term, the most that the values of the data can make of its coefficient: for probes on
            made-up values.
        values_share: of the rise, that other values may add: for probes on made-up values.
        beyond_bytes: what the last switch adds at most, where the probes do not reach it.
        fills: rows up to which sketches and histograms fill: the smaller probes grow faster than the whole.
        probe_params: that a probe sets besides: quietness, no files.
        source: where this is known from.
    """

    terms: tuple[str, ...] = ("n",)
    caps_bytes: Mapping[str, int] = field(default_factory=dict)
    switches: tuple[int, ...] = ()
    smallest: int = 256
    repeats: Repeats | None = None
    sample: Sample | None = None
    histograms: Histograms | None = None
    spread_share: float = 0.0
    most_coefficients: Mapping[str, float] = field(default_factory=dict)
    values_share: float = 0.0
    beyond_bytes: int = 0
    fills: int = 0
    probe_params: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""


def together(scalings: Sequence[Scaling]) -> Scaling:
    """Of several estimators that are fitted in one call: the fastest growth and every switch; repeats of none."""
    terms = tuple(dict.fromkeys(term for each in scalings for term in each.terms))
    capped = {term: [each.caps_bytes.get(term) for each in scalings if term in each.terms] for term in terms}
    histograms = [each.histograms for each in scalings if each.histograms is not None]
    samples = [each.sample for each in scalings if each.sample is not None]
    return Scaling(
        terms=terms,
        caps_bytes={term: max(caps) for term, caps in capped.items() if all(caps)},  # type: ignore[type-var,misc]
        switches=tuple(sorted({switch for each in scalings for switch in each.switches})),
        smallest=max(each.smallest for each in scalings),
        spread_share=max(each.spread_share for each in scalings),
        beyond_bytes=max(each.beyond_bytes for each in scalings),
        fills=max(each.fills for each in scalings),
        histograms=max(histograms, key=lambda each: each.bin_bytes, default=None),
        sample=max(samples, key=lambda each: each.cell_bytes * each.columns * each.rows, default=None),
        source="; ".join(dict.fromkeys(each.source for each in scalings if each.source)),
    )
