"""Fits of CatBoost's classes, catboost.train() and catboost.cv() in a script: the call, and its data cut for a probe.

Its classes have the protocol of scikit-learn's but not its base, so that they are wrapped here. A Pool can be sliced.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from memfit.probing.calls import Learner, TrainingCall, Trains
from memfit.probing.cutting import columns_of, cut, held_by, rows_of, some_of

_CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
_ROUNDS = ("iterations", "n_estimators", "num_boost_round", "num_trees")  # names of one parameter
_FEW_ROUNDS = 5  # as in scaling.py


def _rows(data: Any) -> int:
    return int(data.num_row()) if hasattr(data, "num_row") else rows_of(data)


def _columns(data: Any) -> int:
    return int(data.num_col()) if hasattr(data, "num_col") else columns_of(data)


def _part(data: Any, whole: int, chosen: list[int]) -> Any:
    """Those rows of a Pool, or of what has as many; anything else as it is."""
    if hasattr(data, "num_row") and hasattr(data, "slice"):
        return data.slice(chosen) if _rows(data) == whole else data
    return cut(data, whole, chosen)


class Fit(TrainingCall):
    """One call of a class's fit.

    Args:
        original: the method.
        estimator, args, kwargs: what it was called with.
    """

    def __init__(self, original: Callable[..., Any], estimator: Any, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.original, self.estimator, self.args, self.kwargs = original, estimator, args, kwargs
        self.table = args[0] if args else kwargs.get("X")
        self.label = f"{type(estimator).__name__}.fit"

    @property
    def rows(self) -> int:
        return _rows(self.table)

    @property
    def columns(self) -> int:
        return _columns(self.table)

    @property
    def data_bytes(self) -> int:
        return sum({id(each): held_by(each) for each in (*self.args, *self.kwargs.values())}.values())

    def learners(self) -> Iterable[Learner]:
        return [Learner("catboost", type(self.estimator).__name__, dict(self.estimator.get_params()))]

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.estimator, *self.args, **self.kwargs)

    def alone(self) -> Any:
        """With one thread."""
        with contextlib.suppress(Exception):  # one that is fitted already keeps its parameters
            self.estimator.set_params(**self.on_host, thread_count=1)
        return self.whole()

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """Its arguments, cut down to some rows taken evenly."""
        with contextlib.suppress(Exception):
            self.estimator.set_params(allow_writing_files=False, **self.on_host, **self.changed)
        whole = self.rows
        if rows >= whole:
            return self.args, self.kwargs
        chosen = some_of(whole, rows)
        args = tuple(_part(each, whole, chosen) for each in self.args)
        return args, {name: _part(each, whole, chosen) for name, each in self.kwargs.items()}

    def __call__(self, prepared: Any) -> Any:
        args, kwargs = prepared
        return self.original(self.estimator, *args, **kwargs)

    def learnt(self) -> Any:
        """The estimator itself: what it holds is no data, but it can be pickled."""
        return self.estimator

    def take(self, learnt: Any) -> None:
        """Become what was fitted elsewhere."""
        self.estimator.__dict__.update(learnt.__dict__)


class Training(TrainingCall):
    """One call of train() or cv().

    Args:
        original: the function.
        args, kwargs: what it was called with; the pool is the first.
    """

    gives_result = True

    def __init__(self, original: Callable[..., Any], args: Any, kwargs: Any) -> None:
        super().__init__()
        self.original = original
        self.kwargs = dict(inspect.signature(original).bind(*args, **kwargs).arguments)
        self.name = "pool" if self.kwargs.get("pool") is not None else "dtrain"
        self.params = dict(self.kwargs.get("params") or {})
        self.label = f"catboost.{original.__name__}"
        # Only what has rows of its own can be cut; a pool in a file is quantized as it is read.
        self.sliceable = hasattr(self.kwargs.get(self.name), "slice")

    @property
    def pool(self) -> Any:
        """What it learns from."""
        return self.kwargs.get(self.name)

    @property
    def rows(self) -> int:
        return _rows(self.pool)

    @property
    def columns(self) -> int:
        return _columns(self.pool)

    def learners(self) -> Iterable[Learner]:
        return [Learner("catboost", "CatBoost", self.params, path=None)]

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(**self.kwargs)

    def alone(self) -> Any:
        """With one thread."""
        return self.original(**{**self.kwargs, "params": {**self.params, **self.on_host, "thread_count": 1}})

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """A part of the pool, and a few rounds."""
        kwargs = {**self.kwargs, "params": {**self.params, **self.on_host, "allow_writing_files": False}}
        if lighter:
            self._fewer_rounds(kwargs)
        if rows < self.rows and self.sliceable:
            kwargs[self.name] = self.pool.slice(some_of(self.rows, rows))
        return kwargs

    def __call__(self, prepared: Any) -> Any:
        return self.original(**prepared)

    def _fewer_rounds(self, kwargs: dict[str, Any]) -> None:
        for place in (kwargs, kwargs["params"]):
            for name in _ROUNDS:
                if isinstance(place.get(name), int) and place[name] > _FEW_ROUNDS:
                    told = f"probed with {_FEW_ROUNDS} rounds instead of {place[name]}, which hardly changes the peak"
                    self.notes.append(told)
                    place[name] = _FEW_ROUNDS


def install(core: Any, trains: Trains) -> None:
    """From now on, calls that train are handed over."""
    for name in _CLASSES:
        cls = getattr(core, name, None)
        if cls is not None and "fit" in vars(cls):
            cls.fit = _fit_handed_over(cls.fit, trains)
    for name in ("train", "cv"):
        setattr(core, name, _handed_over(getattr(core, name), trains))


def _fit_handed_over(original: Callable[..., Any], trains: Trains) -> Callable[..., Any]:
    @functools.wraps(original)
    def fit(estimator: Any, *args: Any, **kwargs: Any) -> Any:
        call = Fit(original, estimator, args, kwargs)
        return trains(call) if call.rows else original(estimator, *args, **kwargs)

    return fit


def _handed_over(original: Callable[..., Any], trains: Trains) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        call = Training(original, args, kwargs)
        return trains(call) if call.rows else original(*args, **kwargs)

    return function


HOOKS: dict[str, Callable[[Any, Trains], None]] = {"catboost.core": install}
