"""Rows of a sparse matrix read from its file: its own, as many as there is room for, and none of a broken one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memfit.datasets.formats import sparse_matrices, stored_rows, svmlight
from memfit.datasets.formats.stored_rows import StoredRows
from memfit.datasets.opening import UnreadableData

ENDS, INDICES, VALUES = [0, 2, 2, 5], [0, 3, 1, 2, 3], [1.0, 2.0, 3.0, 4.0, 2.0]


def saved(path: Path, *, kind: str = "csr", ends: Any = ENDS, indices: Any = INDICES, dtype: str = "<f8") -> Path:
    """As scipy.sparse.save_npz writes a matrix of three rows and four columns."""
    np.savez_compressed(
        path, data=np.array(VALUES, dtype=dtype), indices=np.array(indices, dtype="int32"),
        indptr=np.array(ends, dtype="int32"), shape=np.array([3, 4]), format=np.array(kind.encode()),
    )  # fmt: skip
    return path


def first(path: Path) -> StoredRows | None:
    found = sparse_matrices.read(path)
    assert found is not None
    return sparse_matrices.first_rows(path, found)


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "|i1", "<i8"])
def test_rows_are_those_of_the_file(tmp_path: Path, dtype: str) -> None:
    """Of any plain type and byte order."""
    found = first(saved(tmp_path / "matrix.npz", dtype=dtype))

    assert found is not None
    assert (found.ends.tolist(), found.columns.tolist(), found.values.tolist()) == (ENDS[1:], INDICES, VALUES)


def test_no_more_rows_are_read_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole ones."""
    monkeypatch.setattr(sparse_matrices, "MOST_VALUES", 4)

    found = first(saved(tmp_path / "matrix.npz"))

    assert found is not None
    assert (found.rows, found.values.tolist()) == (2, VALUES[:2])


@pytest.mark.parametrize("told", [{"kind": "csc"}, {"dtype": "<c16"}])
def test_other_matrices_give_no_rows(tmp_path: Path, told: dict[str, str]) -> None:
    """Rows of one that is stored by columns are all over it; complex values are no plain numbers."""
    assert first(saved(tmp_path / "matrix.npz", **told)) is None


@pytest.mark.parametrize("told", [{"ends": [0, 3, 2, 5]}, {"indices": [0, 3, 1, 2, 9]}, {"indices": [0, 3, -1, 2, 3]}])
def test_rows_that_do_not_fit_the_matrix_are_refused(tmp_path: Path, told: dict[str, Any]) -> None:
    """Ends that go back, columns that are not there."""
    with pytest.raises(UnreadableData, match="broken"):
        first(saved(tmp_path / "matrix.npz", **told))


@pytest.mark.parametrize(
    ("text", "columns"), [("1 1:0.5 7:2\n0 7:3\n", [0, 6, 6]), ("1 0:0.5 7:2\n0 7:3\n", [0, 7, 7])]
)
def test_rows_of_text_count_from_one_unless_a_zero_is_seen(tmp_path: Path, text: str, columns: list[int]) -> None:
    """As their loaders do."""
    path = tmp_path / "rows.svm"
    path.write_text(text, encoding="ascii")

    found = svmlight.some_rows(path)

    assert found is not None
    assert (found.ends.tolist(), found.columns.tolist(), found.values.tolist()) == ([2, 3], columns, [0.5, 2.0, 3.0])


def test_rows_of_text_without_numbers_are_none(tmp_path: Path) -> None:
    """Such a file is counted, and its rows are made up."""
    path = tmp_path / "rows.svm"
    path.write_text("1 1:yes\n", encoding="ascii")

    assert svmlight.some_rows(path) is None


def test_rows_that_are_given_one_by_one_end_where_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever yields them."""
    monkeypatch.setattr(stored_rows, "MOST_VALUES", 3)

    assert StoredRows.of([(0, 1.0), (1, 1.0)] for _ in range(9)).rows == 2
