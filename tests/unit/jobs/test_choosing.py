"""Which scripts are simulated, run to their fits, or run small, by what they import."""

from __future__ import annotations

from pathlib import Path

import pytest

from memfit.errors import UsageError
from memfit.jobs.choosing import keras_backend, way_of


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("from sklearn.ensemble import RandomForestClassifier", "probed"),
        ("def main():\n    import xgboost as xgb", "probed"),
        ("import torch\nfrom sklearn.model_selection import train_test_split", "simulated"),
        ("import numpy", "simulated"),
        ("import sklearn\nthis is no Python", "simulated"),
        ("import tensorflow as tf\nimport sklearn", "anchored"),
        ("from tensorflow import keras", "anchored"),
        ("import keras", "anchored"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'torch'\nimport keras", "anchored"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'torch'\nimport keras, torch\ntorch.nn.Linear(2, 2)", "simulated"),
        ("import torch\ntorch.nn.Linear(2, 2)\nimport tensorflow", "simulated"),
        ("import jax\nimport optax", "anchored"),
        ("import jax\nfrom torch.utils.data import DataLoader", "anchored"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras", "anchored"),
    ],
)
def test_the_way_of_a_script_is_told_by_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, way: str
) -> None:
    """scikit-learn beside torch is a torch job; a script that cannot be read is left to the usual way."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")

    assert way_of(str(script), module=False) == way


def test_keras_on_torch_is_simulated_on_a_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the host alone it is run small; on JAX it is planned, on TensorFlow run small."""
    script = tmp_path / "train.py"
    script.write_text("import keras", encoding="utf-8")
    for backend, way in (("torch", "simulated"), ("jax", "planned"), ("tensorflow", "anchored")):
        monkeypatch.setenv("KERAS_BACKEND", backend)

        assert way_of(str(script), module=False, on_device=True) == way


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("import jax\nimport tensorflow_datasets", "planned"),
        ("import flax, tensorflow", "planned"),
        ("import tensorflow", "anchored"),
        ("import torch, jax\ntorch.nn.Linear(2, 2)", "simulated"),
    ],
)
def test_jobs_of_jax_are_planned_on_a_device(tmp_path: Path, text: str, way: str) -> None:
    """TensorFlow beside it reads the data; a job of torch stays one."""
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")

    assert way_of(str(script), module=False, on_device=True) == way


def test_the_backend_of_keras_comes_from_its_file_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Script, environment, ~/.keras/keras.json, TensorFlow: in this order."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert keras_backend("import keras") == "tensorflow"

    (tmp_path / "keras.json").write_text('{"backend": "jax"}', encoding="utf-8")
    assert keras_backend("import keras") == "jax"

    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert keras_backend("import keras") == "torch"


def test_a_script_that_is_not_there_is_no_matter_of_choice() -> None:
    """Its own message comes from elsewhere."""
    assert way_of("nowhere.py", module=False) == "simulated"


@pytest.mark.parametrize(
    ("code", "way"),
    [
        ("import jax", "unrun"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'jax'\nimport keras", "unrun"),
        ("import os\nos.environ['KERAS_BACKEND'] = 'torch'\nimport keras", "simulated"),
        ("import torch", "simulated"),
    ],
)
def test_what_may_not_be_run_is_planned_or_simulated(code: str, way: str, tmp_path: Path) -> None:
    """JAX's own compiler plans for the CPU; Keras on torch goes the way that torch goes."""
    path = tmp_path / "train.py"
    path.write_text(code, encoding="utf-8")

    assert way_of(str(path), module=False, run=False) == way


def test_what_only_a_run_can_tell_is_refused_without_one(tmp_path: Path) -> None:
    """TensorFlow's executor has no plan."""
    path = tmp_path / "train.py"
    path.write_text("import tensorflow", encoding="utf-8")

    for on_device in (False, True):
        with pytest.raises(UsageError, match="executor"):
            way_of(str(path), module=False, run=False, on_device=on_device)
