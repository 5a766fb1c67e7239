"""What is seen of the columns of a sparse matrix, and what a script's fit is known to do with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from memfit.frameworks.lightgbm.scaling import scaling_of
from memfit.frameworks.xgboost.scaling import scaling_of as xgboost_scaling_of
from memfit.jobs.probed import of_stored
from memfit.probing.columns import stored_columns_of
from memfit.probing.scaling import ColumnsAlike

ROWS = 100_000


@dataclass
class Matrix:
    """As SciPy's: two ones in each row, in the first two of a hundred columns, or whole numbers up from 0."""

    format: str = "csr"
    same: bool = True
    rows: int = ROWS

    @property
    def nnz(self) -> int:
        return 2 * self.rows

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, 100

    def __getitem__(self, some: slice) -> Matrix:
        return replace(self, rows=min(some.stop, self.rows))

    @property
    def indices(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.tile([0, 1], self.rows)

    @property
    def data(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return np.ones(self.nnz) if self.same else np.arange(float(self.nnz))


def test_columns_are_seen_in_the_first_rows() -> None:
    """How far they are filled, and whether values repeat."""
    assert stored_columns_of(Matrix()) == (ColumnsAlike(2, 1.0, 1),)
    assert stored_columns_of(Matrix(same=False)) == (ColumnsAlike(2, 1.0, None),)


def test_a_matrix_that_is_not_held_by_rows_is_not_converted() -> None:
    """Its columns are taken to be filled alike; what is no sparse matrix has none."""
    assert stored_columns_of(Matrix(format="csc")) == (ColumnsAlike(100, 0.02),)
    assert stored_columns_of(np.ones((3, 2))) == ()


def test_a_sample_of_sparse_columns_takes_what_they_store() -> None:
    """Not a cell for every row and column; of a dense table it does."""
    known = scaling_of("LGBMRegressor", {"n_jobs": 1}, 100)

    sparse, dense = of_stored(known, stored_columns_of(Matrix())), of_stored(known, ())

    assert sparse.sample is not None and dense.sample is not None
    assert sparse.sample.at(ROWS) * 50 == dense.sample.at(ROWS)
    assert sparse.histograms is not None
    assert sparse.histograms.at(ROWS) == 2 * (31 * 96 + 2 * (32 * 16 + 8))
    assert dense.histograms is None


def test_histograms_that_only_stumps_are_without_are_not_taken_out_of_a_scripts_fit() -> None:
    """Its probes are made with its own parameters."""
    assert of_stored(xgboost_scaling_of("XGBRegressor", {}, 100), stored_columns_of(Matrix())).histograms is None


def test_probes_of_the_least_trees_leave_histograms_to_the_columns_that_are_there() -> None:
    """A column of ones has two bins, however many rows a larger fit has; one of fractions has as many as may be."""
    known = xgboost_scaling_of("XGBRegressor", {"n_jobs": 1}, 100)
    ones, fractions = (ColumnsAlike(100, 0.5, 1),), (ColumnsAlike(100, 0.5),)

    found = [of_stored(known, columns, stumps=True).histograms for columns in (ones, fractions)]

    assert [each and (each.at(1_000_000), dict(each.stumps)) for each in found] == [
        (100 * bins * 16 * 64, {"max_depth": 1}) for bins in (2, 256)
    ]
