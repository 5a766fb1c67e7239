"""What a recorder is told of scikit-learn, XGBoost, LightGBM, Keras and TensorFlow jobs, which compute the same.

The jobs run in interpreters of their own, which have those packages and not memfit: `make setup` sets them up.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.environments import interpreter_with
from tests.integration.recording.conftest import Marked, Run

pytestmark = pytest.mark.slow

Same = Callable[..., Marked]


@pytest.fixture
def same(run: Run) -> Same:
    """Runs a script bare and marked, holds that both say the same, and returns what was marked."""

    def same(script: str, package: str, **more: str) -> Marked:
        python = interpreter_with(package)
        if python is None:
            pytest.skip(f"no interpreter with {package}: `make setup`")
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", **more}
        marked = run(script, python=str(python), more=quiet)
        bare = run(script, python=str(python), more=quiet, marked=False)
        assert marked.code == 0, marked.stderr
        assert marked.stdout == bare.stdout
        assert marked.stdout
        assert marked.notes == []
        return marked

    return same


DATA = """
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(300, 5)), rng.integers(0, 2, 300)
"""


def test_a_pipeline_is_one_fit(same: Same) -> None:
    """Its parts are phases within."""
    script = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
model = make_pipeline(StandardScaler(), LogisticRegression())
for _ in range(3):
    model.fit(X, y)
print(model.predict(X).sum(), model.score(X, y), model.predict_proba(X)[0, 0].hex(), np.random.rand().hex() > "")
"""
    marked = same(DATA + script, "sklearn")

    assert marked.counts["fit"] == 3
    assert marked.counts["predict"] == 3  # score() predicts as well
    assert {"fit", "StandardScaler.fit", "LogisticRegression.fit"} <= set(marked.totals)
    assert "sklearn" in marked.of("v")[0][2]


def test_fits_in_steps_and_warm_starts(same: Same) -> None:
    """partial_fit(), and fit() again and again with more trees."""
    script = """
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
model = SGDClassifier(random_state=0)
for _ in range(20):
    model.partial_fit(X, y, classes=[0, 1])
forest = RandomForestClassifier(warm_start=True, random_state=0, n_jobs=2)
for trees in range(10, 60, 10):
    forest.set_params(n_estimators=trees).fit(X, y)
print(model.coef_.sum().hex(), forest.predict_proba(X)[:, 0].sum().hex())
"""
    assert same(DATA + script, "sklearn").counts["fit"] == 25


def test_searches_with_workers_and_own_estimators(same: Same) -> None:
    """An estimator of the script's own travels to worker processes as ever; a search is one fit."""
    script = """
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV
import inspect, pickle
class Own(ClassifierMixin, BaseEstimator):
    def __init__(self, c=1): self.c = c
    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y); return self
    def predict(self, X): return np.full(len(X), self.classes_[self.c % 2])
if __name__ == "__main__":
    from sklearn.linear_model import Ridge
    search = GridSearchCV(Own(), {"c": [1, 2, 3]}, n_jobs=2).fit(X, y)
    print(search.best_params_, clone(search.best_estimator_), inspect.signature(Ridge.fit), inspect.signature(Own.fit))
    print(pickle.loads(pickle.dumps(Ridge.fit)) is Ridge.fit, Ridge.fit.__doc__[:20])
"""
    marked = same(DATA + script, "sklearn")

    assert marked.counts["fit"] >= 1
    assert marked.totals["fit"][0] == 1


def test_rounds_of_xgboost(same: Same) -> None:
    """By its own train(), by its scikit-learn classes, by an own objective, by hand."""
    script = """
import xgboost
data = xgboost.DMatrix(X, y)
booster = xgboost.train({"max_depth": 2}, data, num_boost_round=10)
xgboost.train({}, data, num_boost_round=5, obj=lambda p, d: (p - d.get_label(), np.ones_like(p)))
model = xgboost.XGBClassifier(n_estimators=7).fit(X, y)
for at in range(3):
    booster.update(data, 10 + at)
print(booster.predict(data).sum(), model.predict_proba(X).sum())
"""
    marked = same(DATA + script, "xgboost")

    assert marked.counts["round"] == 25
    assert {"fit", "data", "predict"} <= set(marked.totals)


