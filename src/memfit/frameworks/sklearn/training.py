"""The call that trains in a script: which it is, and how its data is cut down to some of its rows for a probe."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

from memfit.frameworks.sklearn import marks

_FITS = ("fit", "fit_predict", "fit_transform")
_LEARNS = ("predict", "fit_predict", "score_samples", "kneighbors")


class Fit:
    """One call that trains, not made yet; called with a part of its data by probes.

    Args:
        original: the method.
        name: of it.
        estimator, args, kwargs: what it was called with.
    """

    def __init__(self, original: Callable[..., Any], name: str, estimator: Any, args: Any, kwargs: Any) -> None:
        self.original = original
        self.name = name
        self.estimator = estimator
        self.args = args
        self.kwargs = kwargs
        self.changed: dict[str, Any] = {}  # parameters that a probe sets otherwise

    gives_result = False  # what a part gives is the estimator itself, or says nothing of the whole

    @property
    def label(self) -> str:
        return f"{self.kind}.{self.name}"

    @property
    def framework(self) -> str:
        return str(type(self.estimator).__module__.partition(".")[0])

    @property
    def kind(self) -> str:
        return type(self.estimator).__name__

    @property
    def params(self) -> dict[str, Any]:
        try:
            return dict(self.estimator.get_params(deep=False))
        except Exception:  # an estimator of the script's own
            return {}

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.estimator, *self.args, **self.kwargs)

    @property
    def rows(self) -> int:
        """Of its data; 0 where that has none."""
        data = self.args[0] if self.args else self.kwargs.get("X")
        return length(data)

    @property
    def columns(self) -> int:
        shape: Any = getattr(self.args[0] if self.args else self.kwargs.get("X"), "shape", ())
        return int(shape[1]) if len(shape) > 1 else 1

    @property
    def data_bytes(self) -> int:
        """What the arrays that it was given hold."""
        return sum(held(each) for each in (*self.args, *self.kwargs.values()))

    def prepare(self, rows: int) -> tuple[Any, Any]:
        """Its arguments, cut down to some rows taken evenly; everything else as it is."""
        if self.changed:
            self.estimator.set_params(**self.changed)
        whole = self.rows
        if rows >= whole:
            return self.args, self.kwargs
        chosen = sorted(random.Random(0).sample(range(whole), rows))
        return (
            tuple(cut(each, whole, chosen) for each in self.args),
            {name: cut(each, whole, chosen) for name, each in self.kwargs.items()},
        )

    def __call__(self, prepared: tuple[Any, Any]) -> Any:
        args, kwargs = prepared
        return self.original(self.estimator, *args, **kwargs)


class Stopper:
    """Hands the outermost call that trains to somebody, and lets all others through.

    Args:
        trains: called with the Fit; what it returns is the call's result.
    """

    def __init__(self, trains: Callable[[Fit], Any]) -> None:
        self.marks = _Silent()
        self._trains = trains

    def call(self, original: Callable[..., Any], name: str, estimator: Any, args: Any, kwargs: Any) -> Any:
        """As the recorder's: makes the call, or has it made."""
        if name not in _FITS or not any(hasattr(estimator, each) for each in _LEARNS):
            return original(estimator, *args, **kwargs)
        fit = Fit(original, name, estimator, args, kwargs)
        if not fit.rows:
            return original(estimator, *args, **kwargs)
        return self._trains(fit)


class _Silent:
    def note(self, **told: Any) -> None:
        """What could not be followed is of no interest here."""


def install(base: Any, trains: Callable[[Fit], Any]) -> None:
    """From now on, calls that train are handed over. XGBoost's and LightGBM's classes build on the same base."""
    marks.follow(base, Stopper(trains))


def length(data: Any) -> int:
    """Rows of an array, a frame, a sparse matrix or a list; 0 of anything else."""
    shape = getattr(data, "shape", None)
    if shape:
        return int(shape[0])
    return len(data) if isinstance(data, (list, tuple)) else 0


def held(data: Any) -> int:
    """Bytes of an array, a frame or a sparse matrix; 0 where it does not tell."""
    if hasattr(data, "memory_usage"):
        usage = data.memory_usage(deep=True)
        return int(usage.sum() if hasattr(usage, "sum") else usage)
    if hasattr(data, "indptr") and hasattr(data, "data"):
        return int(data.data.nbytes + data.indices.nbytes + data.indptr.nbytes)
    size = getattr(data, "nbytes", 0)
    return int(size) if isinstance(size, int) else 0


def cut(data: Any, whole: int, chosen: Any) -> Any:
    """Those rows of what has as many as the data; anything else as it is."""
    if length(data) != whole or isinstance(data, str):
        return data
    if isinstance(data, (list, tuple)):
        return type(data)(data[row] for row in chosen)
    if hasattr(data, "iloc"):
        return data.iloc[chosen]
    if hasattr(data, "tocsr") and "scipy" in sys.modules:
        return data.tocsr()[chosen]
    return data[chosen]


HOOKS: dict[str, Callable[[Any, Callable[[Fit], Any]], None]] = {"sklearn.base": install}
