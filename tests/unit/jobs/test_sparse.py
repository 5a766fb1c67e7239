"""An estimator on sparse data: the matrix is counted as CSR holds it, and probes are made alike."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.environments import ROOT, TABULAR

import memfit
from memfit.cli.estimator import shape
from memfit.datasets.formats import svmlight
from memfit.datasets.formats.sparse_matrices import read
from memfit.datasets.opening import UnreadableData
from memfit.errors import UsageError
from memfit.jobs.sparse import SparseRequest
from memfit.jobs.tabular import TabularRequest
from memfit.probing.child.sparse import PARTS, sampled, stored

MATRICES = "tests.unit.jobs.estimators:matrices"
WRITTEN_OUT = "tests.unit.jobs.estimators:written_out"
linux = pytest.mark.skipif(sys.platform != "linux", reason="high-water marks are Linux's")
scipy = pytest.mark.skipif(not TABULAR.exists(), reason="no .venv-tabular: `make tabular`")


@pytest.fixture
def in_scipy(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What has an estimate probed by an interpreter that has SciPy, and finds the estimators of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return {"python": str(TABULAR), "probe_budget_s": 60}


@linux
@scipy
def test_sparse_data_is_counted_and_copied_as_it_is_stored(in_scipy: dict[str, Any]) -> None:
    """Values of 8 bytes and indices of 4, where each row begins, a target; the fit copies the matrix once."""
    estimate = memfit.estimate(MATRICES, rows=1_000_000, columns=2_000, density=0.01, **in_scipy)

    parts = estimate.pool("host").breakdown_bytes
    stored = 20_000_000 * 12 + 1_000_001 * 4
    assert parts["dataset"] == stored + 1_000_000 * 8
    assert parts["temporaries"] == pytest.approx(stored, rel=0.06)
    told = {each.slug: each.text for each in estimate.assumptions}
    assert "as one CSR matrix" in told["data-as-one-array"]
    assert "sparse-made-dense" not in told
    assert "--density 0.01" in " ".join(map(str, estimate.target["arguments"]))


@linux
@scipy
def test_an_estimator_that_writes_the_matrix_out_shows_it(in_scipy: dict[str, Any]) -> None:
    """The peak is that of the dense table, and the estimate says why."""
    estimate = memfit.estimate(WRITTEN_OUT, rows=100_000, columns=1_000, density=0.002, **in_scipy)

    pool = estimate.pool("host")
    assert pool.breakdown_bytes["temporaries"] == pytest.approx(800e6, rel=0.05)
    assert "sparse-made-dense" in {each.slug for each in estimate.assumptions}


def test_indices_are_wide_where_four_bytes_do_not_count_so_far() -> None:
    """As SciPy chooses them: by the number of stored values; the probes' are as wide."""
    small = SparseRequest(target=MATRICES, rows=1_000, columns=100, density=0.1)
    large = SparseRequest(target=MATRICES, rows=50_000_000, columns=10_000, density=0.01)

    assert small.data_bytes == 10_000 * 12 + 1_001 * 4 + 1_000 * 8
    assert large.data_bytes == 5_000_000_000 * 16 + 50_000_001 * 8 + 50_000_000 * 8
    (_, indices, ends), _ = stored(100, 50, 0.1, "float32", large.index_bytes)
    assert indices.dtype == ends.dtype == np.int64


@pytest.mark.parametrize(("columns", "density"), [(1, 0.5), (7, 0.9), (5_000, 0.003), (40_000, 0.00001)])
def test_a_made_matrix_is_a_canonical_one_of_its_density(columns: int, density: float) -> None:
    """Sorted, no cell twice, every column within, about as many values as asked for."""
    (values, indices, ends), signal = stored(20_000, columns, density, "float64", 4)

    cells = np.repeat(np.arange(20_000), np.diff(ends)) * columns + indices
    assert (np.diff(cells) > 0).all()
    assert 0 <= indices.min() <= indices.max() < columns
    assert (values > 0).all()
    assert len(values) == len(indices) == ends[-1] == pytest.approx(20_000 * columns * density, rel=0.1)
    assert signal.std() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "options",
    [{"density": 0.0}, {"density": 1.5}, {"density": 0.1, "missing": 0.2}, {"density": 0.1, "data": "x.csv"}],
)
def test_what_does_not_go_with_sparse_data_is_told(options: dict[str, Any]) -> None:
    """Rather than left out in silence."""
    with pytest.raises(UsageError) as caught:
        memfit.estimate(MATRICES, rows=100, columns=10, **options)

    assert caught.value.slug == "bad-density"


