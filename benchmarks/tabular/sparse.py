"""Fits on sparse data: measured in a fresh process, predicted from a class, rows, columns and the share that is stored.

    python -m benchmarks.tabular.sparse [--seconds 1800] [--again] [--halves tuning judging] [--only NAME]
    python -m benchmarks.tabular.sparse files [...]    the same fits, predicted from the matrix in a file
    python -m benchmarks.tabular.sparse distinct [...] boosted trees on words, categories, told how many values differ
    python -m benchmarks.tabular.sparse fit NUMBER     the child

Adds to data/sparse.jsonl, sparse-files.jsonl and sparse-distinct.jsonl. The cases were listed before anything was
predicted, but for the last four of the tuning half, which came when what boosted trees do with such data was looked
into. The judging half has what the probes' data has not: columns by Zipf's law, counts, or the ones that categories
become.
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.tabular import fresh_fit
from memfit import api
from memfit.probing.child.estimator import kind_of, target_of
from memfit.probing.child.reading import sizes
from memfit.probing.child.sparse import SparseFit

DATA = Path(__file__).parent / "data" / "sparse.jsonl"
OF_FILES = DATA.with_name("sparse-files.jsonl")
DISTINCT = DATA.with_name("sparse-distinct.jsonl")
BUDGET_S = 60
_CHUNK_ROWS = 2_000


@dataclass(frozen=True)
class Case:
    """One fit.

    Args:
        half: "tuning" or "judging".
        target, params: the class.
        rows, columns, dtype: of the data.
        filled: entries of a row in the mean.
        values: "even" columns with values of their own; "words", counts in columns by Zipf's law; "categories", ones,
            each row's from as many features whose values are by Zipf's law as well.
    """

    half: str
    target: str
    rows: int
    columns: int
    filled: int
    values: str = "even"
    dtype: str = "float64"
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in the page."""
        words = "".join(f" {name}={value}" for name, value in self.params.items())
        shape = f"{self.rows}x{self.columns}, {self.filled} a row, {self.values}, {self.dtype}"
        return f"{self.target.rpartition('.')[2]}{words}: {shape}"


_LINEAR = "sklearn.linear_model."
CASES = [
    Case("tuning", f"{_LINEAR}LogisticRegression", 300_000, 20_000, 20, params={"max_iter": 15}),
    Case("tuning", f"{_LINEAR}SGDClassifier", 300_000, 10_000, 30),
    Case("tuning", f"{_LINEAR}Ridge", 200_000, 8_000, 30, params={"solver": "sparse_cg", "max_iter": 20}),
    Case("tuning", "sklearn.svm.LinearSVC", 150_000, 20_000, 20, params={"max_iter": 20}),
    Case("tuning", "sklearn.naive_bayes.MultinomialNB", 300_000, 5_000, 25),
    Case("tuning", "sklearn.decomposition.TruncatedSVD", 120_000, 5_000, 25, params={"n_components": 20}),
    Case("tuning", "sklearn.cluster.MiniBatchKMeans", 100_000, 2_000, 20, params={"n_clusters": 5, "n_init": 1}),
    Case("tuning", "sklearn.ensemble.RandomForestClassifier", 40_000, 1_000, 20,
         params={"n_estimators": 10, "max_depth": 12}),
    Case("tuning", "xgboost.XGBClassifier", 100_000, 1_000, 20, params={"n_estimators": 8}),
    Case("tuning", "xgboost.XGBRegressor", 150_000, 300, 15, dtype="float32", params={"n_estimators": 8}),
    Case("tuning", "lightgbm.LGBMClassifier", 100_000, 1_000, 20, params={"n_estimators": 8, "verbose": -1}),
    Case("tuning", "lightgbm.LGBMRegressor", 150_000, 300, 15, params={"n_estimators": 8, "verbose": -1}),
    Case("judging", f"{_LINEAR}LogisticRegression", 150_000, 50_000, 40, "words", "float32", {"max_iter": 15}),
    Case("judging", f"{_LINEAR}SGDRegressor", 400_000, 3_000, 12, "categories"),
    Case("judging", f"{_LINEAR}Lasso", 100_000, 2_000, 15, "words", params={"max_iter": 20}),
    Case("judging", "sklearn.svm.LinearSVC", 200_000, 6_000, 15, "categories", "float32", {"max_iter": 20}),
    Case("judging", "sklearn.naive_bayes.ComplementNB", 200_000, 30_000, 30, "words"),
    Case("judging", "sklearn.decomposition.TruncatedSVD", 60_000, 12_000, 40, "words", "float32", {"n_components": 10}),
    Case("judging", "sklearn.preprocessing.MaxAbsScaler", 300_000, 4_000, 25, "words"),
    Case("judging", "sklearn.ensemble.ExtraTreesClassifier", 30_000, 2_000, 25, "words",
         params={"n_estimators": 10, "max_depth": 12}),
    Case("judging", "xgboost.XGBClassifier", 120_000, 2_000, 12, "categories", params={"n_estimators": 8}),
    Case("judging", "xgboost.XGBRegressor", 80_000, 1_500, 30, "words", params={"n_estimators": 8, "max_depth": 8}),
    Case("judging", "lightgbm.LGBMClassifier", 80_000, 2_000, 30, "words", params={"n_estimators": 8, "verbose": -1}),
    Case("judging", "lightgbm.LGBMRegressor", 200_000, 800, 12, "categories", "float32",
         {"n_estimators": 8, "verbose": -1}),
    Case("tuning", "xgboost.XGBClassifier", 90_000, 1_200, 10, "categories", params={"n_estimators": 8}),
    Case("tuning", "xgboost.XGBRegressor", 60_000, 2_500, 20, "words", "float32", {"n_estimators": 8}),
    Case("tuning", "lightgbm.LGBMClassifier", 100_000, 1_500, 20, "words", "float32",
         {"n_estimators": 8, "verbose": -1}),
    Case("tuning", "lightgbm.LGBMRegressor", 120_000, 500, 10, "categories", params={"n_estimators": 8, "verbose": -1}),
]  # fmt: skip


