"""CatBoost's calls that train, seen without CatBoost: what is cut, what is said less, what is handed back."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from memfit.frameworks.catboost import scaling, training
from memfit.probing.calls import TrainingCall


class Pool:
    """Rows by number, as CatBoost's."""

    def __init__(self, rows: list[int]) -> None:
        self.rows = rows

    def num_row(self) -> int:
        return len(self.rows)

    def num_col(self) -> int:
        return 3

    def slice(self, chosen: list[int]) -> Pool:
        return Pool([self.rows[at] for at in chosen])


class CatBoostClassifier:
    """Learns how many rows it was given."""

    def __init__(self, **params: Any) -> None:
        self.params = params
        self.learnt: Any = None

    def get_params(self) -> dict[str, Any]:
        return self.params

    def set_params(self, **params: Any) -> None:
        self.params |= params

    def fit(self, X: Any, y: Any = None, eval_set: Any = None) -> CatBoostClassifier:
        self.learnt = (training._rows(X), None if y is None else len(y), None if eval_set is None else len(eval_set[0]))
        return self


def train(pool: Any = None, params: Any = None, iterations: Any = None) -> tuple[int, Any, Any]:
    return pool.num_row(), params, iterations


def cv(pool: Any = None, params: Any = None) -> tuple[int, Any]:
    return pool.num_row(), params


@pytest.fixture
def calls() -> tuple[Any, list[TrainingCall]]:
    """CatBoost's core module, and the calls that were handed over."""
    seen: list[TrainingCall] = []
    classifier = type("CatBoostClassifier", (CatBoostClassifier,), {"fit": CatBoostClassifier.fit})
    core = SimpleNamespace(CatBoostClassifier=classifier, train=train, cv=cv)
    training.install(core, lambda call: seen.append(call) or call.whole())
    return core, seen


def test_a_fit_is_cut_with_its_target_and_not_with_its_evaluation_set(calls: Any) -> None:
    """Rows of the table and of the target alike; what has other rows stays."""
    core, seen = calls
    model = core.CatBoostClassifier(iterations=500)
    other = np.zeros((40, 3))
    model.fit(np.zeros((100, 3)), np.zeros(100), eval_set=(other, other[:, 0]))

    call = seen[0]
    call.changed = {"iterations": 5}
    call(call.prepare(30))

    assert (call.label, call.rows, call.columns) == ("CatBoostClassifier.fit", 100, 3)
    assert model.learnt == (30, 30, 40)
    assert model.params == {"iterations": 5, "allow_writing_files": False}


def test_a_pool_is_sliced(calls: Any) -> None:
    """Its rows are evenly taken."""
    core, seen = calls
    model = core.CatBoostClassifier()
    model.fit(Pool(list(range(100))))

    seen[0](seen[0].prepare(25))

    assert model.learnt[0] == 25


def test_what_was_learnt_elsewhere_is_taken_over(calls: Any) -> None:
    """The estimator itself crosses the processes: what it holds is no data."""
    core, seen = calls
    model, other = core.CatBoostClassifier(), core.CatBoostClassifier()
    model.fit(np.zeros((10, 2)))
    other.learnt = "elsewhere"

    assert seen[0].learnt() is model
    seen[0].take(other)

    assert model.learnt == "elsewhere"


@pytest.mark.parametrize("name", ["train", "cv"])
def test_functions_are_given_a_part_of_their_pool_and_few_rounds(name: str, calls: Any) -> None:
    """By position or by name; rounds among the parameters too, which the caller's own stay without."""
    core, seen = calls
    mine = {"iterations": 300}
    getattr(core, name)(Pool(list(range(50))), params=mine)

    found = seen[0](seen[0].prepare(20))

    assert found[0] == 20
    assert found[1]["iterations"] == 5
    assert mine == {"iterations": 300}
    assert "5 rounds instead of 300" in seen[0].notes[0]
    assert seen[0].rows == 50


def test_probes_are_quiet_and_make_few_rounds() -> None:
    """Under the name that the script has for rounds; a script that talks keeps its own word for it."""
    found = scaling.scaling_of("CatBoostClassifier", {"n_estimators": 200, "verbose": 100}, 10)

    assert (found.repeats.parameter, found.repeats.wanted, found.repeats.kept) == ("n_estimators", 200, False)
    assert found.probe_params == {"allow_writing_files": False}
    assert "logging_level" in scaling.scaling_of("CatBoostClassifier", {}, 10).probe_params
    assert scaling.scaling_of("CatBoostClassifier", {"iterations": 3}, 10).repeats is None
