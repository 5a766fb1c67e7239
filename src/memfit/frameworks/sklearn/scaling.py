"""Where scikit-learn's estimators do not simply grow with the rows: quadratic ones, caches, switches of algorithm.

Read from scikit-learn's own sources and documentation; holds for 1.4 to 1.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memfit.probing.scaling import Scaling, fewer

# Hold an n × n matrix: kernel machines without a cap, spectral and agglomerative methods on dense affinities.
_QUADRATIC = frozenset({
    "KernelRidge", "GaussianProcessRegressor", "GaussianProcessClassifier", "KernelPCA", "SpectralClustering",
    "SpectralEmbedding", "AffinityPropagation", "AgglomerativeClustering", "FeatureAgglomeration", "MDS",
    "LabelPropagation", "LabelSpreading", "Isomap", "LocallyLinearEmbedding",
})  # fmt: skip
# libsvm keeps kernel rows up to cache_size (in MB); fit() of these is quadratic in time as well.
_CACHED = frozenset({"SVC", "SVR", "NuSVC", "NuSVR", "OneClassSVM"})
_CACHE_MB = 200
_KERNEL_CELL_BYTES = 4.0  # a single: how many rows of the kernel a fit comes to see is up to the data
_BINNING_SAMPLE = 200_000  # rows that HistGradientBoosting's _BinMapper looks at (subsample=2e5)
# Ensembles of like parts. All parts of these are grown alike, on as many rows each, and kept.
_FORESTS = frozenset({
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
    "RandomTreesEmbedding",
})  # fmt: skip
# A tree alone: where its vectors, which double, leave the heap is a step that no smaller fit shows. Measured: 60 % of
# the rise (benchmarks/tabular, DecisionTreeRegressor of the fresh half); in a forest the steps of many even out.
_TREES = frozenset({"DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor"})
_TREE_SPREAD = 0.5
# Look at a sample of so many rows by default.
_SUBSAMPLED = {"QuantileTransformer": 10_000, "KBinsDiscretizer": 200_000}
# Copy rows by what their values are: HuberRegressor's outliers once and all others twice in each step, 200 to 400 bytes
# a row of 25 columns (linear_model/_huber.py); probes see one of these shares.
_BY_VALUES = {"HuberRegressor": 0.3}
_VALUE_BYTES = 8
# A classifier's trees end where labels are pure: with labels that the columns say nothing about they are larger than
# the probes', whose labels depend on them. Measured as 0.7 of the rise with random labels (benchmarks/tabular).
_NOISE_SHARE = 0.7
# With these their trees are grown until labels are pure: settings, with the values that bound nothing.
_GROWN_WHOLE = {"max_depth": (None,), "max_leaf_nodes": (None,), "min_samples_leaf": (None, 1)}
_FOREST_TREES = 100  # n_estimators' default
_PROBED_TREES = 10
_PROBED_ROUNDS = 10  # boosting's trees are small beside its data: measured, 10 rounds peak where 100 do
_EARLY_STOPPING = 10_000  # rows beyond which early_stopping="auto" holds out a validation set


def scaling_of(name: str, params: Mapping[str, Any], columns: int) -> Scaling:
    """What is known of a class.

    Args:
        name: of the class, without its module.
        params: that it was given.
        columns: of the data.
    """
    if name in _QUADRATIC:
        return Scaling(terms=("n", "n2"), source="holds an n × n matrix")
    if name in _CACHED:
        cache = round(float(params.get("cache_size", _CACHE_MB)) * (1 << 20))
        return Scaling(
            terms=("n", "n2"),
            caps_bytes={"n2": cache},
            most_coefficients={"n2": _KERNEL_CELL_BYTES},
            source="libsvm's kernel cache, cache_size",
        )
    if name.startswith("HistGradientBoosting"):
        return Scaling(
            switches=(_EARLY_STOPPING, _BINNING_SAMPLE),
            repeats=fewer("max_iter", params.get("max_iter", 100), _PROBED_ROUNDS, kept=False),
            beyond_bytes=_BINNING_SAMPLE * columns * _VALUE_BYTES,
            source="early stopping beyond 10,000 rows, binning on a sample of 200,000",
        )
    if name in _FORESTS:
        jobs = params.get("n_jobs") or 1
        probed = max(_PROBED_TREES, 2 * jobs if isinstance(jobs, int) else 0)
        trees = params.get("n_estimators", _FOREST_TREES)
        bounded = any(params.get(each) not in default for each, default in _GROWN_WHOLE.items())
        grown = name.endswith("Classifier") and not bounded
        return Scaling(
            repeats=fewer("n_estimators", trees, probed, kept=True),
            values_share=_NOISE_SHARE if grown else 0.0,
            source="trees are grown alike and kept",
        )
    # IsolationForest's trees see 256 rows each, whatever there is.
    if name in ("GradientBoostingClassifier", "GradientBoostingRegressor", "IsolationForest"):
        rounds = params.get("n_estimators", _FOREST_TREES)
        return Scaling(repeats=fewer("n_estimators", rounds, _PROBED_ROUNDS, kept=False), source="rounds are small")
    if name in _SUBSAMPLED:
        rows = int(params.get("subsample") or _SUBSAMPLED[name])
        return Scaling(switches=(rows,), beyond_bytes=rows * columns * _VALUE_BYTES, source="subsample")
    if name in _TREES:
        return Scaling(spread_share=_TREE_SPREAD, source="its nodes are kept in vectors that double")
    if name in _BY_VALUES:
        return Scaling(spread_share=_BY_VALUES[name], source="what it copies depends on the values")
    if name == "PCA" and columns > 1_000 and params.get("svd_solver", "auto") == "auto":
        return Scaling(switches=(500, 10 * columns), source="svd_solver='auto' chooses by the shape")
    return Scaling()


def on_device(params: Mapping[str, Any]) -> str:
    """None of its estimators has a setting by which it trains on a GPU."""
    return ""
