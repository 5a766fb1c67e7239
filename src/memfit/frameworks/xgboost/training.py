"""xgboost.train() and xgboost.cv() in a script: the call, and its matrix cut down to some of its rows for a probe.

A DMatrix can be sliced. One of quantiles cannot: it stands in the script's process, and a few rounds on the whole of it
are probed. One of an iterator is made anew of some of its batches (batches.py). One of a file in external memory is
read by threads, which a fork has not: a few rounds are made as they are. Classes of scikit-learn's shape are seen as
estimators before that.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from memfit.errors import UsageError
from memfit.frameworks.xgboost import batches
from memfit.frameworks.xgboost.batches import Batches, batches_of, made_anew, remade_bytes, timing_bytes
from memfit.frameworks.xgboost.scaling import histogram_bytes
from memfit.probing.calls import Given, Learner, TrainingCall, Trains
from memfit.probing.columns import MOST_VALUES, stored_columns_of
from memfit.probing.cutting import some_of
from memfit.probing.scaling import ColumnsAlike

_FEW_ROUNDS = 5  # 1, 10 and 50 rounds peaked within 1 % of each other
# Of external memory trees have the peak, and later ones have more nodes: 1, 5, 15 and 60 rounds of depth 8 on 720,000 x
# 20 in 24 batches peaked at 208, 221, 237 and 251 MiB (XGBoost 3.2.0), where histograms of all nodes have 20 MiB.
_EXTERNAL_ROUNDS = 10
_DEFAULT_ROUNDS = 10
_SPARSE_SHARE = 0.5  # of the cells: below, columns are looked at one by one


class Training(TrainingCall):
    """One call of train() or cv().

    Args:
        original: the function.
        params, matrix, args, kwargs: what it was called with.
    """

    gives_result = True
    few_rounds, of_more_rounds = _FEW_ROUNDS, "which hardly changes the peak"

    def __init__(self, original: Callable[..., Any], params: Any, matrix: Any, args: Any, kwargs: Any) -> None:
        super().__init__()
        self.original, self.matrix, self.args, self.kwargs = original, matrix, args, kwargs
        self.params = dict(params)
        self.label = f"xgboost.{original.__name__}"
        self.sliceable = type(matrix).__name__ == "DMatrix" and self._can_be_sliced()
        # What an iterator feeds from files is read ahead by threads, which a fork has not.
        self.forkable = self.sliceable or type(matrix).__name__ == "QuantileDMatrix"

    @property
    def rows(self) -> int:
        return int(self.matrix.num_row())

    @property
    def columns(self) -> int:
        return int(self.matrix.num_col())

    @functools.cached_property
    def stored_columns(self) -> tuple[ColumnsAlike, ...]:
        """Of a sliceable matrix with few of its cells, by some of its rows; what is missing is not stored either."""
        share = self.given().filled
        if not self.sliceable or share is None or share >= _SPARSE_SHARE or not hasattr(self.matrix, "get_data"):
            return ()
        rows = min(max(round(MOST_VALUES / max(share * self.columns, 1)), 1), self.rows)
        return stored_columns_of(self.matrix.slice(some_of(self.rows, rows)).get_data())

    def given(self) -> Given:
        cells = int(self.matrix.num_row()) * self.columns  # of a matrix of the first batch too
        stored = getattr(self.matrix, "num_nonmissing", None)
        others = [each for each, _ in self.kwargs.get("evals") or () if each is not self.matrix]
        return Given(
            filled=min(stored() / cells, 1.0) if stored is not None and cells else None,
            classes=int(self.params.get("num_class") or 0),
            evaluated=tuple(int(each.num_row()) for each in others),
            weighted=bool(len(self.matrix.get_weight())),
            stored_matrix=type(self.matrix).__name__ == "DMatrix",
        )

    def learners(self) -> Iterable[Learner]:
        return [Learner("xgboost", "Booster", self.params, path=None)]

    def whole(self) -> Any:
        """The call as the script made it."""
        return self.original(self.params, self.matrix, *self.args, **self.kwargs)

    def alone(self) -> Any:
        """With one thread; with few rounds what could not be probed in a fork."""
        args, kwargs = (self.args, self.kwargs) if self.forkable else self._fewer_rounds()
        return self.original({**self.params, **self.on_host, "nthread": 1}, self.matrix, *args, **kwargs)

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """A part of the matrix, in the place of the whole among the evaluation sets too; a few rounds."""
        args, kwargs = self._fewer_rounds() if lighter else (self.args, self.kwargs)
        if rows >= self.rows or not self.sliceable:
            return self.matrix, args, kwargs
        part = self.matrix.slice(some_of(self.rows, rows))
        sets = [(part if each is self.matrix else each, name) for each, name in kwargs.get("evals") or ()]
        return part, args, {**kwargs, **({"evals": sets} if sets else {})}

    def __call__(self, prepared: Any) -> Any:
        part, args, kwargs = prepared
        return self.original({**self.params, **self.on_host, **self.changed}, part, *args, **kwargs)

    def _fewer_rounds(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        rounds = self.args[0] if self.args else self.kwargs.get("num_boost_round", _DEFAULT_ROUNDS)
        if not isinstance(rounds, int) or rounds <= self.few_rounds:
            return self.args, self.kwargs
        self.notes.append(f"probed with {self.few_rounds} rounds instead of {rounds}, {self.of_more_rounds}")
        if self.args:
            return (self.few_rounds, *self.args[1:]), self.kwargs
        return self.args, {**self.kwargs, "num_boost_round": self.few_rounds}

    def _can_be_sliced(self) -> bool:
        try:
            self.matrix.slice([0])
        except Exception:  # of a ranking, with groups; of external memory
            return False
        return True


class BatchTraining(Training):
    """A call of train() or cv() on a matrix of an iterator: probes make it anew of some batches, which is measured too.

    Args:
        made_of: the batches of the matrix.
    """

    def __init__(
        self, original: Callable[..., Any], params: Any, matrix: Any, args: Any, kwargs: Any, made_of: Batches
    ) -> None:
        super().__init__(original, params, matrix, args, kwargs)
        self.made_of = made_of
        self.forkable = True
        self.sizes = made_of.sizes
        self.remade_bytes, self.unsure_bytes = remade_bytes(), timing_bytes(made_of)
        if made_of.external:
            self.few_rounds, self.of_more_rounds = _EXTERNAL_ROUNDS, "whose trees may have more nodes: in the high end"
            self.unsure_bytes += histogram_bytes(self.params, self.rows, self.columns)

    @property
    def rows(self) -> int:
        return sum(self.made_of.rows)

    @property
    def columns(self) -> int:
        return self.made_of.columns

    def given(self) -> Given:
        first = super().given()
        sets = [(each, batches_of(each)) for each, _ in self.kwargs.get("evals") or () if each is not self.matrix]
        rows = (int(each.num_row()) if made is None else sum(made.rows) for each, made in sets)
        return first._replace(
            evaluated=tuple(rows),
            page_rows=max(self.made_of.rows) if self.made_of.external else None,
            pages_on_host=bool(getattr(self.made_of.iterator, "on_host", True)),
        )

    def keep_on_host(self, settings: dict[str, Any]) -> None:
        if self.made_of.kind.__name__ == "ExtMemQuantileDMatrix":
            raise UsageError(
                f"{self.label} on a GPU with an ExtMemQuantileDMatrix: XGBoost wants its batches on the GPU and stops "
                "at others, and memfit makes matrices on the CPU alone",
                hint="DMatrix(iterator) takes batches in host memory and is estimated, page by page; `memfit run` "
                "measures this one on its machine",
                slug="fit-on-device",
            )
        super().keep_on_host(settings)

    def prepare(self, rows: int, *, lighter: bool = True) -> Any:
        """The share of the batches that a probe has, and a few rounds."""
        args, kwargs = self._fewer_rounds() if lighter else (self.args, self.kwargs)
        self.notes.append(
            f"its matrix comes batch by batch, {len(self.made_of.rows):,} of them: each probe made it of the first "
            "ones, the making is in the figure, and the script went on with a matrix of one"
        )
        return self.made_of.share_for(rows), args, kwargs

    def __call__(self, prepared: Any) -> Any:
        share, args, kwargs = prepared
        with made_anew(share) as like:
            sets = [(like(each), name) for each, name in kwargs.get("evals") or ()]
            return super().__call__((like(self.matrix), args, {**kwargs, **({"evals": sets} if sets else {})}))


def install(training: Any, trains: Trains) -> None:
    """From now on, calls of train() and cv() are handed over."""
    for name in ("train", "cv"):
        setattr(training, name, _handed_over(getattr(training, name), trains))


def _handed_over(original: Callable[..., Any], trains: Trains) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(params: Any, dtrain: Any, *args: Any, **kwargs: Any) -> Any:
        made_of = batches_of(dtrain)
        if made_of is not None:
            return trains(BatchTraining(original, params, dtrain, args, kwargs, made_of))
        return trains(Training(original, params, dtrain, args, kwargs))

    return function


HOOKS: dict[str, Callable[[Any, Trains], None]] = {"xgboost.core": batches.install, "xgboost.training": install}