REPEATING = [
    number for number, case in enumerate(CASES) if case.values != "even" and not case.target.startswith("sklearn")
]


def matrix_of(case: Case) -> Any:
    """The data, the same each time."""
    dice = np.random.default_rng(case.rows + case.columns)
    parts = [
        _part(case, min(_CHUNK_ROWS, case.rows - start), dice) for start in range(0, case.rows, _CHUNK_ROWS)
    ]  # fmt: skip
    return sparse.vstack(parts, format="csr", dtype=case.dtype)


def _part(case: Case, rows: int, dice: np.random.Generator) -> Any:
    """Some rows; entries that meet in a cell are one."""
    if case.values == "categories":
        width = case.columns // case.filled
        shares = np.cumsum(1.0 / np.arange(1, width + 1))
        chosen = np.searchsorted(shares / shares[-1], dice.random((rows, case.filled)))
        columns = (chosen + np.arange(case.filled) * width).ravel()
        row = np.repeat(np.arange(rows), case.filled)
        return sparse.csr_matrix((np.ones(len(row)), (row, columns)), shape=(rows, case.columns))
    lengths = dice.poisson(case.filled, rows)
    if case.values == "words":
        lengths = np.maximum(dice.lognormal(np.log(case.filled), 0.5, rows).astype(int), 1)
    row = np.repeat(np.arange(rows), lengths)
    if case.values == "even":
        columns, values = dice.integers(0, case.columns, len(row)), dice.random(len(row)) + 0.01
    else:
        shares = np.cumsum((np.arange(1, case.columns + 1) + 2.7) ** -1.05)
        columns, values = np.searchsorted(shares / shares[-1], dice.random(len(row))), np.ones(len(row))
    return sparse.csr_matrix((values, (row, columns)), shape=(rows, case.columns))


def _signal(case: Case, table: Any) -> Any:
    """What the target depends on, of mean 0 and variance 1."""
    signal = np.asarray(table[:, : case.columns // 20].sum(axis=1)).ravel().astype(float)
    return (signal - signal.mean()) / (signal.std() or 1.0)


def fitted(case: Case) -> dict[str, Any]:
    """The fit in this process: what it held after its imports, and its peak."""
    job = SparseFit(case.target, dict(case.params), case.columns, density=0.5)
    estimator = job.make()
    held = sizes()["VmRSS"]
    table = matrix_of(case)
    kind = kind_of(estimator)
    wanted = target_of(_signal(case, table), kind, 2) if kind else None
    return {**fresh_fit.fit(job, (estimator, table, wanted), held), "stored": int(table.nnz)}


def predicted(case: Case, stored: int, distinct: int | None = None) -> dict[str, Any]:
    """What memfit says of the class and the shape."""
    estimate = api.estimate(
        case.target, rows=case.rows, columns=case.columns, density=stored / (case.rows * case.columns),
        distinct=distinct, dtype=case.dtype, params=case.params, probe_budget_s=BUDGET_S,
    )  # fmt: skip
    return {**fresh_fit.figures(estimate), "seconds": estimate.cost["seconds"]}


def different(case: Case) -> int:
    """How many of a column's values differ, in the mean of those that store any."""
    table = matrix_of(case).tocsc()
    counts = [len(np.unique(table.data[start:end])) for start, end in itertools.pairwise(table.indptr) if end > start]
    return round(sum(counts) / len(counts))


def predicted_of_file(case: Case) -> dict[str, Any]:
    """What memfit says of the class and a file that has the matrix."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "matrix.npz"
        sparse.save_npz(file, matrix_of(case))
        estimate = api.estimate(case.target, data=file, params=case.params, probe_budget_s=BUDGET_S)
    return {**fresh_fit.figures(estimate), "seconds": estimate.cost["seconds"]}


def measured(number: int) -> dict[str, Any]:
    """The fit in a fresh process, where that is not known yet."""
    known = {line["case"]: line["measured"] for line in fresh_fit.kept(DATA)}
    found: dict[str, Any] | None = known.get(CASES[number].name)
    return found or fresh_fit.in_a_fresh_process("benchmarks.tabular.sparse", str(number))


def main() -> None:
    """Measure and predict what is not there yet; or fit one case, in this process."""
    if sys.argv[1:2] == ["fit"]:
        print(json.dumps(fitted(CASES[int(sys.argv[2])])))
        return
    if sys.argv[1:2] == ["files"]:
        del sys.argv[1]
        fresh_fit.fill(__doc__, OF_FILES, CASES, measured, lambda number, _: predicted_of_file(CASES[number]))
        return
    if sys.argv[1:2] == ["distinct"]:
        del sys.argv[1]
        cases = [CASES[number] for number in REPEATING]
        fresh_fit.fill(
            __doc__, DISTINCT, cases, lambda number: measured(REPEATING[number]),
            lambda number, found: predicted(cases[number], found["stored"], different(cases[number])),
        )  # fmt: skip
        return
    fresh_fit.fill(
        __doc__, DATA, CASES, measured,
        lambda number, measured: predicted(CASES[number], measured["stored"]),
    )  # fmt: skip


if __name__ == "__main__":
    main()
