"""A Keras model as an object becomes a script of its own: its configuration, its batch by shape, its backend."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memfit.api.keras_objects import is_keras_model, write_script
from memfit.errors import UsageError


class Spec:
    """What arrays, specs of JAX and TensorFlow, and KerasTensors have in common."""

    def __init__(self, *shape: int | None, dtype: Any = "float32") -> None:
        self.shape, self.dtype = shape, dtype


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What Keras would say of the model."""
    said: dict[str, Any] = {"module": "keras", "class_name": "Sequential"}
    keras = SimpleNamespace(
        saving=SimpleNamespace(serialize_keras_object=lambda model: said),
        backend=SimpleNamespace(backend=lambda: "jax"),
    )
    monkeypatch.setitem(sys.modules, "keras", keras)
    return said


def batch_of(folder: Path, batch: Any) -> Any:
    write_script(object(), batch, None, folder)
    return json.loads((folder / "model.json").read_text())["batch"]


def test_the_script_sets_the_backend_before_keras_is_imported(told: dict[str, Any], tmp_path: Path) -> None:
    """It is chosen at the import."""
    text = write_script(object(), [Spec(2, 3)], "adam", tmp_path).read_text()

    assert text.index("KERAS_BACKEND") < text.index("import keras")
    assert "'jax'" in text
    assert json.loads((tmp_path / "model.json").read_text()) == {
        "model": told, "batch": [{"shape": [2, 3], "dtype": "float32"}], "optimizer": "adam",
    }  # fmt: skip


def test_a_batch_keeps_its_structure(told: dict[str, Any], tmp_path: Path) -> None:
    """Names, lists, pairs of shape and type; types as numpy, TensorFlow and torch name them."""
    ids = {"ids": Spec(8, 128, dtype=SimpleNamespace(name="int32")), "mask": ((8, 128), "bool")}

    assert batch_of(tmp_path, (ids, [Spec(8, dtype="torch.int64"), ((8, 2), "float16")])) == [
        {"ids": {"shape": [8, 128], "dtype": "int32"}, "mask": {"shape": [8, 128], "dtype": "bool"}},
        [{"shape": [8], "dtype": "int64"}, {"shape": [8, 2], "dtype": "float16"}],
    ]
    assert batch_of(tmp_path, ((4, 3), "float32")) == [{"shape": [4, 3], "dtype": "float32"}]
    assert batch_of(tmp_path, Spec(4, 3)) == [{"shape": [4, 3], "dtype": "float32"}]


@pytest.mark.parametrize(
    ("batch", "said"),
    [(None, "how large"), ([Spec(None, 3)], "?×3"), (["text"], "got str")],
)
def test_a_batch_that_says_no_sizes_is_refused(told: dict[str, Any], tmp_path: Path, batch: Any, said: str) -> None:
    """With what was seen, and what to give."""
    with pytest.raises(UsageError) as failed:
        write_script(object(), batch, None, tmp_path)

    assert said in failed.value.message
    assert "batch=(x, y)" in str(failed.value.hint)


def test_classes_of_the_running_script_are_refused(told: dict[str, Any], tmp_path: Path) -> None:
    """Another process cannot import ``__main__``."""
    told["module"] = "__main__"

    with pytest.raises(UsageError, match="running script"):
        write_script(object(), [Spec(2, 3)], None, tmp_path)


def test_a_model_that_keras_cannot_serialise_is_refused(
    told: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subclass without get_config raises NotImplementedError."""

    def refuse(model: Any) -> Any:
        raise NotImplementedError("Object Mine was created by passing non-serializable arguments")

    monkeypatch.setattr(sys.modules["keras"].saving, "serialize_keras_object", refuse)
    with pytest.raises(UsageError, match="non-serializable"):
        write_script(object(), [Spec(2, 3)], None, tmp_path)


def test_other_objects_are_no_models_of_keras() -> None:
    """Nothing is imported to look."""
    assert not is_keras_model(len)
    assert is_keras_model(type("Mine", (type("Model", (), {"__module__": "keras.src.models.model"}),), {})())