def saved(path: Path, stored: int, shape: tuple[int, int]) -> Path:
    """As scipy.sparse.save_npz writes a CSR matrix."""
    np.savez(
        path, data=np.ones(stored, dtype="float32"), indices=np.zeros(stored, dtype="int32"), shape=np.array(shape),
        indptr=np.zeros(shape[0] + 1, dtype="int32"), format=np.array(b"csr"),
    )  # fmt: skip
    return path


def test_a_saved_matrix_tells_its_shape_and_density(tmp_path: Path) -> None:
    """Read from headers; other arrays in such a file are no matrix."""
    found = read(saved(tmp_path / "matrix.npz", 500, (100, 50)))
    np.savez(tmp_path / "arrays.npz", data=np.ones(3), shape=np.ones(2))

    assert found is not None
    assert (found.rows, found.columns, found.stored, found.dtype, found.density) == (100, 50, 500, "float32", 0.1)
    assert read(tmp_path / "arrays.npz") is None


def test_a_saved_matrix_that_lies_is_refused(tmp_path: Path) -> None:
    """More values than cells; no estimate rests on that."""
    with pytest.raises(UnreadableData, match="broken"):
        memfit.estimate(MATRICES, data=saved(tmp_path / "matrix.npz", 500, (10, 5)))


def test_a_saved_matrix_has_no_column_to_predict(tmp_path: Path) -> None:
    """Its columns have no names."""
    with pytest.raises(UsageError) as caught:
        memfit.estimate(MATRICES, data=saved(tmp_path / "matrix.npz", 500, (100, 50)), label="price")

    assert caught.value.slug == "no-column"


def svmlight_file(path: Path, rows: int) -> Path:
    """A comment and a query in every row, labels of three kinds, three or four entries, the last of column 900."""
    lines = []
    for at in range(rows):
        entries = " ".join(f"{column}:0.5" for column in (3, 40 + at % 7, 900)[: 3 if at % 2 else 2])
        lines.append(f"{at % 3} qid:{at} {entries} 950:1e-3 # row:{at}\n")
    path.write_text("".join(lines), encoding="ascii")
    return path


@pytest.mark.parametrize("rows", [200, 200_000])
def test_sparse_rows_as_text_tell_theirs(tmp_path: Path, rows: int) -> None:
    """Of a large file by a sample, which says that it is one."""
    found = svmlight.read(svmlight_file(tmp_path / "train.svm", rows))

    assert found is not None
    assert (found.columns, found.classes) == (950, 3)
    assert found.rows == pytest.approx(rows, rel=0.01)
    assert found.stored == pytest.approx(rows * 3.5, rel=0.01)
    assert ("sample" in found.note) == (rows > 1_000)


def test_text_of_another_kind_is_no_sparse_rows(tmp_path: Path) -> None:
    """By its ending, or said to have none."""
    path = tmp_path / "train.libsvm"
    path.write_text("a,b\n1,2\n", encoding="ascii")

    assert svmlight.read(tmp_path / "train.csv") is None
    with pytest.raises(UnreadableData, match="index:value"):
        svmlight.read(path)


@linux
@scipy
def test_a_saved_matrix_is_what_is_fitted(tmp_path: Path, in_scipy: dict[str, Any]) -> None:
    """Shape, density and type are the file's."""
    path = saved(tmp_path / "matrix.npz", 1_000_000, (100_000, 400))

    estimate = memfit.estimate(MATRICES, data=path, **in_scipy)

    assert estimate.pool("host").breakdown_bytes["dataset"] == 1_000_000 * 8 + 100_001 * 4 + 100_000 * 8
    assert "sparse matrix of 100,000 rows" in {each.slug: each.text for each in estimate.assumptions}["shape-from-file"]


