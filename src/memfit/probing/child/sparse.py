"""Fits on sparse data: a CSR matrix of a given density, every column filled alike, made in place; or rows of a file.

Runs in the job's interpreter with what is there; SciPy is what its CSR matrices are made with there as well.
"""

from __future__ import annotations

import functools
import importlib

from memfit.probing.child.estimator import EstimatorFit, kind_of, target_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK_ROWS = (
    1 << 12
)  # made at a time, and fewer where they are long: malloc keeps nothing of it that the fit would find
_CHUNK_VALUES = 1 << 15
_WEIGHTS = 1 << 10  # of columns on the target; those of more columns are used again
# A block with a mapping of its own that is freed raises the size from which blocks have one, up to this (glibc's
# malloc.c, DEFAULT_MMAP_THRESHOLD_MAX on 64 bits, 2.26 to 2.42): smaller ones that a fit frees stay with the process.
_MOST_OF_THRESHOLD = (32 << 20) - (1 << 16)  # with the block's own head
_MOST_NARROW = (1 << 31) - 1  # what indices of four bytes count to


def index_bytes(rows: int, columns: int, filled: int) -> int:
    """Bytes of an index as SciPy chooses them (sparse/_sputils.py, get_index_dtype, 1.17): one width for both arrays.

    >>> index_bytes(1_000_000, 50_000, 50_000_000), index_bytes(10_000_000, 50_000, 5_000_000_000)
    (4, 8)
    """
    return 4 if max(rows, columns, filled) <= _MOST_NARROW else 8


class SparseFit(EstimatorFit):
    """Fit, and predict where asked, on so many rows of a CSR matrix.

    Args:
        target, params, columns, dtype, classes, predict, given: as for `EstimatorFit`.
        density: share of the cells that are stored.
        index_bytes: of the whole job's indices, 4 or 8: a probe's are as wide.
        sample: path of rows that were read from a file, "" for rows that are made: see `sampled`.
        values_bytes: of the whole job's values: who reads or builds a matrix has freed a block of that size.
        distinct: of the values that a column stores, how many differ; 0 for all of them.
    """

    def __init__(
        self,
        target: str,
        params: dict[str, Any],
        columns: int,
        density: float,
        index_bytes: int = 4,
        dtype: str = "float64",
        classes: int = 2,
        predict: bool = False,
        given: Any = None,
        values_bytes: int = 0,
        sample: str = "",
        distinct: int = 0,
    ) -> None:
        super().__init__(target, params, columns, dtype=dtype, classes=classes, predict=predict, given=given)
        self.values_bytes = values_bytes
        self.sample = sample
        self.distinct = distinct
        self.density = density
        self.index_bytes = index_bytes
        self.note: dict[str, int] | None = None  # rows that were written out as a dense array, for who reads the probe

    def make(self) -> Any:
        """The estimator, unfitted; who has sparse data has imported SciPy's matrices."""
        importlib.import_module("scipy.sparse")
        return super().make()

    def prepare(self, rows: int) -> Any:
        """The estimator, the matrix and a target that depends on it in part."""
        _free_a_block(self.values_bytes)
        estimator = self.make()
        matrices: Any = importlib.import_module("scipy.sparse")
        table = matrices.csr_matrix((rows, self.columns), dtype=self.dtype)
        # As they are: the constructor may narrow indices.
        (table.data, table.indices, table.indptr), signal = (
            sampled(self.sample, rows, self.dtype, self.index_bytes)
            if self.sample
            else stored(rows, self.columns, self.density, self.dtype, self.index_bytes, distinct=self.distinct)
        )
        kind = kind_of(estimator)
        self._watch(matrices, rows)
        return estimator, table, target_of(signal, kind, self.classes) if kind else None

    def _watch(self, matrices: Any, rows: int) -> None:
        """From now on, note when a matrix as large as the data is made dense; this process does nothing else."""

        def watched(original: Any) -> Any:
            @functools.wraps(original)
            def toarray(matrix: Any, *args: Any, **kwargs: Any) -> Any:
                if matrix.shape == (rows, self.columns):
                    self.note = {"made_dense": rows}
                return original(matrix, *args, **kwargs)

            return toarray

        for name in ("csr_matrix", "csc_matrix", "coo_matrix"):
            kind = getattr(matrices, name)
            kind.toarray = watched(kind.toarray)  # todense goes through it (scipy/sparse/_base.py)


