"""A Keras model as an object → the script that builds it again in a process of its own, and the batch it is given.

What goes there is Keras's own serialised configuration: names of classes and numbers, no weights and no code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memfit.errors import UsageError

_SCRIPT = """import os
import sys

os.environ["KERAS_BACKEND"] = {backend!r}
sys.path.extend({path!r})
import keras

from memfit.recipes.keras_model import run

run({file!r})
"""
_IN_THE_SCRIPT = '"module": "__main__"'
_HINT = "memfit.estimate(model, batch=(x, y), on=...): arrays, specs or (shape, dtype) pairs, in the model's structure"


def is_keras_model(target: Any) -> bool:
    """Whether an object is a model of Keras 3, whose modules are loaded then."""
    return any(cls.__module__.startswith("keras.src.models") for cls in type(target).__mro__)


def write_script(model: Any, batch: Sequence[Any] | None, optimizer: str | None, folder: Path) -> Path:
    """The script that trains a model like this one, or predicts where it is not compiled and no optimizer is named.

    Args:
        model: of Keras.
        batch: (x,) or (x, y), as Keras takes them.
        optimizer: a name in keras.optimizers, None for what the model was compiled with.
        folder: an empty one.

    Raises:
        UsageError: there is no batch, or the model cannot be built again elsewhere.
    """
    if batch is None:
        raise UsageError("a model alone does not say how large its batch is", hint=_HINT, slug="no-batch")
    keras: Any = sys.modules["keras"]
    given = batch if isinstance(batch, (tuple, list)) and not _is_pair(batch) else (batch,)
    try:
        text = json.dumps(
            {
                "model": keras.saving.serialize_keras_object(model),
                "batch": [_shapes(each) for each in given],
                "optimizer": optimizer,
            }
        )
    except (TypeError, ValueError, NotImplementedError) as error:
        raise UsageError(
            f"this model cannot be built again in a process of its own: {error}",
            hint="give the script that builds and trains it",
            slug="bad-target",
        ) from error
    if _IN_THE_SCRIPT in text:
        raise UsageError(
            "this model has classes or functions of the running script: another process cannot import them",
            hint="move them to a module, or give memfit the script that builds and trains the model",
            slug="bad-target",
        )
    file = folder / "model.json"
    file.write_text(text, encoding="utf-8")
    script = folder / "fit.py"
    known = [each for each in sys.path if each]
    told = _SCRIPT.format(backend=keras.backend.backend(), path=known, file=str(file))
    script.write_text(told, encoding="utf-8")
    return script


def _is_pair(value: Any) -> bool:
    """Whether something is (shape, dtype)."""
    return (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and isinstance(value[0], (tuple, list))
        and all(isinstance(each, int) for each in value[0])
        and not isinstance(value[1], (tuple, list, dict))
        and not hasattr(value[1], "shape")
    )


def _shapes(value: Any) -> Any:
    """The same structure with shapes and types alone."""
    if isinstance(value, Mapping):
        return {str(name): _shapes(each) for name, each in value.items()}
    if _is_pair(value):
        return _shape(value[0], value[1])
    if isinstance(value, (tuple, list)):
        return [_shapes(each) for each in value]
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        raise UsageError(
            f"a batch is of arrays or their shapes, got {type(value).__name__}", hint=_HINT, slug="no-batch"
        )
    return _shape(value.shape, value.dtype)


def _shape(shape: Any, dtype: Any) -> dict[str, Any]:
    sizes = list(shape)
    if any(not isinstance(size, int) for size in sizes):
        told = "×".join("?" if size is None else str(size) for size in sizes)
        raise UsageError(f"a batch has sizes that are not known: {told}", hint=_HINT, slug="no-batch")
    name = str(getattr(dtype, "name", dtype)).rpartition(".")[2]
    return {"shape": sizes, "dtype": name}
