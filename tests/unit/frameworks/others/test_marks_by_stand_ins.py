"""The marks of the tabular frameworks against small stand-ins of their modules: what is told, once, to whom."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from memfit import registry
from memfit.frameworks.keras import marks as keras
from memfit.frameworks.lightgbm import marks as lightgbm
from memfit.frameworks.sklearn import marks as sklearn
from memfit.frameworks.tensorflow import marks as tensorflow
from memfit.frameworks.xgboost import marks as xgboost


class Told:
    """A recorder that remembers."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.phases: list[str] = []
        self.open: list[str] = []
        self.notes: list[str] = []

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        self.counts[unit] = self.counts.get(unit, 0) + count

    def begin(self, name: str) -> None:
        self.phases.append(name)
        self.open.append(name)

    def end(self, name: str) -> None:
        self.open.remove(name)

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.begin(name)
        try:
            yield
        finally:
            self.end(name)

    def note(self, slug: str, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def told() -> Any:
    return Told()


def test_every_framework_says_what_it_waits_for() -> None:
    """Each line of the table leads to a module with hooks."""
    for name, path in registry.MARKS.items():
        hooks = __import__(path, fromlist=["HOOKS"]).HOOKS

        assert hooks
        assert all(module.partition(".")[0] == name or name == "torch" for module in hooks)


def estimators(told: Any) -> Any:
    """A base class that is followed, a mixin that is none, and a pipeline of theirs."""

    class Mixin:
        def predict(self, X: Any) -> Any:
            return X

    class BaseEstimator:
        pass

    sklearn.install(SimpleNamespace(BaseEstimator=BaseEstimator), told)

    class Part(Mixin, BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Any:
            """Fit."""
            if X is None:
                raise ValueError("no data")
            return self

    class Whole(BaseEstimator):
        def fit(self, X: Any) -> Any:
            Part().fit(X)
            Part().predict(X)
            return self

    return Part, Whole


def test_the_outermost_call_is_the_fit(told: Any) -> None:
    """Its parts are phases of their own; the count is one."""
    _, whole = estimators(told)

    whole().fit([1])

    assert told.counts == {"fit": 1}
    assert told.phases == ["fit", "Part.fit", "Part.predict"]
    assert told.open == []


def test_a_fit_that_fails_is_the_jobs(told: Any) -> None:
    """The exception goes through, and nothing stays open."""
    part, whole = estimators(told)

    with pytest.raises(ValueError, match="no data"):
        whole().fit(None)

    assert told.open == []
    part().fit([1])
    assert told.counts == {"fit": 2}


def test_methods_look_as_they_did(told: Any) -> None:
    """Their signature, name and text; wrapped once although the module is told of twice."""
    import inspect

    part, _ = estimators(told)

    assert str(inspect.signature(part.fit)).startswith("(self, X: 'Any', y: 'Any' = None)")
    assert (part.fit.__name__, part.fit.__doc__) == ("fit", "Fit.")


def test_classes_of_the_script_are_left_alone(told: Any) -> None:
    """They travel to workers by value."""
    _, whole = estimators(told)

    own = type("Own", (whole.__mro__[1],), {"__module__": "__main__", "fit": lambda self: None})

    assert not hasattr(own.fit, "_memfit_followed")


def test_rounds_of_a_booster(told: Any) -> None:
    """An own objective makes update() call boost(): one round."""

    class Booster:
        def update(self) -> None:
            self.boost()

        def boost(self) -> None: ...

        def predict(self) -> int:
            return 3

    core = SimpleNamespace(Booster=Booster, DMatrix=type("DMatrix", (), {"__init__": lambda self: None}))
    for _ in range(2):  # told of twice, as after a reload
        xgboost.install_core(core, told)

    booster = Booster()
    core.DMatrix()
    booster.update()
    booster.boost()

    assert booster.predict() == 3
    assert told.counts == {"round": 2}
    assert told.phases == ["data", "predict"]


def test_rounds_of_lightgbm(told: Any) -> None:
    """train() is the fit, update() the round, the data set is built when it is needed."""

    class Booster:
        def update(self) -> bool:
            return False

        def predict(self) -> None: ...

    class Dataset:
        def construct(self) -> Any:
            return self

    def train() -> bool:
        Dataset().construct()
        return Booster().update()

    engine = SimpleNamespace(train=train, cv=train)
    lightgbm.install_basic(SimpleNamespace(Booster=Booster, Dataset=Dataset), told)
    lightgbm.install_engine(engine, told)

    assert engine.train() is False
    assert told.counts == {"round": 1}
    assert told.phases == ["fit", "data"]


def test_batches_of_keras_that_run_together(told: Any) -> None:
    """Five batches in a call count five, in every epoch anew."""

    class CallbackList:
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None: ...
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None: ...
        def on_test_begin(self, logs: Any = None) -> None: ...
        def on_test_end(self, logs: Any = None) -> None: ...
        def on_predict_begin(self, logs: Any = None) -> None: ...
        def on_predict_end(self, logs: Any = None) -> None: ...

    keras.install_callbacks(SimpleNamespace(CallbackList=CallbackList), told)
    callbacks = CallbackList()
    for epoch in range(2):
        for last in (4, 9):
            callbacks.on_train_batch_end(last)
        callbacks.on_test_begin()
        callbacks.on_test_end()
        callbacks.on_epoch_end(epoch)

    assert told.counts == {"batch": 20, "epoch": 2}
    assert told.phases == ["evaluation"] * 2
    assert told.open == []


def test_a_function_that_computes_gradients_is_a_step(told: Any) -> None:
    """Once it was traced with a gradient in it, each of its calls; others are none."""

    class GradientTape:
        def gradient(self) -> None: ...

    class Function:
        def __init__(self, body: Any) -> None:
            self.python_function, self.traced = body, False

        def __call__(self) -> None:
            if not self.traced:
                self.traced = True
                self.python_function()

    tensorflow.install_functions(SimpleNamespace(Function=Function), told)
    tensorflow.install_gradients(SimpleNamespace(GradientTape=GradientTape), told)
    inner = Function(lambda: GradientTape().gradient())
    step, other = Function(lambda: inner()), Function(lambda: None)

    for _ in range(5):
        step()
        other()

    assert told.counts == {"step": 5}


def test_a_trainer_of_keras(told: Any) -> None:
    """train_on_batch() is a batch, the optimizer's steps within it are not counted beside."""

    class Optimizer:
        def apply(self) -> None: ...

    class Trainer:
        def train_on_batch(self) -> int:
            Optimizer().apply()
            return 7

        def fit(self) -> None:
            Optimizer().apply()

    module = ModuleType("keras.src.backend.none.trainer")
    Trainer.__module__ = module.__name__
    module.Trainer = Trainer  # type: ignore[attr-defined]
    keras.install_trainer(module, told)
    keras.install_optimizer(SimpleNamespace(BaseOptimizer=Optimizer), told)

    assert Trainer().train_on_batch() == 7
    Trainer().fit()
    assert told.counts == {"batch": 1}
    assert told.phases == ["fit"]