def saved_ones(path: Path, rows: int, columns: int) -> Path:
    """A matrix of ones, four in a row, all within the first eight columns."""
    np.savez(
        path, data=np.ones(4 * rows), indices=np.tile([0, 2, 4, 6, 1, 3, 5, 7], rows // 2).astype("int32"),
        indptr=np.arange(0, 4 * rows + 1, 4, dtype="int32"), shape=np.array([rows, columns]), format=np.array(b"csr"),
    )  # fmt: skip
    return path


@linux
@scipy
def test_probes_fit_rows_of_the_file(tmp_path: Path, in_scipy: dict[str, Any]) -> None:
    """And say so; other columns than its own are made up."""
    path = saved_ones(tmp_path / "ones.npz", 20_000, 300)

    own = memfit.estimate(MATRICES, data=path, **in_scipy)
    other = memfit.estimate(MATRICES, data=path, columns=400, **in_scipy)

    told = [{each.slug: each.text for each in estimate.assumptions} for estimate in (own, other)]
    assert "20,000 rows of the file itself" in told[0]["synthetic-data"]
    assert "random CSR matrices" in told[1]["synthetic-data"]
    assert own.pool("host").breakdown_bytes["temporaries"] == pytest.approx(80_000 * 12, rel=0.5)


@linux
@scipy
@pytest.mark.slow
@pytest.mark.parametrize("name", ["xgboost.XGBRegressor", "lightgbm.LGBMRegressor"])
def test_what_values_a_column_stores_decides_about_histograms(tmp_path: Path, name: str) -> None:
    """The shape alone has a range from ones to values that all differ; a file tells which."""
    told = {"python": str(TABULAR), "probe_budget_s": 60}
    path = saved_ones(tmp_path / "ones.npz", 40_000, 300)

    by_file = memfit.estimate(name, data=path, **told)
    by_shape = memfit.estimate(name, rows=40_000, columns=300, density=4 / 300, **told)

    ones, shape = (each.pool("host").peak_bytes for each in (by_file, by_shape))
    assert shape.low < ones.expected < shape.expected
    assert ones.high - ones.low < shape.high - shape.low
    assert "sparse-values" in {each.slug for each in by_shape.assumptions}
    assert "sparse-values" not in {each.slug for each in by_file.assumptions}


@pytest.mark.parametrize("name", ["xgboost.XGBRegressor", "lightgbm.LGBMRegressor"])
def test_histograms_are_reckoned_with_of_sparse_data_alone(name: str) -> None:
    """Every probe of a dense table has all of them."""
    shape = {"target": name, "rows": 100_000, "columns": 50}

    assert TabularRequest(**shape).scaling().histograms is None
    assert SparseRequest(**shape, density=0.1).scaling().histograms is not None


def test_a_part_of_a_sample_is_its_first_rows(tmp_path: Path) -> None:
    """Of the type and with the indices that the job has."""
    for (name, kind), numbers in zip(PARTS, ([2, 2, 5], [0, 3, 1, 2, 3], [1, 2, 3, 4, 5]), strict=True):
        (tmp_path / name).write_bytes(np.array(numbers, dtype=kind).tobytes())

    (values, indices, ends), signal = sampled(str(tmp_path), 2, "float32", 4)

    assert (values.tolist(), indices.tolist(), ends.tolist()) == ([1.0, 2.0], [0, 3], [0, 2, 2])
    assert (values.dtype, indices.dtype, ends.dtype) == (np.float32, np.int32, np.int32)
    assert (len(signal), signal.mean()) == (2, pytest.approx(0.0))


def test_there_is_no_formula_for_sparse_data() -> None:
    """Those that there are have dense arrays in them."""
    with pytest.raises(UsageError) as caught:
        memfit.estimate("sklearn.linear_model.Ridge", rows=100, columns=10, density=0.1, probe=False)

    assert caught.value.slug == "no-formula"


def test_density_is_written_as_a_share() -> None:
    """Or in percent."""
    words = ["--rows", "1M", "--cols", "50k", "--density", "0.1%"]

    assert shape("sklearn.svm.LinearSVC", words)["density"] == pytest.approx(0.001)


@linux
@scipy
@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["sklearn.linear_model.SGDClassifier", "xgboost.XGBClassifier", "lightgbm.LGBMRegressor"]
)
def test_the_frameworks_take_the_made_matrices(name: str) -> None:
    """In an interpreter that has them and no memfit."""
    estimate = memfit.estimate(name, rows=60_000, columns=300, density=0.05, python=str(TABULAR), probe_budget_s=60)

    pool = estimate.pool("host")
    assert pool.breakdown_bytes["dataset"] == 900_000 * 12 + 60_001 * 4 + 60_000 * 8
    assert pool.peak_bytes.expected < pool.breakdown_bytes["framework"] + 60_000 * 300 * 8 * 2


def test_values_that_repeat_have_few_bins() -> None:
    """--distinct: histograms of ones are no such thing as those of fractions, and are known to be few."""
    request = SparseRequest(target="xgboost", rows=100_000, columns=1_000, density=0.02)

    ones, any_values = replace(request, distinct=1).scaling().histograms, request.scaling().histograms

    assert ones is not None and any_values is not None
    assert ones.at(100_000) * 50 < any_values.at(100_000)
    assert not ones.made_up
    assert any_values.made_up
    assert replace(request, distinct=1).shape_words[-2:] == ["--distinct", "1"]


def test_probes_of_values_that_repeat_repeat_them() -> None:
    """So many whole numbers from 1, of whatever type the data has."""
    (values, _, _), _ = stored(2_000, 50, 0.2, "float32", 4, distinct=3)

    assert set(values.tolist()) == {1.0, 2.0, 3.0}


def test_how_many_values_differ_is_of_sparse_data_alone() -> None:
    """Of a table nothing would come of it."""
    with pytest.raises(UsageError, match="--density"):
        memfit.estimate("xgboost", rows=10, columns=2, distinct=1)
