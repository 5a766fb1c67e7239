"""xgboost.train() in a script: the call, and its matrix cut down to some of its rows for a probe.

A DMatrix can be sliced; a QuantileDMatrix cannot, and the probe says so. The classes of scikit-learn's shape are seen
as estimators before they come here.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from typing import Any


class Training:
    """One call of train(), not made yet. As scikit-learn's Fit: see there."""

    label = "xgboost.train"
    framework, kind = "xgboost", "Booster"
    gives_result = True
    data_bytes = 0  # the matrix is XGBoost's own: it is in what the process holds

    def __init__(self, original: Callable[..., Any], params: Any, matrix: Any, args: Any, kwargs: Any) -> None:
        self.original, self.matrix, self.args, self.kwargs = original, matrix, args, kwargs
        self.params: dict[str, Any] = dict(params)
        self.changed: dict[str, Any] = {}
        self.estimator: Any = None

    @property
    def rows(self) -> int:
        return int(self.matrix.num_row())

    @property
    def columns(self) -> int:
        return int(self.matrix.num_col())

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.params, self.matrix, *self.args, **self.kwargs)

    def prepare(self, rows: int) -> Any:
        """A part of the matrix, in the place of the whole among the evaluation sets too."""
        if rows >= self.rows:
            return self.matrix, self.kwargs
        part = self.matrix.slice(sorted(random.Random(0).sample(range(self.rows), rows)))
        sets = [(part if each is self.matrix else each, name) for each, name in self.kwargs.get("evals") or ()]
        return part, {**self.kwargs, **({"evals": sets} if sets else {})}

    def __call__(self, prepared: Any) -> Any:
        part, kwargs = prepared
        return self.original(self.params, part, *self.args, **kwargs)


def install(training: Any, trains: Callable[[Any], Any]) -> None:
    """From now on, calls of train() are handed over."""
    original = training.train

    @functools.wraps(original)
    def train(params: Any, dtrain: Any, *args: Any, **kwargs: Any) -> Any:
        return trains(Training(original, params, dtrain, args, kwargs))

    training.train = train


HOOKS: dict[str, Callable[[Any, Callable[[Any], Any]], None]] = {"xgboost.training": install}
