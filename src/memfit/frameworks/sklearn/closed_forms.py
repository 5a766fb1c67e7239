"""What scikit-learn's fits take, as formulas of rows n, columns d and the size of a value: instant, nothing is run.

Each follows the arrays that the fit allocates (scikit-learn 1.9.1, the module that is named); bytes per row that come
from lists, indices and libraries below it were set by the tuning half of benchmarks/tabular. What depends on the
values of the data (trees, support vectors) has a wide spread.
"""

from __future__ import annotations

from collections.abc import Callable

from memfit.probing.closed_forms import FitShape, Parts

_MIB = 1 << 20
_FIRST_CALL_BYTES = 3 * _MIB // 2  # threads' stacks, pages of code that the fit touches first
_NODE_BYTES = 64  # of a tree: sklearn/tree/_tree.pxd Node, 1.3 and later
_VALUE_BYTES = 8
_DOUBLE, _SINGLE = 8, 4


def linear_regression(fit: FitShape) -> Parts:
    """linear_model/_base.py: centred copies of X and y, and LAPACK's gelsd takes another of both."""
    return Parts(
        model_bytes=fit.columns * fit.item_bytes, meanwhile_bytes=2 * fit.table_bytes + 2 * fit.rows * fit.item_bytes
    )


def ridge(fit: FitShape) -> Parts:
    """linear_model/_ridge.py: centred copies of X and y, a Gram matrix."""
    gram = fit.columns**2 * fit.item_bytes
    return Parts(
        model_bytes=fit.columns * fit.item_bytes, meanwhile_bytes=fit.table_bytes + fit.rows * fit.item_bytes + gram
    )


def coordinate_descent(fit: FitShape) -> Parts:
    """linear_model/_coordinate_descent.py: X in Fortran's order, y and the residual."""
    return Parts(
        model_bytes=fit.columns * fit.item_bytes, meanwhile_bytes=fit.table_bytes + 2 * fit.rows * fit.item_bytes
    )


def logistic_regression(fit: FitShape) -> Parts | None:
    """linear_model/_logistic.py with lbfgs: no copy of X; y, weights, and for each class predictions and gradients."""
    if fit.params.get("solver", "lbfgs") != "lbfgs":
        return None
    outputs = 1 if fit.classes == 2 else fit.classes
    arrays = (3 + 2 * outputs) * fit.rows * fit.item_bytes
    return Parts(model_bytes=outputs * fit.columns * 8, meanwhile_bytes=arrays, spread_share=0.25)


def sgd(fit: FitShape) -> Parts:
    """linear_model/_stochastic_gradient.py: the target and the weights as doubles or singles, a shuffled index."""
    return Parts(
        model_bytes=fit.columns * 8, meanwhile_bytes=round(fit.rows * (8 + 1.7 * fit.item_bytes)), spread_share=0.3
    )


def standard_scaler(fit: FitShape) -> Parts:
    """utils/extmath.py _incremental_mean_and_var: X less its mean as doubles, and which values are missing."""
    cells = fit.rows * fit.columns
    return Parts(model_bytes=3 * fit.columns * 8, meanwhile_bytes=cells * (_DOUBLE + 1))


def gaussian_nb(fit: FitShape) -> Parts:
    """naive_bayes.py: the rows of one class after the other, and their differences from its mean."""
    share = 2 / max(fit.classes, 2)
    return Parts(
        model_bytes=2 * fit.classes * fit.columns * 8, meanwhile_bytes=round(fit.table_bytes * share) + 8 * fit.rows
    )


