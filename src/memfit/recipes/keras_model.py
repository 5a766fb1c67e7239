"""A Keras model as it was handed over: a few steps of ``fit`` where it was compiled, of ``predict`` where it was not.

A script that memfit writes sets the backend, imports this and calls ``run`` with a file: the model's configuration and
its compilation's, as Keras serialises them, and the shapes of a batch. No weights are in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

_BATCHES = 64  # more than any estimate looks at


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """The same batch again and again.

    Args:
        batch: (x,) or (x, y).
    """

    def __init__(self, batch: tuple[Any, ...]) -> None:
        super().__init__()
        self.batch = batch

    def __len__(self) -> int:
        return _BATCHES

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return self.batch


class MeanOfAll(keras.losses.Loss):  # type: ignore[misc]
    """What a model without a loss of its own is trained by."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The mean, whatever is asked for."""
        return keras.ops.mean(y_pred)


def run(file: str) -> None:
    """Build the model and give it batches of zeros.

    Args:
        file: JSON with "model" (a Keras configuration), "batch" ([x] or [x, y], an array as {"shape", "dtype"} in
            lists and objects) and "optimizer", null for the model's own.
    """
    told = json.loads(Path(file).read_text(encoding="utf-8"))
    model: Any = keras.saving.deserialize_keras_object(told["model"])
    batch = tuple(zeros(each) for each in told["batch"])
    if told["optimizer"]:
        model.compile(optimizer=told["optimizer"], loss=getattr(model, "loss", None) or MeanOfAll())
    if getattr(model, "compiled", False):
        model.fit(Batches(batch), epochs=1, verbose=0)
    else:
        model.predict(Batches(batch[:1]), verbose=0)


def zeros(told: Any) -> Any:
    """Arrays of the shapes and types that are told, in the same structure."""
    if isinstance(told, list):
        return [zeros(each) for each in told]
    if set(told) == {"shape", "dtype"} and isinstance(told["dtype"], str):
        return np.zeros(told["shape"], told["dtype"])
    return {name: zeros(each) for name, each in told.items()}
