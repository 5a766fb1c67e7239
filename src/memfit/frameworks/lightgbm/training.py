"""lightgbm.train() and lightgbm.cv() in a script: the call, and its data set cut down to some rows for a probe.

A data set that is not constructed yet still has the script's own table, and is made anew from some of its rows; one
that is gives a subset.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from memfit.probing.calls import Given, Learner, TrainingCall, Trains
from memfit.probing.columns import stored_columns_of
from memfit.probing.cutting import columns_of, cut, filled_share, held_by, longest_row, rows_of, some_of
from memfit.probing.scaling import ColumnsAlike

_FEW_ROUNDS = 5  # as in scaling.py
_DEFAULT_ROUNDS = 100
# Names of the number of rounds among the parameters, which win over the argument (LightGBM's parameter documentation).
_ROUNDS = (
    "num_iterations", "num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds",
    "num_boost_round", "n_estimators", "max_iter",
)  # fmt: skip


class Training(TrainingCall):
    """One call of train() or cv().

    Args:
        original: the function.
        params, data, args, kwargs: what it was called with.
    """

    gives_result = True

    def __init__(self, original: Callable[..., Any], params: Any, data: Any, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.original, self.data, self.args, self.kwargs = original, data, args, kwargs
        self.params = dict(params)
        self.label = f"lightgbm.{original.__name__}"

    @property
    def _table(self) -> Any:
        """The table of a data set that is not constructed; None of one that is, or that comes from a file."""
        return self.data.data if getattr(self.data, "_handle", None) is None else None

    @property
    def rows(self) -> int:
        return rows_of(self._table) or int(self.data.construct().num_data())

    @property
    def columns(self) -> int:
        return columns_of(self._table) if rows_of(self._table) else int(self.data.construct().num_feature())

    @property
    def data_bytes(self) -> int:
        return held_by(self._table)

    @property
    def stored_columns(self) -> tuple[ColumnsAlike, ...]:
        return stored_columns_of(self._table)

    def given(self) -> Given:
        sets = self.kwargs.get("valid_sets") or ()
        sets = sets if isinstance(sets, (list, tuple)) else [sets]
        return Given(
            filled=filled_share(self._table),
            longest_row=longest_row(self._table),
            classes=int(self.params.get("num_class") or 0),
            evaluated=tuple(_rows_of_set(each) for each in sets if each is not self.data),
            weighted=getattr(self.data, "weight", None) is not None,
        )

    def learners(self) -> Iterable[Learner]:
        collected = {} if getattr(self.data, "_handle", None) is None else {"bin_construct_sample_cnt": 0}
        return [Learner("lightgbm", "Booster", {**self.params, **collected}, path=None)]

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.params, self.data, *self.args, **self.kwargs)

    def alone(self) -> Any:
        """With one thread."""
        return self.original({**self.params, **self.on_host, "num_threads": 1}, self.data, *self.args, **self.kwargs)

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """A data set of some rows, in the place of the whole among the validation sets and their references too."""
        params, args, kwargs = self._fewer_rounds() if lighter else (self.params, self.args, self.kwargs)
        whole = self.rows
        if rows >= whole:
            return params, self.data, args, kwargs
        part = self._part(whole, some_of(whole, rows))
        given = kwargs.get("valid_sets") or ()
        sets = [
            part if each is self.data else each for each in (given if isinstance(given, (list, tuple)) else [given])
        ]
        for each in sets:
            if getattr(each, "reference", None) is self.data:
                each.reference = part
        return params, part, args, {**kwargs, **({"valid_sets": sets} if sets else {})}

    def __call__(self, prepared: Any) -> Any:
        params, part, args, kwargs = prepared
        return self.original({**params, **self.on_host}, part, *args, **kwargs)

    def _part(self, whole: int, chosen: list[int]) -> Any:
        table = self._table
        if not rows_of(table):
            return self.data.subset(chosen)
        named = {name: cut(getattr(self.data, name, None), whole, chosen) for name in ("label", "weight", "init_score")}
        return type(self.data)(cut(table, whole, chosen), params=dict(self.data.params or {}), **named)

    def _fewer_rounds(self) -> tuple[dict[str, Any], tuple[Any, ...], dict[str, Any]]:
        params, args, kwargs = self.params, self.args, self.kwargs
        named = next((each for each in _ROUNDS if each in params), None)
        rounds = params[named] if named else args[0] if args else kwargs.get("num_boost_round", _DEFAULT_ROUNDS)
        if not isinstance(rounds, int) or rounds <= _FEW_ROUNDS:
            return params, args, kwargs
        self.notes.append(f"probed with {_FEW_ROUNDS} rounds instead of {rounds}, which hardly changes the peak")
        if named:
            return {**params, named: _FEW_ROUNDS}, args, kwargs
        if args:
            return params, (_FEW_ROUNDS, *args[1:]), kwargs
        return params, args, {**kwargs, "num_boost_round": _FEW_ROUNDS}


def _rows_of_set(data: Any) -> int:
    """Of a data set that need not be constructed."""
    return rows_of(getattr(data, "data", None)) or int(data.construct().num_data())


def install(engine: Any, trains: Trains) -> None:
    """From now on, calls of train() and cv() are handed over."""
    for name in ("train", "cv"):
        setattr(engine, name, _handed_over(getattr(engine, name), trains))


def _handed_over(original: Callable[..., Any], trains: Trains) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(params: Any, train_set: Any, *args: Any, **kwargs: Any) -> Any:
        return trains(Training(original, params, train_set, args, kwargs))

    return function


HOOKS: dict[str, Callable[[Any, Trains], None]] = {"lightgbm.engine": install}