def pca(fit: FitShape) -> Parts:
    """decomposition/_pca.py: by the covariance where there are few columns and many rows, else by copies of X."""
    solver = fit.params.get("svd_solver", "auto")
    square = 3 * fit.columns**2 * fit.item_bytes
    if solver == "covariance_eigh" or (solver == "auto" and fit.columns <= 1_000 and fit.rows >= 10 * fit.columns):
        return Parts(model_bytes=square // 3, meanwhile_bytes=square, spread_share=0.5)
    copies = 3 if solver in ("full", "auto") else 2
    return Parts(
        model_bytes=square // 3, meanwhile_bytes=copies * fit.table_bytes + 24 * fit.rows + square, spread_share=0.2
    )


def k_means(fit: FitShape) -> Parts:
    """cluster/_kmeans.py: X less its mean, and a copy of it while the first centres are drawn."""
    return Parts(
        model_bytes=fit.number("n_clusters", 8) * fit.columns * fit.item_bytes + 4 * fit.rows,
        meanwhile_bytes=max(2 * fit.table_bytes - 4 * fit.rows, 0),
    )


def mini_batch_k_means(fit: FitShape) -> Parts:
    """cluster/_kmeans.py: no copy of X; labels, weights and shuffled indices."""
    return Parts(
        model_bytes=4 * fit.rows, meanwhile_bytes=fit.rows * (20 + fit.item_bytes) + _MIB // 2, spread_share=0.2
    )


def neighbors(fit: FitShape) -> Parts:
    """neighbors/_base.py: a k-d tree up to 15 columns, whose nodes hold their bounds; the data themselves beyond."""
    if fit.columns > 15 or fit.params.get("algorithm") == "brute":
        return Parts(model_bytes=16 * fit.rows, meanwhile_bytes=8 * fit.rows, spread_share=0.3)
    leaves = max(fit.rows // fit.number("leaf_size", 30), 1)
    nodes = (1 << leaves.bit_length()) * (16 * fit.columns + 24)
    return Parts(
        model_bytes=fit.as_bytes(_DOUBLE) + 16 * fit.rows + nodes, meanwhile_bytes=14 * fit.rows, spread_share=0.25
    )


def _nodes(fit: FitShape, leaves: float, outputs: int) -> int:
    """Bytes of one grown tree: its nodes are two for each leaf, bounded by depth and by the samples of a leaf."""
    leaves = min(leaves, fit.rows / max(fit.number("min_samples_leaf", 1), 1))
    deepest = fit.number("max_depth", 0)
    if deepest:
        leaves = min(leaves, 2.0**deepest)
    if fit.number("max_leaf_nodes", 0):
        leaves = min(leaves, float(fit.number("max_leaf_nodes", 0)))
    return round(2 * leaves * (_NODE_BYTES + outputs * _VALUE_BYTES))


def tree_classifier(fit: FitShape) -> Parts:
    """tree/_classes.py: X as singles, indices and weights of the samples, and nodes: as many as the values ask for."""
    model = _nodes(fit, fit.rows / 12, fit.classes)
    return Parts(model_bytes=model, meanwhile_bytes=fit.as_bytes(_SINGLE) + 58 * fit.rows, spread_share=0.6)


def tree_regressor(fit: FitShape) -> Parts:
    """tree/_classes.py: a leaf for each different value of the target."""
    model = _nodes(fit, fit.rows, 1)
    return Parts(model_bytes=model, meanwhile_bytes=fit.as_bytes(_SINGLE) + 58 * fit.rows, spread_share=0.6)


def _forest(fit: FitShape, leaves: float, outputs: int, spread: float) -> Parts:
    jobs = fit.params.get("n_jobs") or 1
    at_once = jobs if isinstance(jobs, int) and jobs > 0 else 2
    model = fit.number("n_estimators", 100) * _nodes(fit, leaves, outputs)
    return Parts(
        model_bytes=model,
        meanwhile_bytes=fit.as_bytes(_SINGLE) + round(fit.rows * (20 + 40 * at_once)),
        spread_share=spread,
    )


def random_forest_classifier(fit: FitShape) -> Parts:
    """ensemble/_forest.py: a tree sees 63 % of the rows; how many leaves they come to depends on the labels' noise."""
    return _forest(fit, fit.rows * 17 / 160, fit.classes, 0.5)


def random_forest_regressor(fit: FitShape) -> Parts:
    """ensemble/_forest.py: a leaf for each of the 63 % of the rows that a tree sees."""
    return _forest(fit, fit.rows * 0.632, 1, 0.25)


def extra_trees_classifier(fit: FitShape) -> Parts:
    """ensemble/_forest.py: all rows in each tree, splits at random: more leaves than a forest's."""
    return _forest(fit, fit.rows * 50 / 160, fit.classes, 0.5)


def extra_trees_regressor(fit: FitShape) -> Parts:
    """ensemble/_forest.py: all rows in each tree, a leaf for each."""
    return _forest(fit, float(fit.rows), 1, 0.25)


def gradient_boosting_classifier(fit: FitShape) -> Parts:
    """ensemble/_gb.py: as the regressor, with the labels' numbers, and predictions for each class beyond two."""
    return gradient_boosting(fit, outputs=fit.classes if fit.classes > 2 else 1, labels_bytes=20 * fit.rows)


def gradient_boosting(fit: FitShape, outputs: int = 1, labels_bytes: int = 0) -> Parts:
    """ensemble/_gb.py: X as singles, predictions, residuals and the samples of one shallow tree."""
    depth = fit.number("max_depth", 3)
    model = outputs * fit.number("n_estimators", 100) * (2 << depth) * (_NODE_BYTES + _VALUE_BYTES)
    return Parts(
        model_bytes=model,
        meanwhile_bytes=fit.as_bytes(_SINGLE) + (34 + 16 * outputs) * fit.rows + labels_bytes,
        spread_share=0.25,
    )


def hist_gradient_boosting(fit: FitShape) -> Parts:
    """ensemble/_hist_gradient_boosting: X as doubles, a part held out beyond 10,000 rows, bins of one byte,
    a sample of 200,000 rows to find them, histograms of 24 bytes a bin for each leaf.
    """
    outputs = fit.classes if fit.classes > 2 else 1
    doubles = fit.rows * fit.columns * _DOUBLE
    held_out = doubles if fit.rows > 10_000 and fit.params.get("early_stopping", "auto") is not False else 0
    sample = min(fit.rows, 200_000) * fit.columns * _DOUBLE if fit.rows > 200_000 else 0
    histograms = fit.number("max_leaf_nodes", 31) * fit.columns * fit.number("max_bins", 255) * 24
    gradients = (44 + 16 * outputs) * fit.rows
    meanwhile = fit.as_bytes(_DOUBLE) + held_out + fit.rows * fit.columns + max(sample, histograms) + gradients
    return Parts(model_bytes=_MIB // 2, meanwhile_bytes=meanwhile, spread_share=0.2)


def linear_svc(fit: FitShape) -> Parts:
    """svm/src/liblinear: 16 bytes for each value and the intercept, of a copy as doubles."""
    nodes = 16 * (fit.columns + 1) * fit.rows
    doubles = fit.rows * fit.columns * _DOUBLE
    return Parts(model_bytes=fit.columns * 8, meanwhile_bytes=nodes + doubles + fit.as_bytes(_DOUBLE) + 12 * fit.rows)


def svc(fit: FitShape) -> Parts:
    """svm/src/libsvm: kernel rows of singles up to cache_size, of which not all are visited; support vectors."""
    return _libsvm(fit, 1.8)


def svr(fit: FitShape) -> Parts:
    """svm/src/libsvm: as SVC, and every row of the kernel is visited."""
    return _libsvm(fit, 4.0)


def _libsvm(fit: FitShape, visited_bytes: float) -> Parts:
    cache = min(visited_bytes * fit.rows**2, fit.number("cache_size", 200) * _MIB)
    vectors = fit.rows * (fit.columns * _DOUBLE + 16)
    meanwhile = round(cache) + vectors + fit.as_bytes(_DOUBLE) + 600 * fit.rows
    return Parts(model_bytes=vectors, meanwhile_bytes=meanwhile, spread_share=0.4)


def kernel_ridge(fit: FitShape) -> Parts:
    """kernel_ridge.py: the kernel's matrix, a copy of it to be solved, and what is made on the way."""
    matrices = (3 * _DOUBLE + (_SINGLE if fit.item_bytes == _SINGLE else 0)) * fit.rows**2
    return Parts(model_bytes=fit.rows * 8, meanwhile_bytes=matrices + 2 * fit.table_bytes, spread_share=0.15)


def isolation_forest(fit: FitShape) -> Parts:
    """ensemble/_iforest.py: X as singles; trees of 256 rows, and an index for each row."""
    model = fit.number("n_estimators", 100) * 2 * 256 * (_NODE_BYTES + _VALUE_BYTES)
    return Parts(model_bytes=model, meanwhile_bytes=fit.as_bytes(_SINGLE) + 22 * fit.rows, spread_share=0.3)


FORMS: dict[str, Callable[[FitShape], Parts | None]] = {
    "LinearRegression": linear_regression,
    "Ridge": ridge,
    "Lasso": coordinate_descent,
    "ElasticNet": coordinate_descent,
    "LogisticRegression": logistic_regression,
    "SGDClassifier": sgd,
    "SGDRegressor": sgd,
    "StandardScaler": standard_scaler,
    "GaussianNB": gaussian_nb,
    "PCA": pca,
    "KMeans": k_means,
    "MiniBatchKMeans": mini_batch_k_means,
    "KNeighborsClassifier": neighbors,
    "KNeighborsRegressor": neighbors,
    "DecisionTreeClassifier": tree_classifier,
    "DecisionTreeRegressor": tree_regressor,
    "RandomForestClassifier": random_forest_classifier,
    "RandomForestRegressor": random_forest_regressor,
    "ExtraTreesClassifier": extra_trees_classifier,
    "ExtraTreesRegressor": extra_trees_regressor,
    "GradientBoostingClassifier": gradient_boosting_classifier,
    "GradientBoostingRegressor": gradient_boosting,
    "HistGradientBoostingClassifier": hist_gradient_boosting,
    "HistGradientBoostingRegressor": hist_gradient_boosting,
    "LinearSVC": linear_svc,
    "SVC": svc,
    "SVR": svr,
    "KernelRidge": kernel_ridge,
    "IsolationForest": isolation_forest,
}


def closed_form(name: str, fit: FitShape) -> Parts | None:
    """The formula's answer for a class, None where there is none for it with these parameters.

    >>> shape = FitShape(rows=1_000_000, columns=20, item_bytes=8)
    >>> closed_form("Lasso", shape).meanwhile_bytes
    177572864
    """
    form = FORMS.get(name)
    parts = form(fit) if form is not None else None
    if parts is None:
        return None
    return Parts(
        model_bytes=parts.model_bytes,
        meanwhile_bytes=parts.meanwhile_bytes + _FIRST_CALL_BYTES,
        spread_share=parts.spread_share,
    )
