"""An estimator on sparse data: what its request says instead of a table's."""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memfit.documents import Assumption
from memfit.jobs.tabular import TabularRequest, item_bytes, scaling_of
from memfit.probing.child.estimator import EstimatorFit
from memfit.probing.child.sparse import PARTS, SparseFit, index_bytes
from memfit.probing.scaling import ColumnsAlike, Scaling
from memfit.probing.sweeping import ProbeResult
from memfit.quantities import ByteRange, format_bytes

_TARGET_BYTES = 8
# Of a row: a fit of MultinomialNB on 300,000 rows rose by 17.5 MiB where its data was made in place, by 22.6 where its
# matrix and target had been made with what larger blocks leave behind (scikit-learn 1.9.1, glibc 2.36).
_HOLES_BYTES = 16
# Stored values that a column of a probe has in the mean: below LightGBM's min_data_in_leaf of 20 it drops columns
# (feature_pre_filter, LightGBM 4.7), and encoders and selectors see a column that is as good as empty.
_COLUMN_VALUES = 96
# Of the rows: no probe on the file's own beyond, but for small files. A sample is small, and large probes show which
# phase of a fit has the peak: LightGBM's building of its bins overtakes its training on the way.
_LARGEST_SHARE = 1 / 2
_FEW = 4_000  # rows that are probed whatever share they are
_SMALL_SHARE = 1 / 20  # of the target: the first probe has no more rows for all that, so that two more follow


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseRequest(TabularRequest):
    """An estimator and its CSR matrix.

    Args:
        density: share of the cells that are stored.
        sample: path of rows that were read from the file; "" where none were.
        sampled: how many those are.
        alike: the columns that they fill.
        distinct: of the values that a column stores, how many differ; 0 where nobody said.
    """

    density: float
    sample: str = ""
    sampled: int = 0
    alike: tuple[ColumnsAlike, ...] = ()
    distinct: int = 0

    @property
    def filled(self) -> int:
        """Values that are stored."""
        return round(self.rows * self.columns * self.density)

    @property
    def columns_alike(self) -> tuple[ColumnsAlike, ...]:
        """The sample's, or those of the probes: filled alike, of whole numbers that are all 1."""
        distinct = self.distinct or (None if self.dtype.startswith("float") else 1)
        return self.alike or (ColumnsAlike(self.columns, self.density, distinct),)

    @property
    def longest_seen(self) -> int | None:
        """Values of the fullest row of the sample; None where there is none."""
        if not self.sample:
            return None
        ends = array("q")
        ends.frombytes(Path(self.sample, PARTS[0][0]).read_bytes())
        return max(map(operator.sub, ends, [0, *ends[:-1]]), default=None)

    @property
    def sizes(self) -> tuple[int, ...] | None:
        """Rows of the sample to probe: halves of what may be; None to choose them on the way."""
        if not self.sample:
            return None
        largest = min(self.sampled, max(math.ceil(self.rows * _LARGEST_SHARE), min(self.rows, _FEW)))
        return tuple(sorted({max(largest // times, 1) for times in (8, 4, 2, 1)}))

    @property
    def index_bytes(self) -> int:
        """Of an index: 8 where 4 do not count so far."""
        return index_bytes(self.rows, self.columns, self.filled)

    @property
    def data_bytes(self) -> int:
        """Values, their columns, where each row begins, and a target."""
        stored = self.filled * (item_bytes(self.dtype) + self.index_bytes)
        return stored + (self.rows + 1) * self.index_bytes + self.rows * _TARGET_BYTES

    @property
    def data_range(self) -> ByteRange:
        """Those bytes; at most with the holes that making a matrix leaves in the heap, too small for a fit's arrays."""
        held = self.data_bytes
        return ByteRange(low=held, expected=held, high=held + self.rows * _HOLES_BYTES)

    @property
    def dense_bytes(self) -> int:
        """The table written out, as the type that it has."""
        return self.rows * self.columns * item_bytes(self.dtype)

    @property
    def data_source(self) -> str:
        """What those bytes are, in words."""
        return (
            f"CSR, {self.rows:,} rows × {self.columns:,} columns with {self.filled:,} values of {self.dtype} and "
            f"indices of {8 * self.index_bytes} bits, and a target"
        )

    @property
    def shape_words(self) -> list[str]:
        """What the command line says of the data besides its rows."""
        told = ["--distinct", str(self.distinct)] if self.distinct else []
        return ["--cols", str(self.columns), "--density", f"{self.density:g}", *told]

    @property
    def probed_on(self) -> str:
        """What the probes' data is, in a sentence."""
        if self.sample:
            return (
                f"probed on {self.sampled:,} rows of the file itself, with labels that were made up; further rows of "
                "another kind take other memory"
            )
        return (
            "probed on random CSR matrices of that density, columns filled alike and "
            + (f"{self.distinct:,} different values in each" if self.distinct else "no value like another")
            + ": where few columns hold most of the values, or values repeat, bins and trees take other memory"
        )

    @property
    def held_as(self) -> str:
        """How the data is held when the fit begins."""
        return "as one CSR matrix"

    def scaling(self) -> Scaling:
        """What its framework knows of the estimator; what fills with a column's values takes more rows to fill."""
        known = scaling_of(self)
        alike = self.columns_alike
        shares = tuple(each.filled for each in alike for _ in range(each.number))
        sample = known.sample and replace(known.sample, filled=shares)
        histograms = known.histograms and replace(
            known.histograms, columns=alike, made_up=not (self.sample or self.distinct)
        )
        enough = min(math.ceil(_COLUMN_VALUES / self.density), math.ceil(self.rows * _SMALL_SHARE))
        return replace(
            known,
            sample=sample,
            histograms=histograms,
            fills=0 if histograms else math.ceil(known.fills / self.density),
            smallest=max(known.smallest, enough),
            beyond_bytes=0,
            probe_params={**known.probe_params, **(histograms.stumps if histograms else {})},
        )

    def call(self, params: Mapping[str, Any]) -> EstimatorFit:
        """The fit that probes make."""
        return SparseFit(
            self.name,
            {**self.params, **params},
            self.columns,
            self.density,
            self.index_bytes,
            self.dtype,
            self.classes,
            self.predict,
            self.given,
            self.filled * item_bytes(self.dtype),
            self.sample,
            self.distinct,
        )

    def remarks(self, found: ProbeResult) -> tuple[Assumption, ...]:
        """That the fit writes the data out, where a probe was seen to; what of the figure the values decide."""
        told = []
        if any(isinstance(each.note, dict) and each.note.get("made_dense") for each in found.readings):
            text = (
                f"the fit makes the data dense: written out they are {format_bytes(self.dense_bytes)} of {self.dtype}"
            )
            told.append(Assumption(slug="sparse-made-dense", text=text))
        histograms = self.scaling().histograms
        if histograms is not None and histograms.made_up and self.columns_alike[0].distinct is None:
            most = histograms.at(self.rows)
            text = (
                f"{format_bytes(most)} of the high end are histograms, for as many bins as a column has different "
                "values: of columns that repeat few values, ones or counts, there are next to none, as at the low end; "
                "--distinct says how many, and --data with a file of the matrix tells"
            )
            told.append(Assumption(slug="sparse-values", text=text, effect_bytes=most))
        if histograms is not None and self.distinct:
            text = (
                f"{self.distinct:,} different values in every column, all filled alike, as --distinct says: where few "
                "columns hold most of the values, as of words, a fit was measured above the high end; --data with a "
                "file of the matrix tells"
            )
            told.append(Assumption(slug="sparse-values", text=text))
        return tuple(told)
