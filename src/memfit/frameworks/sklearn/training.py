"""The calls that train in a script: the outermost fit of what predicts, and functions that cross-validate."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from memfit.frameworks.sklearn import marks, searches
from memfit.probing.calls import Given, Learner, TrainingCall, Trains
from memfit.probing.columns import stored_columns_of
from memfit.probing.cutting import (
    classes_of,
    columns_of,
    cut,
    filled_share,
    held_by,
    longest_row,
    rows_of,
    some_of,
)
from memfit.probing.scaling import ColumnsAlike

_FITS = ("fit", "fit_predict", "fit_transform")
_LEARNS = ("predict", "fit_predict", "score_samples", "kneighbors")
# Functions of sklearn.model_selection that fit clones, in other processes where n_jobs says so.
_FUNCTIONS = {
    "sklearn.model_selection._validation": (
        "cross_validate", "cross_val_score", "cross_val_predict", "learning_curve", "validation_curve",
        "permutation_test_score",
    ),
}  # fmt: skip


class EstimatorCall(TrainingCall):
    """What calls of an estimator's methods and of functions that take an estimator have in common.

    Args:
        learner: the estimator.
        args, kwargs: of the call.
    """

    def __init__(self, learner: Any, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.learner = learner
        self.args = args
        self.kwargs = kwargs

    @property
    def table(self) -> Any:
        """The data, as it was given."""
        return self.args[0] if self.args else self.kwargs.get("X")

    @property
    def rows(self) -> int:
        return rows_of(self.table)

    @property
    def columns(self) -> int:
        return columns_of(self.table)

    @property
    def stored_columns(self) -> tuple[ColumnsAlike, ...]:
        return stored_columns_of(self.table)

    @property
    def data_bytes(self) -> int:
        return sum({id(each): held_by(each) for each in (*self.args, *self.kwargs.values())}.values())

    def given(self) -> Given:
        target = self.args[1] if len(self.args) > 1 else self.kwargs.get("y")
        pairs = self.kwargs.get("eval_set") or ()
        pairs = pairs if isinstance(pairs, (list, tuple)) else ()
        return Given(
            filled=filled_share(self.table),
            longest_row=longest_row(self.table),
            classes=classes_of(target),
            evaluated=tuple(rows_of(pair[0]) for pair in pairs if pair and pair[0] is not self.table),
            weighted=self.kwargs.get("sample_weight") is not None,
        )

    def keep_on_host(self, settings: dict[str, Any]) -> None:
        """Of every estimator that it is made of, however deep."""
        with contextlib.suppress(Exception):  # parameters of an estimator of the script's own
            told = self.learner.get_params(deep=True)
            self.on_host = {
                path: value
                for name, value in settings.items()
                for path, now in told.items()
                if path.rpartition("__")[2] == name and isinstance(now, str)
            }

    def learners(self) -> Iterable[Learner]:
        inner = "Pipeline" in type(self.learner).__name__ and self.estimator is not None
        found = {"": self.learner, **parts_of(self.learner)}
        return [
            Learner(
                str(type(each).__module__.partition(".")[0]),
                type(each).__name__,
                parameters(each),
                path=path if not path or inner else None,
            )
            for path, each in found.items()
        ]

    def alone(self) -> Any:
        """One thread and one process each, for the time of the call."""
        with self._kept_on_host(), searches.alone(self.learner):
            return self.whole()

    @contextlib.contextmanager
    def _kept_on_host(self) -> Iterator[None]:
        """On the CPU for the time of a call, in the script's own process."""
        before = {path: self.learner.get_params(deep=True)[path] for path in self.on_host}
        if before:
            self.learner.set_params(**self.on_host)
        try:
            yield
        finally:
            if before:
                self.learner.set_params(**before)

    def prepare(self, rows: int, *, lighter: bool = True) -> tuple[Any, Any]:
        """Its arguments, cut down to some rows taken evenly; of a search fewer candidates and folds."""
        if self.changed or self.on_host:
            self.learner.set_params(**self.on_host, **self.changed)
        args, kwargs, whole = self.args, dict(self.kwargs), self.rows
        if rows < whole:
            chosen = some_of(whole, rows)
            args = tuple(cut(each, whole, chosen) for each in args)
            kwargs = {name: cut(each, whole, chosen) for name, each in kwargs.items()}
        if lighter:
            self.lighten(args, kwargs)
        return args, kwargs

    def lighten(self, args: Any, kwargs: dict[str, Any]) -> None:
        """Leave out what does not move the peak."""


