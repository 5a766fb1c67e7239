"""The fits that are measured: one half chose the width of the range, one of other shapes and values judges it.

The fresh ones were listed after the method stood, mostly of classes that no law was written for, and taught something;
the blind ones were listed after that, and taught less; the later ones were listed after those, and are predicted once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MISSING = 0.1  # of the cells of "skewed" data


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fit.

    Args:
        half: "tuning", "judging", "fresh", "blind", "later" or "long" (for what probing costs beside a fit of minutes).
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
# (class, parameters, rows, columns, type, values, whether it predicts too): the fresh ones
_FRESH: tuple[tuple[str, dict[str, Any], int, int, str, str, bool], ...] = (
    ("sklearn.linear_model.ElasticNet", {}, 700_000, 25, "float64", "skewed", False),
    ("sklearn.linear_model.BayesianRidge", {}, 400_000, 40, "float32", "integers", False),
    ("sklearn.linear_model.RidgeCV", {}, 200_000, 30, "float64", "skewed", False),
    ("sklearn.linear_model.LassoCV", {"cv": 3}, 300_000, 20, "float64", "normal", False),
    ("sklearn.linear_model.RidgeClassifier", {}, 500_000, 40, "float32", "skewed", False),
    ("sklearn.linear_model.SGDRegressor", {}, 600_000, 30, "float32", "integers", False),
    ("sklearn.linear_model.HuberRegressor", {}, 300_000, 25, "float64", "normal", False),
    ("sklearn.linear_model.Perceptron", {}, 500_000, 35, "float64", "integers", True),
    ("sklearn.linear_model.LogisticRegression", {"solver": "saga", "max_iter": 20},
     400_000, 25, "float64", "normal", True),
    ("sklearn.linear_model.LogisticRegression", {"solver": "newton-cholesky"},
     600_000, 30, "float32", "integers", False),
    ("sklearn.discriminant_analysis.LinearDiscriminantAnalysis", {}, 500_000, 30, "float64", "integers", False),
    ("sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis", {}, 500_000, 30, "float32", "skewed", False),
    ("sklearn.naive_bayes.BernoulliNB", {}, 400_000, 40, "float64", "integers", False),
    ("sklearn.neighbors.KNeighborsRegressor", {"n_neighbors": 3}, 150_000, 6, "float64", "skewed", True),
    ("sklearn.neighbors.KNeighborsClassifier", {"algorithm": "brute"}, 60_000, 30, "float32", "normal", True),
    ("sklearn.neighbors.NearestCentroid", {}, 500_000, 40, "float64", "normal", False),
    ("sklearn.neighbors.LocalOutlierFactor", {}, 60_000, 8, "float64", "integers", False),
    ("sklearn.cluster.DBSCAN", {"eps": 0.3}, 40_000, 4, "float64", "normal", False),
    ("sklearn.cluster.Birch", {}, 60_000, 8, "float64", "normal", False),
    ("sklearn.cluster.AgglomerativeClustering", {}, 9_000, 10, "float64", "integers", False),
    ("sklearn.cluster.BisectingKMeans", {"n_clusters": 6}, 300_000, 20, "float32", "normal", False),
    ("sklearn.cluster.SpectralClustering", {"n_clusters": 3}, 3_000, 10, "float64", "normal", False),
    ("sklearn.mixture.GaussianMixture", {"n_components": 4, "max_iter": 10}, 200_000, 20, "float64", "skewed", False),
    ("sklearn.decomposition.FastICA", {"n_components": 6, "max_iter": 20}, 300_000, 20, "float64", "normal", False),
    ("sklearn.decomposition.IncrementalPCA", {"n_components": 8}, 400_000, 40, "float64", "integers", False),
    ("sklearn.decomposition.FactorAnalysis", {"n_components": 4}, 200_000, 25, "float64", "normal", False),
    ("sklearn.decomposition.KernelPCA", {"n_components": 4}, 5_000, 12, "float64", "normal", False),
    ("sklearn.manifold.TSNE", {"max_iter": 250}, 4_000, 10, "float32", "normal", False),
    ("sklearn.manifold.Isomap", {}, 3_000, 8, "float64", "normal", False),
    ("sklearn.tree.DecisionTreeRegressor", {}, 300_000, 15, "float64", "integers", False),
    ("sklearn.tree.ExtraTreeClassifier", {}, 400_000, 20, "float32", "normal", True),
    ("sklearn.ensemble.ExtraTreesRegressor", {"n_estimators": 15}, 120_000, 12, "float64", "skewed", False),
    ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 40, "max_depth": 8},
     300_000, 20, "float64", "integers", True),
    ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 30, "min_samples_leaf": 20},
     150_000, 15, "float32", "normal", False),
    ("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 10}, 200_000, 15, "float64", "normal", False),
    ("sklearn.ensemble.BaggingClassifier", {"n_estimators": 8}, 100_000, 15, "float64", "integers", False),
    ("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 10}, 150_000, 20, "float32", "skewed", False),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 30, "max_leaf_nodes": 63},
     500_000, 30, "float32", "skewed", True),
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 15, "max_bins": 63},
     400_000, 50, "float64", "integers", False),
    ("sklearn.svm.SVR", {}, 8_000, 12, "float64", "normal", False),
    ("sklearn.svm.NuSVC", {"cache_size": 50}, 7_000, 15, "float64", "skewed", False),
    ("sklearn.svm.LinearSVR", {}, 200_000, 25, "float32", "normal", False),
    ("sklearn.svm.OneClassSVM", {}, 10_000, 10, "float64", "integers", False),
    ("sklearn.gaussian_process.GaussianProcessRegressor", {"optimizer": None}, 3_000, 8, "float64", "normal", False),
    ("sklearn.neural_network.MLPClassifier", {"max_iter": 3}, 200_000, 30, "float64", "normal", False),
    ("sklearn.neural_network.MLPRegressor", {"max_iter": 3, "hidden_layer_sizes": (256, 128)},
     100_000, 40, "float32", "normal", False),
    ("sklearn.preprocessing.QuantileTransformer", {}, 300_000, 30, "float64", "skewed", False),
    ("sklearn.preprocessing.RobustScaler", {}, 500_000, 30, "float32", "normal", False),
    ("sklearn.preprocessing.KBinsDiscretizer", {"encode": "ordinal"}, 400_000, 20, "float64", "normal", False),
    ("sklearn.preprocessing.PowerTransformer", {}, 150_000, 12, "float64", "normal", False),
    ("sklearn.kernel_approximation.Nystroem", {"n_components": 60}, 200_000, 20, "float64", "normal", False),
    ("sklearn.kernel_approximation.RBFSampler", {"n_components": 50}, 200_000, 20, "float64", "normal", False),
    ("sklearn.feature_selection.SelectKBest", {}, 400_000, 40, "float64", "normal", False),
    ("sklearn.covariance.EmpiricalCovariance", {}, 500_000, 40, "float64", "normal", False),
    ("xgboost.XGBClassifier", {"n_estimators": 15, "max_bin": 64, "max_depth": 4},
     500_000, 35, "float64", "normal", True),
    ("xgboost.XGBRegressor", {"n_estimators": 6, "tree_method": "exact"}, 150_000, 20, "float32", "normal", False),
    ("xgboost.XGBRegressor", {"n_estimators": 6, "tree_method": "approx"}, 300_000, 25, "float64", "skewed", False),
    ("xgboost.XGBRFClassifier", {"n_estimators": 20}, 400_000, 25, "float32", "integers", False),
    ("lightgbm.LGBMClassifier", {"n_estimators": 20, "num_leaves": 127}, 500_000, 35, "float64", "normal", True),
    ("lightgbm.LGBMRegressor", {"n_estimators": 15, "max_bin": 63}, 600_000, 40, "float32", "skewed", False),
    ("lightgbm.LGBMRegressor", {"n_estimators": 10, "boosting_type": "dart"},
     400_000, 25, "float64", "integers", False),
)  # fmt: skip
_BLIND: tuple[tuple[str, dict[str, Any], int, int, str, str, bool], ...] = (
    ("sklearn.linear_model.Lars", {}, 300_000, 35, "float64", "normal", False),
    ("sklearn.linear_model.TheilSenRegressor", {"max_subpopulation": 300}, 150_000, 8, "float64", "integers", False),
    ("sklearn.linear_model.PassiveAggressiveRegressor", {}, 700_000, 22, "float64", "skewed", False),
    ("sklearn.linear_model.RidgeClassifierCV", {}, 250_000, 24, "float64", "normal", False),
    ("sklearn.linear_model.ElasticNetCV", {"cv": 3}, 250_000, 30, "float32", "integers", False),
    ("sklearn.linear_model.PoissonRegressor", {}, 300_000, 20, "float64", "integers", False),
    ("sklearn.linear_model.QuantileRegressor", {}, 3_000, 6, "float64", "normal", False),
    ("sklearn.linear_model.RANSACRegressor", {}, 300_000, 16, "float64", "normal", False),
    ("sklearn.neighbors.RadiusNeighborsRegressor", {"radius": 0.3}, 80_000, 4, "float64", "normal", False),
    ("sklearn.neighbors.KernelDensity", {}, 300_000, 9, "float64", "skewed", False),
    ("sklearn.cluster.MeanShift", {"bandwidth": 2.0, "max_iter": 5}, 4_000, 4, "float64", "normal", False),
    ("sklearn.cluster.OPTICS", {"min_samples": 5}, 8_000, 5, "float64", "normal", False),
    ("sklearn.cluster.HDBSCAN", {}, 30_000, 6, "float64", "normal", False),
    ("sklearn.mixture.BayesianGaussianMixture", {"n_components": 3, "max_iter": 10},
     150_000, 14, "float64", "normal", False),
    ("sklearn.decomposition.SparsePCA", {"n_components": 3, "max_iter": 5}, 20_000, 12, "float64", "normal", False),
    ("sklearn.decomposition.MiniBatchDictionaryLearning", {"n_components": 5, "max_iter": 5},
     60_000, 16, "float64", "normal", False),
    ("sklearn.manifold.LocallyLinearEmbedding", {}, 3_000, 7, "float64", "normal", False),
    ("sklearn.manifold.MDS", {"max_iter": 10, "n_init": 1}, 2_000, 6, "float64", "normal", False),
    ("sklearn.ensemble.AdaBoostRegressor", {"n_estimators": 10}, 120_000, 14, "float64", "skewed", False),
    ("sklearn.ensemble.BaggingRegressor", {"n_estimators": 6}, 80_000, 12, "float32", "normal", False),
    ("sklearn.ensemble.ExtraTreesRegressor", {"n_estimators": 20, "max_depth": 10},
     200_000, 18, "float64", "integers", True),
    ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 12, "early_stopping": False},
     700_000, 28, "float64", "normal", True),
    ("sklearn.svm.NuSVR", {}, 7_000, 10, "float64", "skewed", False),
    ("sklearn.svm.LinearSVC", {"dual": False}, 250_000, 22, "float64", "integers", False),
    ("sklearn.gaussian_process.GaussianProcessClassifier", {"optimizer": None}, 2_000, 6, "float64", "normal", False),
    ("sklearn.neural_network.BernoulliRBM", {"n_components": 32, "n_iter": 2},
     150_000, 30, "float32", "integers", False),
    ("sklearn.preprocessing.MinMaxScaler", {}, 600_000, 45, "float64", "skewed", True),
    ("sklearn.preprocessing.Normalizer", {}, 500_000, 50, "float32", "normal", True),
    ("sklearn.preprocessing.SplineTransformer", {}, 150_000, 10, "float64", "normal", True),
    ("sklearn.random_projection.GaussianRandomProjection", {"n_components": 10},
     300_000, 60, "float64", "normal", True),
    ("sklearn.impute.KNNImputer", {}, 5_000, 12, "float64", "normal", True),
    ("sklearn.impute.SimpleImputer", {}, 500_000, 40, "float64", "integers", True),
    ("sklearn.covariance.LedoitWolf", {}, 400_000, 30, "float64", "normal", False),
    ("sklearn.semi_supervised.LabelSpreading", {"max_iter": 5}, 3_000, 8, "float64", "normal", False),
    ("xgboost.XGBClassifier", {"n_estimators": 12, "max_depth": 5, "subsample": 0.5},
     700_000, 28, "float32", "normal", False),
    ("xgboost.XGBRegressor", {"n_estimators": 8, "max_leaves": 40, "grow_policy": "lossguide"},
     400_000, 50, "float64", "integers", True),
    ("lightgbm.LGBMClassifier", {"n_estimators": 12, "max_bin": 511}, 400_000, 30, "float64", "skewed", False),
    ("lightgbm.LGBMRegressor", {"n_estimators": 12, "boosting_type": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
     500_000, 26, "float32", "normal", True),
)  # fmt: skip
# Listed after what the blind ones taught: squares, switches and caches of other kinds and values among ordinary fits.
_LATER: tuple[tuple[str, dict[str, Any], int, int, str, str, bool], ...] = (
    ("sklearn.kernel_ridge.KernelRidge", {"kernel": "rbf"}, 3_500, 15, "float64", "skewed", False),
    ("sklearn.gaussian_process.GaussianProcessRegressor", {"optimizer": None}, 2_500, 5, "float64", "integers", False),
    ("sklearn.manifold.SpectralEmbedding", {}, 2_500, 8, "float64", "normal", False),
    ("sklearn.manifold.LocallyLinearEmbedding", {"n_neighbors": 8}, 4_000, 5, "float64", "skewed", False),
    ("sklearn.preprocessing.KBinsDiscretizer", {"encode": "ordinal", "n_bins": 8}, 500_000, 12,
     "float64", "skewed", False),
    ("sklearn.preprocessing.QuantileTransformer", {"subsample": 100_000}, 250_000, 14, "float64", "integers", False),
    ("sklearn.svm.NuSVC", {}, 5_000, 12, "float64", "integers", False),
    ("sklearn.tree.DecisionTreeRegressor", {}, 120_000, 8, "float64", "skewed", False),
    ("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 12, "max_depth": 9}, 80_000, 12,
     "float64", "integers", False),
    ("sklearn.linear_model.HuberRegressor", {}, 200_000, 15, "float64", "skewed", False),
    ("sklearn.cluster.AffinityPropagation", {"max_iter": 20}, 1_500, 6, "float64", "normal", False),
    ("xgboost.XGBRegressor", {"n_estimators": 8}, 200_000, 25, "float32", "skewed", False),
    ("lightgbm.LGBMClassifier", {"n_estimators": 8}, 250_000, 18, "float64", "skewed", False),
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 8}, 250_000, 16, "float64", "integers", False),
)  # fmt: skip
_LONG: tuple[tuple[str, dict[str, Any], int, int], ...] = (
    ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 60}, 500_000, 20),
    ("sklearn.ensemble.GradientBoostingClassifier", {}, 250_000, 20),
    ("sklearn.svm.SVC", {}, 40_000, 20),
    ("sklearn.neural_network.MLPClassifier", {"max_iter": 15}, 500_000, 40),
    ("xgboost.XGBClassifier", {"n_estimators": 400, "max_depth": 8}, 1_000_000, 40),
    ("lightgbm.LGBMClassifier", {"n_estimators": 400, "num_leaves": 63}, 1_000_000, 40),
)
# Listed before any was predicted; fewer rows, since a busy machine measured them.
_CATBOOST: tuple[tuple[str, str, dict[str, Any], int, int, str, str, bool], ...] = (
    ("tuning", "catboost.CatBoostClassifier", {"iterations": 8}, 60_000, 20, "float64", "normal", False),
    ("tuning", "catboost.CatBoostClassifier", {"iterations": 8, "depth": 8}, 100_000, 12, "float32", "normal", False),
    ("tuning", "catboost.CatBoostRegressor", {"iterations": 8}, 120_000, 20, "float64", "normal", False),
    ("tuning", "catboost.CatBoostRegressor", {"iterations": 8, "border_count": 32}, 80_000, 40, "float64", "normal",
     False),
    ("tuning", "catboost.CatBoostRegressor", {"iterations": 15, "depth": 4}, 250_000, 10, "float64", "normal", False),
    ("tuning", "catboost.CatBoostClassifier", {"iterations": 6, "boosting_type": "Ordered"}, 40_000, 15, "float64",
     "normal", False),
    ("judging", "catboost.CatBoostClassifier", {"iterations": 10}, 90_000, 30, "float64", "skewed", False),
    ("judging", "catboost.CatBoostClassifier", {"iterations": 8, "depth": 5}, 150_000, 18, "float32", "integers",
     True),
    ("judging", "catboost.CatBoostRegressor", {"iterations": 8, "depth": 9}, 70_000, 25, "float32", "skewed", False),
    ("judging", "catboost.CatBoostRegressor", {"iterations": 10, "max_bin": 128}, 110_000, 35, "float64", "integers",
     False),
    ("judging", "catboost.CatBoostRegressor", {"iterations": 8, "grow_policy": "Lossguide"}, 90_000, 16, "float64",
     "integers", False),
    ("judging", "catboost.CatBoostClassifier", {"iterations": 12, "rsm": 0.5}, 220_000, 14, "float64", "skewed",
     False),
)  # fmt: skip
_MISSING = ("xgboost.", "lightgbm.", "catboost.", "sklearn.ensemble.HistGradient")


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

    listed = [*(("fresh", *each) for each in _FRESH), *(("blind", *each) for each in _BLIND)]
    listed += [*(("later", *each) for each in _LATER), *_CATBOOST]
    for half, target, params, rows, columns, dtype, values, predict in listed:
        yield Case(
            half=half,
            target=target,
            rows=rows,
            columns=columns,
            dtype=dtype,
            values=values,
            params=params,
            predict=predict,
        )
    for target, params, rows, columns in _LONG:
        yield Case(half="long", target=target, rows=rows, columns=columns, params=params)


def takes_missing(target: str) -> bool:
    """Whether a tenth of the values may be missing."""
    return target.startswith(_MISSING)