def _free_a_block(size_bytes: int) -> None:
    """What making a matrix leaves behind in the allocator; none of it is touched."""
    import numpy as np

    block: Any = np.empty(min(size_bytes, _MOST_OF_THRESHOLD), dtype="uint8")
    del block


def stored(
    rows: int, columns: int, density: float, dtype: str, index_bytes: int, seed: int = 0, distinct: int = 0
) -> tuple[tuple[Any, Any, Any], Any]:
    """What CSR stores (values above 0 up to 1, indices, where rows begin), and a signal of mean 0 and variance 1 of it.

    A row's entries are drawn one from each of as many equal stretches of the columns: sorted, and none twice.

    Args:
        rows, columns: of the matrix.
        density: share of the cells that are stored, on average; how many a row has is left to chance.
        dtype: of the values; whole numbers are all 1.
        index_bytes: of an index.
        seed: of the dice.
        distinct: of a column's values, how many differ: 1, 2, 3, …; 0 for fractions that all do.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    ends: Any = np.zeros(rows + 1, dtype=f"int{8 * index_bytes}")
    for start in range(0, rows, _CHUNK_ROWS):
        part = ends[1 + start : 1 + min(start + _CHUNK_ROWS, rows)]
        part[:] = random.binomial(columns, density, len(part))
    longest = max(int(ends.max()), 1)
    np.cumsum(ends, out=ends)
    values: Any = np.empty(int(ends[-1]), dtype=dtype)
    indices: Any = np.empty(int(ends[-1]), dtype=ends.dtype)
    weights, signal = random.standard_normal(_WEIGHTS), np.zeros(rows)
    step = max(min(_CHUNK_ROWS, _CHUNK_VALUES // longest), 1)
    for start in range(0, rows, step):
        stop = min(start + step, rows)
        first, last = int(ends[start]), int(ends[stop])
        lengths = np.diff(ends[start : stop + 1]).astype(np.int64)
        row: Any = np.repeat(np.arange(stop - start), lengths)
        place = np.arange(last - first) - (ends[start:stop].astype(np.int64) - first)[row]
        low, high = place * columns // lengths[row], (place + 1) * columns // lengths[row]
        indices[first:last] = low + (random.random(last - first) * (high - low)).astype(np.int64)
        drawn = 1.0 - random.random(last - first)
        told_apart = np.ceil(drawn * distinct) if distinct else drawn
        values[first:last] = told_apart if distinct or values.dtype.kind == "f" else 1
        told = drawn * weights[indices[first:last] % _WEIGHTS]
        signal[start:stop] = np.bincount(row, weights=told, minlength=stop - start)
    return (values, indices, ends), _standard(signal)


PARTS = (("ends", "int64"), ("columns", "int64"), ("values", "float64"))  # of a sample: files of numbers, by name


def sampled(path: str, rows: int, dtype: str, index_bytes: int) -> tuple[tuple[Any, Any, Any], Any]:
    """What CSR stores of the first rows of a sample, and a signal of mean 0 and variance 1 of it.

    Args:
        path: of the sample, a folder with a file for each of PARTS: where rows end among the values, their columns, and
            themselves.
        rows: as many as it has at most.
        dtype: of the values.
        index_bytes: of an index.
    """
    import numpy as np

    parts: list[Any] = [np.memmap(f"{path}/{name}", dtype=kind, mode="r") for name, kind in PARTS]
    places, columns, values = parts
    ends: Any = np.zeros(rows + 1, dtype=f"int{8 * index_bytes}")
    ends[1:] = places[:rows]
    count = int(ends[-1])
    weights = np.random.default_rng(0).standard_normal(_WEIGHTS)
    told = weights[columns[:count] % _WEIGHTS]
    signal = np.bincount(np.repeat(np.arange(rows), np.diff(ends)), weights=told, minlength=rows)
    return (values[:count].astype(dtype), columns[:count].astype(ends.dtype), ends), _standard(signal)


def _standard(signal: Any) -> Any:
    """The same of mean 0 and variance 1, in its place."""
    signal -= signal.mean()
    signal /= signal.std() or 1.0
    return signal
