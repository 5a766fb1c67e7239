"""A callable to probe: an estimator of scikit-learn's protocol (fit, predict) on synthetic data of a given shape.

Runs in the job's interpreter with what is there; NumPy and the estimator's own package are all that it imports. Data is
made in place, so that making it takes no more memory than it has.
"""

from __future__ import annotations

import importlib
import math
import pickle
import sys

from memfit.probing.child.likeness import ColumnLike, labels_like, table_like

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CHUNK_VALUES = 1 << 15  # made at a time: so little that malloc keeps nothing of it that the fit would find
_LARGEST_STORED_BYTES = 4 << 30
_INFORMATIVE = 8  # columns that the target depends on
_NOISE = 0.5  # standard deviation of what it does not depend on: a tree then finds something, and not everything


class EstimatorFit:
    """Fit, and predict where asked, on so many rows.

    Args:
        target: "package.module.Class", or "package.module:function" that returns an estimator.
        params: of the class.
        columns: of the data.
        dtype: of the data, a name of NumPy's.
        classes: of the target, for a classifier.
        predict: predict on the same rows after the fit.
        given: the estimator itself, instead of its name.
        missing: share of the cells that are missing, for an estimator that takes such.
        like: what the columns of the table are like; () for normal values.
        target_like: what the target is like; None for a usual one.
    """

    def __init__(
        self,
        target: str,
        params: dict[str, Any],
        columns: int,
        dtype: str = "float64",
        classes: int = 2,
        predict: bool = False,
        given: Any = None,
        missing: float = 0.0,
        like: tuple[ColumnLike, ...] = (),
        target_like: ColumnLike | None = None,
    ) -> None:
        self.target = target
        self.params = params
        self.columns = columns
        self.dtype = dtype
        self.classes = classes
        self.predict = predict
        self.given = given
        self.missing = missing
        self.like = like
        self.target_like = target_like

    def make(self) -> Any:
        """The estimator, unfitted."""
        if self.given is not None:
            estimator = self.given
        elif ":" in self.target:
            module, _, name = self.target.partition(":")
            estimator = getattr(importlib.import_module(module), name)()
        else:
            module, _, name = self.target.rpartition(".")
            return getattr(importlib.import_module(module), name)(**self.params)
        return estimator.set_params(**self.params) if self.params else estimator

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Loading brings in what the estimator needs: the warm process does that once for all probes."""
        self.__dict__.update(state)
        self.make()

    def prepare(self, rows: int) -> Any:
        """The estimator and its data."""
        estimator = self.make()
        kind, positive = kind_of(estimator), _wants_positive(estimator)
        gaps = self.dtype.startswith("float") and takes_missing(estimator)
        if self.like:
            table, signal = table_like(self.like, rows, self.dtype, gaps=gaps, positive=positive, seed=0)
            return estimator, table, target_of(signal, kind, self.classes, self.target_like) if kind else None
        table, target = synthetic(rows, self.columns, self.dtype, kind, self.classes, positive=positive)
        if gaps and self.missing:
            empty(table, self.missing)
        return estimator, table, target

    def __call__(self, prepared: Any) -> Any:
        estimator, table, target = prepared
        fitted = estimator.fit(table) if target is None else estimator.fit(table, target)
        return (fitted, answers(estimator, table)) if self.predict else fitted

    def stored_bytes(self, result: Any) -> int | None:
        """What the fitted estimator takes as pickle and joblib write it; None where it cannot be pickled."""
        sink = _Sink()
        try:
            pickle.dump(result[0] if self.predict else result, sink, protocol=5)
        except Exception:  # of all kinds: a lambda within, a handle, more than the sink takes
            return None
        return sink.taken


class _Sink:
    """A file that counts what is written to it, and takes no more than is quickly counted."""

    def __init__(self) -> None:
        self.taken = 0

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.taken += size
        if self.taken > _LARGEST_STORED_BYTES:
            raise OverflowError
        return size


def answers(estimator: Any, table: Any) -> Any:
    """Predictions for a table; of a transformer the transformed table."""
    for name in ("predict", "transform"):
        if hasattr(estimator, name):
            return getattr(estimator, name)(table)
    return None


def kind_of(estimator: Any) -> str:
    """ "classifier", "regressor", or "" for what learns without a target."""
    tags = _tags(estimator)
    kind = getattr(tags, "estimator_type", None) or getattr(estimator, "_estimator_type", None) or ""
    if kind in ("classifier", "regressor"):
        return str(kind)
    return "regressor" if getattr(getattr(tags, "target_tags", None), "required", False) else ""


def synthetic(
    rows: int, columns: int, dtype: str, kind: str, classes: int = 2, *, positive: bool = False, seed: int = 0
) -> tuple[Any, Any]:
    """A table of normal values, and a target that depends on some of its columns; None where none is wanted."""
    import numpy as np

    random = np.random.default_rng(seed)
    table: Any = np.empty((rows, columns), dtype=dtype)
    signal = np.empty(rows)
    weights = random.standard_normal(min(columns, _INFORMATIVE))
    step = max(_CHUNK_VALUES // columns, 1)
    for start in range(0, rows, step):
        part = random.standard_normal((min(step, rows - start), columns))
        signal[start : start + len(part)] = part[:, : len(weights)] @ weights
        table[start : start + len(part)] = np.abs(part) if positive else part
    if not kind:
        return table, None
    signal /= math.sqrt(float((weights**2).sum())) or 1.0
    return table, target_of(signal, kind, classes, noise=random)


def target_of(signal: Any, kind: str, classes: int, like: ColumnLike | None = None, noise: Any = None) -> Any:
    """A target that depends on a signal, in part.

    Args:
        signal: of mean 0 and variance 1; it is changed.
        kind: "regressor" for numbers, else labels.
        classes: of labels.
        like: what it is like; None for normal numbers, and for labels that are equally frequent.
        noise: where it comes from; None for dice of its own.
    """
    import numpy as np

    rows = len(signal)
    signal += _NOISE * (np.random.default_rng(2) if noise is None else noise).standard_normal(rows)
    if kind == "regressor" and (like is None or not like.quantiles):
        return signal
    ranks = np.argsort(np.argsort(signal, kind="stable"), kind="stable")
    if like is None:
        return ranks * classes // rows
    even = (ranks + 0.5) / rows
    return like.values(even) if kind == "regressor" else labels_like(like, even, classes)


def empty(table: Any, share: float) -> None:
    """Make that share of a table's cells missing, in place."""
    import numpy as np

    random = np.random.default_rng(1)
    step = max(_CHUNK_VALUES // table.shape[1], 1)
    for start in range(0, len(table), step):
        part = table[start : start + step]
        part[random.random(part.shape) < share] = np.nan


def takes_missing(estimator: Any) -> bool:
    """Whether it says that it takes missing values."""
    return bool(getattr(getattr(_tags(estimator), "input_tags", None), "allow_nan", False))


def _tags(estimator: Any) -> Any:
    if "sklearn" not in sys.modules:  # CatBoost would import it to answer, which the job itself does not do
        return None
    try:
        return estimator.__sklearn_tags__()
    except Exception:  # an older version, or a class that only looks like one
        return None


def _wants_positive(estimator: Any) -> bool:
    return bool(getattr(getattr(_tags(estimator), "input_tags", None), "positive_only", False))
