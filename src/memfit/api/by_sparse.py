"""An estimator on a file that is a sparse matrix: some of its rows, from which probes take theirs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memfit.datasets.formats import sparse_matrices, svmlight
from memfit.documents import Estimate
from memfit.jobs import Progress
from memfit.jobs.fits_on_devices import estimate_fit
from memfit.jobs.sparse import SparseRequest
from memfit.probing.child.sparse import PARTS
from memfit.probing.columns import columns_alike

if TYPE_CHECKING:
    from memfit.datasets.formats.sparse_matrices import SparseMatrix


def matrix_of(path: Path) -> SparseMatrix | None:
    """The matrix in a file; None of a file of another kind.

    Raises:
        UnreadableData: it is broken.
    """
    return sparse_matrices.read(path) or svmlight.read(path)


def estimate_sparse(
    path: Path | None, matrix: SparseMatrix | None, progress: Callable[[Progress], None] | None, **options: Any
) -> Estimate:
    """The estimate of an estimator on a sparse matrix.

    Args:
        path, matrix: of its file, and what that is; None for one that no file tells.
        progress: called as the work goes on.
        options: of `SparseRequest`.

    Raises:
        MemfitError: the file is broken, or no probe succeeded.
    """
    rows = None
    if path is not None and matrix is not None and matrix.columns == options["columns"]:
        in_arrays = path.suffix.lower() == ".npz"
        rows = sparse_matrices.first_rows(path, matrix) if in_arrays else svmlight.some_rows(path)
    if rows is None or not rows.rows:
        return estimate_fit(SparseRequest(**options), progress=progress)
    with tempfile.TemporaryDirectory(prefix="memfit-rows-") as folder:
        written = (rows.ends.tobytes(), rows.columns.tobytes(), rows.values.tobytes())
        for (name, _), numbers in zip(PARTS, written, strict=True):
            Path(folder, name).write_bytes(numbers)
        request = SparseRequest(
            sample=folder, sampled=rows.rows, alike=columns_alike(rows.columns, rows.values, rows.rows), **options
        )
        return estimate_fit(request, progress=progress)