class Fit(EstimatorCall):
    """One call of an estimator's method.

    Args:
        original: the method.
        name: of it.
        estimator, args, kwargs: what it was called with.
    """

    def __init__(self, original: Callable[..., Any], name: str, estimator: Any, args: Any, kwargs: Any) -> None:
        super().__init__(estimator, args, kwargs)
        self.original = original
        self.estimator = estimator
        self.label = f"{type(estimator).__name__}.{name}"

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.estimator, *self.args, **self.kwargs)

    def take(self, learnt: Any) -> None:
        """Have the estimator know what another learnt, with its own place to train."""
        before = {path: self.estimator.get_params(deep=True)[path] for path in self.on_host}
        super().take(learnt)
        if before:
            self.estimator.set_params(**before)

    def lighten(self, args: Any, kwargs: dict[str, Any]) -> None:
        """Fewer candidates and folds of a search."""
        table, target = args[0] if args else kwargs.get("X"), args[1] if len(args) > 1 else kwargs.get("y")
        self.notes += searches.lighten(self.estimator, table, target, kwargs.get("groups"))

    def __call__(self, prepared: tuple[Any, Any]) -> Any:
        args, kwargs = prepared
        return self.original(self.estimator, *args, **kwargs)


class Validation(EstimatorCall):
    """One call of a function that fits clones of an estimator: cross_val_score(estimator, X, y, …).

    Args:
        original: the function.
        estimator, args, kwargs: what it was called with.
    """

    gives_result = True

    def __init__(self, original: Callable[..., Any], estimator: Any, args: Any, kwargs: Any) -> None:
        super().__init__(estimator, args, kwargs)
        self.original = original
        self.label = f"{original.__name__} of {type(estimator).__name__}"

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.learner, *self.args, **self.kwargs)

    def alone(self) -> Any:
        """In this process and thread."""
        with self._kept_on_host(), searches.alone(self.learner):
            return self.original(self.learner, *self.args, **{**self.kwargs, "n_jobs": None})

    def lighten(self, args: Any, kwargs: dict[str, Any]) -> None:
        """As many folds as run at a time, and one more; all of them where every row must be predicted."""
        if "predict" not in self.original.__name__ and "cv" in inspect.signature(self.original).parameters:
            table, target = args[0] if args else kwargs.get("X"), args[1] if len(args) > 1 else kwargs.get("y")
            folds = searches.fewer_folds(
                self.learner, kwargs.get("cv"), table, target, kwargs.get("groups"), kwargs.get("n_jobs"), 1
            )
            if folds is not None:
                kwargs["cv"] = folds
        self.notes += searches.lighten(self.learner, None, None, None)

    def __call__(self, prepared: tuple[Any, Any]) -> Any:
        args, kwargs = prepared
        return self.original(self.learner, *args, **kwargs)


def parts_of(estimator: Any) -> dict[str, Any]:
    """The estimators that one is made of by their path, however deep: steps of a pipeline, what a search tries."""
    with contextlib.suppress(Exception):  # parameters of an estimator of the script's own
        given = estimator.get_params(deep=True).items()
        return {f"{name}__": each for name, each in given if hasattr(each, "fit") and not isinstance(each, type)}
    return {}


def parameters(estimator: Any) -> dict[str, Any]:
    """Of an estimator; none of one that does not tell."""
    with contextlib.suppress(Exception):
        return dict(estimator.get_params(deep=False))
    return {}


class Stopper:
    """Hands the outermost call that trains to somebody, and lets all others through.

    Args:
        trains: called with the call; what it returns is the call's result.
    """

    def __init__(self, trains: Trains) -> None:
        self.marks = _Silent()
        self._trains = trains

    def call(self, original: Callable[..., Any], name: str, estimator: Any, args: Any, kwargs: Any) -> Any:
        """As the recorder's: makes the call, or has it made."""
        if name not in _FITS or not any(hasattr(estimator, each) for each in _LEARNS):
            with searches.alone(estimator) if _starts_threads(estimator) else contextlib.nullcontext():
                return original(estimator, *args, **kwargs)
        fit = Fit(original, name, estimator, args, kwargs)
        return self._trains(fit) if fit.rows else original(estimator, *args, **kwargs)


def _starts_threads(estimator: Any) -> bool:
    """Whether its answers start threads in this process whatever OMP_NUM_THREADS says, which forks of it would lack.

    LightGBM's classes ask for as many as there are cores (LGBMModel._process_n_jobs, 4.7).
    """
    return type(estimator).__module__.partition(".")[0] == "lightgbm"


class _Silent:
    def note(self, **told: Any) -> None:
        """What could not be followed is of no interest here."""


def install(base: Any, trains: Trains) -> None:
    """From now on, calls that train are handed over. XGBoost's and LightGBM's classes build on the same base."""
    marks.follow(base, Stopper(trains))


def install_functions(module: Any, trains: Trains) -> None:
    """The same for functions that fit; those that import them from the package get ours."""
    for name in _FUNCTIONS[module.__name__]:
        original = getattr(module, name, None)
        if original is not None:
            setattr(module, name, _handed_over(original, trains))


def _handed_over(original: Callable[..., Any], trains: Trains) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        call = Validation(original, estimator, args, kwargs)
        return trains(call) if call.rows else original(estimator, *args, **kwargs)

    return function


HOOKS: dict[str, Callable[[Any, Trains], None]] = {
    "sklearn.base": install,
    **dict.fromkeys(_FUNCTIONS, install_functions),
}
