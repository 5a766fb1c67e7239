"""Keras scripts on torch: steps are counted, layers named, the optimizer's slots told apart."""

from __future__ import annotations

import importlib.util
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")
if importlib.util.find_spec("keras") is None:
    pytest.skip("keras is not installed", allow_module_level=True)

from memfit import estimate
from memfit.quantities import MIB, Basis, Category

pytestmark = [pytest.mark.torch, pytest.mark.slow]

MODEL = """
    import keras, numpy as np
    inputs = keras.Input((256,))
    x = keras.layers.Dense(1024, activation="relu", name="wide")(inputs)
    x = keras.layers.Dropout(0.1)(x)
    model = keras.Model(inputs, keras.layers.Dense(10, name="head")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x = np.random.rand(4096, 256).astype("float32")
    y = np.random.randint(0, 10, 4096)
"""
WEIGHTS = 4 * (256 * 1024 + 1024 + 1024 * 10 + 10)


@pytest.fixture(autouse=True)
def on_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")


def script(folder: Path, code: str) -> str:
    path = folder / "train_keras.py"
    path.write_text(textwrap.dedent(MODEL) + textwrap.dedent(code), encoding="utf-8")
    return str(path)


def test_fit_is_cut_after_the_steps_asked_for_and_validates(tmp_path: Path) -> None:
    """Three steps of an epoch of sixteen, then the validation; Adam's two slots are optimizer state."""
    code = """
    model.compile("adam", loss)
    model.fit(x, y, batch_size=256, epochs=50, validation_split=0.1, verbose=0)
    """

    found = estimate(script(tmp_path, code), on="rtx4090-24gb", steps=3)

    pool = found.pool("cuda:0")
    assert 3 <= len(pool.steps) <= 6
    assert pool.breakdown_bytes["parameters"] == pytest.approx(WEIGHTS, abs=2048)
    assert pool.breakdown_bytes["optimizer_state"] == pytest.approx(2 * WEIGHTS, abs=8192)
    assert any("wide" in where for _, _, where in pool.top)
    assert "epoch-cut-short" in {each.slug for each in found.assumptions}


def test_a_custom_loop_and_accumulated_gradients_are_followed(tmp_path: Path) -> None:
    """A loop that calls the optimizer itself; gradient accumulation keeps one more copy of the weights."""
    code = """
    import torch
    optimizer = keras.optimizers.SGD(momentum=0.9, gradient_accumulation_steps=2)
    for at in range(8):
        value = loss(y[:256], model(x[:256], training=True))
        model.zero_grad()
        value.backward()
        weights = model.trainable_weights
        with torch.no_grad():
            optimizer.apply([each.value.grad for each in weights], weights)
    """

    found = estimate(script(tmp_path, code), on="rtx4090-24gb", steps=3)

    pool = found.pool("cuda:0")
    assert len(pool.steps) == 3
    assert pool.breakdown_bytes["optimizer_state"] == pytest.approx(2 * WEIGHTS, abs=8192)


def test_half_precision_halves_what_is_kept_for_the_backward_pass(tmp_path: Path) -> None:
    """The mixed policies compute in 16 bits and keep 32-bit weights; float16 brings a LossScaleOptimizer."""
    code = """
    model.compile("adam", loss)
    model.fit(x, y, batch_size=4096, verbose=0)
    """
    plain = estimate(script(tmp_path, code), on="rtx4090-24gb")
    mixed = script(tmp_path, code)
    text = Path(mixed).read_text(encoding="utf-8")
    policy = 'import keras, numpy as np; keras.mixed_precision.set_global_policy("mixed_float16")'
    Path(mixed).write_text(text.replace("import keras, numpy as np", policy), encoding="utf-8")

    found = estimate(mixed, on="rtx4090-24gb")

    before, after = plain.pool("cuda:0"), found.pool("cuda:0")
    assert after.allocated_peak_bytes < before.allocated_peak_bytes
    assert after.breakdown_bytes["optimizer_state"] == pytest.approx(2 * WEIGHTS, abs=8192)


def test_the_imports_of_keras_count(tmp_path: Path) -> None:
    """Keras imports torch's compiler, as a job of torch without an optimizer does not: it is in the figure."""
    code = """
    model.compile("sgd", loss)
    model.predict(x[:512], batch_size=128, verbose=0)
    """

    found = estimate(script(tmp_path, code), on="cpu")

    measured = [
        part.range.expected
        for part in found.pool("host").components
        if part.category is Category.FRAMEWORK and part.basis is Basis.MEASURED
    ]
    assert sum(measured) > 330 * MIB