def test_rounds_of_lightgbm(same: Same) -> None:
    """By its own train() and by its scikit-learn classes."""
    script = """
import lightgbm
data = lightgbm.Dataset(X, y)
booster = lightgbm.train({"verbose": -1, "num_threads": 1}, data, num_boost_round=12)
model = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(X, y)
print(booster.predict(X).sum(), model.predict(X).sum())
"""
    marked = same(DATA + script, "lightgbm")

    assert marked.counts["round"] == 17
    assert {"fit", "data", "predict"} <= set(marked.totals)


KERAS = """
import keras
keras.utils.set_random_seed(0)
x, t = X.astype("float32"), y.astype("float32")
model = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(8), keras.layers.Dense(1)])
"""


@pytest.mark.parametrize("several", [1, 5])
def test_batches_and_epochs_of_keras(same: Same, several: int) -> None:
    """fit() with validation, evaluate(), predict(), save(); also where several batches run in one call."""
    script = f"""
model.compile("adam", "mse", steps_per_execution={several})
model.fit(x, t, batch_size=30, epochs=3, validation_data=(x, t), verbose=0)
print(model.evaluate(x, t, verbose=0), model.predict(x, verbose=0).sum())
model.save("m.keras")
"""
    marked = same(DATA + KERAS + script, "keras", KERAS_BACKEND="tensorflow")

    assert marked.counts["batch"] == 30
    assert marked.counts["epoch"] == 3
    assert "step" not in marked.counts
    assert marked.totals["evaluation"][0] == 4
    assert {"fit", "predict", "checkpoint"} <= set(marked.totals)


def test_batches_by_hand_of_keras(same: Same) -> None:
    """train_on_batch()."""
    script = """
model.compile("sgd", "mse")
print([float(model.train_on_batch(x[:8], t[:8])) for _ in range(10)])
"""
    assert same(DATA + KERAS + script, "keras", KERAS_BACKEND="tensorflow").counts == {"batch": 10}


@pytest.mark.parametrize("compiled", ["", "@tf.function"])
def test_loops_of_the_jobs_own_in_tensorflow(same: Same, compiled: str) -> None:
    """apply_gradients() in a loop, and a tf.function that computes gradients: a call is a step."""
    script = f"""
import tensorflow as tf
optimizer = keras.optimizers.Adam()
{compiled}
def step(a, b):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(a)[:, 0] - b) ** 2)
    optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
    return loss
@tf.function
def other(a):
    return a + 1
for _ in range(20):
    loss = step(x, t); other(x)
print(float(loss))
"""
    assert same(DATA + KERAS + script, "tensorflow", KERAS_BACKEND="tensorflow").counts == {"step": 20}


def test_steps_of_jax(same: Same) -> None:
    """A jitted function in which a gradient was traced; others, and those within, do not count."""
    script = """
import functools, jax, jax.numpy as jnp

@jax.jit
def prepared(x):
    return x / 2

@functools.partial(jax.jit, static_argnames="rate")
def step(weights, x, rate):
    value, gradient = jax.value_and_grad(lambda w: jnp.mean((prepared(x) @ w) ** 2))(weights)
    return weights - rate * gradient, value

weights = jnp.ones((8, 4))
for at in range(5):
    weights, value = step(weights, prepared(jnp.ones((16, 8))), rate=0.1)
print(float(value), step.__name__, prepared.lower(jnp.ones(3)).as_text()[:6])
"""

    assert same(script, "jax").counts == {"step": 5}


def test_gradients_of_jax_outside_of_functions(same: Same) -> None:
    """The first one sets the pace."""
    script = """
import jax, jax.numpy as jnp

first, second = (jax.grad(lambda w, p=p: jnp.sum(w**p)) for p in (2, 3))
weights = jnp.ones(4)
for at in range(3):
    weights = weights - 0.1 * first(weights) - 0.1 * second(weights)
print(weights)
"""

    assert same(script, "jax").counts == {"step": 3}
