"""lightgbm.train() in a script: the call, and its data set cut down to some of its rows for a probe.

A data set that is not constructed yet still has the script's own table, and is made anew from some of its rows; one
that is gives a subset.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any


class Training:
    """One call of train(), not made yet. As scikit-learn's Fit: see there."""

    label = "lightgbm.train"
    framework, kind = "lightgbm", "Booster"
    gives_result = True

    def __init__(self, original: Callable[..., Any], params: Any, data: Any, args: Any, kwargs: Any) -> None:
        self.original, self.data, self.args, self.kwargs = original, data, args, kwargs
        self.params: dict[str, Any] = dict(params)
        self.changed: dict[str, Any] = {}
        self.estimator: Any = None

    @property
    def _table(self) -> Any:
        """The table of a data set that is not constructed; None of one that is, or that comes from a file."""
        return self.data.data if getattr(self.data, "_handle", None) is None else None

    @property
    def rows(self) -> int:
        shape = getattr(self._table, "shape", None)
        return int(shape[0]) if shape else int(self.data.construct().num_data())

    @property
    def columns(self) -> int:
        shape = getattr(self._table, "shape", None)
        return int(shape[1]) if shape else int(self.data.construct().num_feature())

    @property
    def data_bytes(self) -> int:
        size = getattr(self._table, "nbytes", 0)
        return int(size) if isinstance(size, int) else 0

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.params, self.data, *self.args, **self.kwargs)

    def prepare(self, rows: int) -> Any:
        """A data set of some rows, in the place of the whole among the validation sets and their references too."""
        whole = self.rows
        if rows >= whole:
            return self.data, self.kwargs
        chosen = sorted(random.Random(0).sample(range(whole), rows))
        part = self._part(whole, chosen)
        sets = [part if each is self.data else each for each in self.kwargs.get("valid_sets") or ()]
        for each in sets:
            if getattr(each, "reference", None) is self.data:
                each.reference = part
        return part, {**self.kwargs, **({"valid_sets": sets} if sets else {})}

    def _part(self, whole: int, chosen: list[int]) -> Any:
        table = self._table
        if not getattr(table, "shape", None):
            return self.data.subset(chosen)
        named = {
            name: _rows(getattr(self.data, name, None), whole, chosen) for name in ("label", "weight", "init_score")
        }
        return type(self.data)(_rows(table, whole, chosen), params=dict(self.data.params or {}), **named)

    def __call__(self, prepared: Any) -> Any:
        part, kwargs = prepared
        return self.original(self.params, part, *self.args, **kwargs)


def _rows(data: Any, whole: int, chosen: list[int]) -> Any:
    if data is None or len(data) != whole:
        return data
    return data.iloc[chosen] if hasattr(data, "iloc") else data[chosen]


def install(engine: Any, trains: Callable[[Any], Any]) -> None:
    """From now on, calls of train() are handed over."""
    original = engine.train

    @functools.wraps(original)
    def train(params: Any, train_set: Any, *args: Any, **kwargs: Any) -> Any:
        return trains(Training(original, params, train_set, args, kwargs))

    engine.train = train


HOOKS: dict[str, Callable[[Any, Callable[[Any], Any]], None]] = {"lightgbm.engine": install}
