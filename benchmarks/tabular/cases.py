"""The fits that are measured: one half chose the width of the range, one of other shapes and values judges it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fit.

    Args:
        half: "tuning" or "judging".
        target: the class.
        rows, columns, dtype: of the data.
        values: "normal" as the probes' own data, "integers" of few values, "skewed" (log-normal, a tenth missing where
            the estimator takes that).
        params: of the class.
        predict: whether it predicts too.
    """

    half: str
    target: str
    rows: int
    columns: int
    dtype: str = "float64"
    values: str = "normal"
    params: dict[str, Any] = field(default_factory=dict)
    predict: bool = False

    @property
    def name(self) -> str:
        params = " ".join(f"{name}={value}" for name, value in self.params.items())
        words = (self.target, f"{self.rows}x{self.columns}", self.dtype, self.values, params)
        return " ".join(word for word in (*words, "predict" if self.predict else "") if word)


# (class, parameters, (rows, columns) of the tuning half, of the judging half)
_TABLE: tuple[tuple[str, dict[str, Any], tuple[int, int], tuple[int, int]], ...] = (
    ("sklearn.linear_model.LinearRegression", {}, (1_000_000, 20), (600_000, 45)),
    ("sklearn.linear_model.Ridge", {}, (1_000_000, 20), (500_000, 60)),
    ("sklearn.linear_model.Lasso", {}, (1_000_000, 20), (400_000, 50)),
    ("sklearn.linear_model.LogisticRegression", {}, (1_000_000, 20), (500_000, 40)),
    ("sklearn.linear_model.SGDClassifier", {}, (500_000, 20), (300_000, 50)),
    ("sklearn.preprocessing.StandardScaler", {}, (1_000_000, 30), (600_000, 70)),
    ("sklearn.naive_bayes.GaussianNB", {}, (1_000_000, 30), (600_000, 55)),
    ("sklearn.decomposition.PCA", {"n_components": 5}, (1_000_000, 20), (400_000, 60)),
    ("sklearn.decomposition.TruncatedSVD", {"n_components": 5}, (500_000, 30), (300_000, 70)),
    ("sklearn.cluster.KMeans", {"n_clusters": 5, "n_init": 1}, (500_000, 20), (300_000, 45)),
    ("sklearn.cluster.MiniBatchKMeans", {"n_clusters": 5, "n_init": 1}, (1_000_000, 20), (500_000, 50)),
    ("sklearn.neighbors.KNeighborsClassifier", {}, (500_000, 10), (300_000, 14)),
    ("sklearn.tree.DecisionTreeClassifier", {}, (300_000, 10), (200_000, 25)),
    ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 20}, (200_000, 10), (120_000, 24)),
    ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 20}, (100_000, 10), (80_000, 16)),
    ("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 20}, (200_000, 10), (150_000, 20)),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 20}, (1_000_000, 20), (600_000, 45)),
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 20}, (800_000, 20), (150_000, 60)),
    ("sklearn.ensemble.GradientBoostingRegressor", {"n_estimators": 10}, (200_000, 10), (150_000, 20)),
    ("sklearn.svm.LinearSVC", {}, (300_000, 15), (200_000, 30)),
    ("sklearn.svm.SVC", {}, (12_000, 10), (9_000, 25)),
    ("sklearn.kernel_ridge.KernelRidge", {}, (6_000, 10), (8_000, 20)),
    ("sklearn.preprocessing.PolynomialFeatures", {}, (300_000, 10), (200_000, 12)),
    ("sklearn.ensemble.IsolationForest", {}, (500_000, 15), (300_000, 30)),
    ("xgboost.XGBClassifier", {"n_estimators": 10}, (1_000_000, 20), (600_000, 45)),
    ("xgboost.XGBRegressor", {"n_estimators": 10, "max_depth": 9}, (800_000, 20), (300_000, 60)),
    ("lightgbm.LGBMClassifier", {"n_estimators": 10}, (1_000_000, 20), (600_000, 45)),
    ("lightgbm.LGBMRegressor", {"n_estimators": 10}, (800_000, 30), (150_000, 60)),
)
_MISSING = ("xgboost.", "lightgbm.", "sklearn.ensemble.HistGradient")


def cases() -> Iterator[Case]:
    """All fits, twice: the second time of the other precision, and in the judging half of other values."""
    for single in (False, True):
        for target, params, tuning, judging in _TABLE:
            rows, columns = tuning
            yield Case(
                half="tuning",
                target=target,
                rows=rows // 2 if single else rows,
                columns=columns,
                dtype="float32" if single else "float64",
                params=params,
            )
            rows, columns = judging
            yield Case(
                half="judging",
                target=target,
                rows=rows,
                columns=columns,
                dtype="float64" if single else "float32",
                values="skewed" if single else "integers",
                params=params,
            )


def takes_missing(target: str) -> bool:
    """Whether a tenth of the values may be missing."""
    return target.startswith(_MISSING)
