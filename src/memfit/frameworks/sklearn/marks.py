"""What a recorder is told of scikit-learn jobs: fits and predictions, and the parts of a pipeline within them.

Methods are wrapped as classes are made, those of other packages that build on BaseEstimator included. Classes of
__main__ are left alone: they are sent to workers by value, and ours must not go along.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks

# method → (unit of the iteration, name of the phase)
_METHODS = {
    "fit": "fit",
    "fit_transform": "fit",
    "fit_predict": "fit",
    "partial_fit": "fit",
    "predict": "predict",
    "predict_proba": "predict",
    "predict_log_proba": "predict",
    "decision_function": "predict",
    "score_samples": "predict",
    "transform": "transform",
    "inverse_transform": "transform",
}
_DEEPEST = 3


class _Job:
    """What is open in this process; a call in another thread while one is open is a part of it.

    Args:
        marks: where it is told.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.depth = 0

    def call(self, original: Callable[..., Any], name: str, estimator: Any, args: Any, kwargs: Any) -> Any:
        """The outermost call is an iteration; those within are phases of their own, named by their class."""
        outermost = self.depth == 0
        if self.depth >= _DEEPEST:
            return original(estimator, *args, **kwargs)
        kind = _METHODS[name]
        phase = kind if outermost else f"{type(estimator).__name__}.{name}"
        self.depth += 1
        self.marks.begin(phase)
        try:
            return original(estimator, *args, **kwargs)
        finally:
            self.marks.end(phase)
            self.depth -= 1
            if outermost:
                self.marks.iteration(kind)


_job: Any = None  # whoever is told of calls


def install(base: Any, marks: Marks) -> None:
    """Follow every estimator class that is made from now on, and those that there are."""
    follow(base, _Job(marks))


def follow(base: Any, job: Any) -> None:
    """Let ``job.call(original, name, estimator, args, kwargs)`` make every call of an estimator's methods.

    Args:
        base: the module sklearn.base.
        job: what makes them; it has ``marks``, which are told what could not be followed.
    """
    global _job
    first = _job is None
    _job = job
    if not first and getattr(base.BaseEstimator, "_memfit_follows", False):
        return
    base.BaseEstimator._memfit_follows = True
    _follow_new(base.BaseEstimator)
    _follow_all(base.BaseEstimator)


def _follow_new(estimator: Any) -> None:
    own = estimator.__dict__.get("__init_subclass__")

    def __init_subclass__(cls: Any, /, **kwargs: Any) -> None:
        if own is not None:
            own.__func__(cls, **kwargs)
        else:
            super(estimator, cls).__init_subclass__(**kwargs)
        _follow(cls)

    estimator.__init_subclass__ = classmethod(__init_subclass__)


def _follow_all(estimator: Any) -> None:
    for cls in type.__subclasses__(estimator):
        _follow(cls)
        _follow_all(cls)


def _follow(cls: Any) -> None:
    """Wrap what the class defines itself, and what it has of mixins that are no estimators."""
    try:
        if cls.__module__ == "__main__":
            return
        for name in _METHODS:
            owner = next((base for base in cls.__mro__ if name in base.__dict__), None)
            method = None if owner is None else owner.__dict__[name]
            if owner is cls or (_METHODS[name] == "predict" and _of_a_mixin(owner)):
                if isinstance(method, type(_follow)):
                    setattr(cls, name, _followed(method, name))
                elif isinstance(getattr(method, "fn", None), type(_follow)):  # available_if
                    method.fn = _followed(method.fn, name)  # type: ignore[union-attr]
    except Exception as error:  # a class may be anything: it is then not followed
        if _job is not None:
            _job.marks.note(slug="marks-failed", text=f"{cls!r} is not followed: {error}")


def _of_a_mixin(owner: Any) -> bool:
    return owner is not None and not any("_memfit_follows" in base.__dict__ for base in owner.__mro__)


def _followed(method: Any, name: str) -> Any:
    if getattr(method, "_memfit_followed", False):
        return method

    @functools.wraps(method)
    def followed(self: Any, *args: Any, **kwargs: Any) -> Any:
        return _job.call(method, name, self, args, kwargs)

    followed._memfit_followed = True  # type: ignore[attr-defined]
    return followed


HOOKS: dict[str, Callable[[Any, Marks], None]] = {"sklearn.base": install}
