"""TensorFlow jobs on a GPU that is not there: run small on the CPU as they would go there."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from tests.environments import XLA, interpreter_with
from tests.integration.xla.test_small_runs import LOOP as OWN_LOOP
from tests.integration.xla.test_small_runs import script

import memfit
from memfit.documents import Estimate
from memfit.errors import UsageError
from memfit.quantities import MIB

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(interpreter_with("tensorflow") is None, reason="make xla"),
]
KERAS = """
    import keras, numpy as np
    from keras import layers
    model = keras.Sequential([keras.Input((512,)), layers.Dense(1024), layers.Dense(256), layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(np.random.rand(2048, 512).astype("float32"), np.random.randint(0, 10, 2048), batch_size=512, verbose=0)
"""
LOOP = OWN_LOOP.replace(".batch(8192)", ".batch(8192).prefetch(8)")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)


def estimate(folder: Path, code: str, on: str = "rtx4090-24gb") -> Estimate:
    return memfit.estimate(script(folder, code), on=on, python=str(XLA))


def test_an_executors_tensors_are_told_one_by_one(tmp_path: Path) -> None:
    """The results of eight layers are kept, a gradient is on its way, and no batch that waits counts."""
    found = estimate(tmp_path, LOOP)

    pool, told = found.pool("cuda:0"), {each.slug: each.text for each in found.assumptions}
    assert "batches of 512 and 1024 instead of 8192" in told["executed-on-cpu"]
    result = 8192 * 512 * 4
    assert pool.allocated_peak_bytes is not None
    # The whole batch takes 10 and what is held; which thread is ahead when a small one runs is worth one or two more.
    assert 10 * result <= pool.allocated_peak_bytes <= 14 * result
    assert pool.peak_bytes.high > pool.allocated_peak_bytes
    assert pool.capacity_bytes is not None
    assert pool.capacity_bytes < 23 * 1024 * MIB  # TensorFlow leaves a part to the system
    assert "tensorflow-preallocates" in told
    assert found.pool("host").breakdown_bytes["framework"] > 300 * MIB


def test_keras_compiles_there_what_it_does_not_compile_here(tmp_path: Path) -> None:
    """jit_compile="auto" asks for a device; weights and Adam's two states are held between steps."""
    found = estimate(tmp_path, KERAS)

    pool, told = found.pool("cuda:0"), {each.slug: each.text for each in found.assumptions}
    weights = 4 * (512 * 1024 + 1024 + 1024 * 256 + 256 + 256 * 10 + 10)
    assert "plan-of-the-cpu" in told
    assert 3 * weights <= pool.breakdown_bytes["parameters"] <= 3 * weights + MIB
    assert pool.breakdown_bytes["activations"] >= weights  # gradients at the least
    assert found.pool("host").breakdown_bytes["dataset"] == 2048 * 512 * 4 + 2048 * 8


@pytest.mark.parametrize(("on", "said"), [("2xrtx4090-24gb", "one device"), ("v5e", "NVIDIA")])
def test_devices_that_cannot_be_told_are_refused(tmp_path: Path, on: str, said: str) -> None:
    """Several of them, and those that are no NVIDIA GPU."""
    with pytest.raises(UsageError, match=said):
        estimate(tmp_path, LOOP, on)


OBJECT = """
    import os, sys
    os.environ["KERAS_BACKEND"] = sys.argv[1]
    import keras, memfit
    model = keras.Sequential([keras.Input((512,)), keras.layers.Dense(1024), keras.layers.Dense(10)])
    model.compile("adam", "mse")
    found = memfit.estimate(model, batch=(((256, 512), "float32"), ((256, 10), "float32")), on="rtx4090-24gb")
    pool = found.pool("cuda:0")
    print(found.target["kind"], found.target["name"], pool.breakdown_bytes["parameters"], pool.allocated_peak_bytes)
"""


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_model_of_keras_is_estimated_as_an_object(tmp_path: Path, backend: str) -> None:
    """Built again in a process of its own: weights, Adam's two states, and a gradient at the least."""
    path = tmp_path / "ask.py"
    path.write_text(textwrap.dedent(OBJECT), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(memfit.__file__).parents[1])}
    ended = subprocess.run([str(XLA), str(path), backend], capture_output=True, text=True, check=True, env=environment)

    kind, name, parameters, peak = ended.stdout.split()
    weights = 4 * (512 * 1024 + 1024 + 1024 * 10 + 10)
    assert (kind, name) == ("model", "Sequential")
    assert 3 * weights <= int(parameters) <= 3 * weights + MIB
    assert int(peak) >= int(parameters) + weights
