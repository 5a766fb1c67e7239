"""A Keras job with smaller batches and few of them, on any backend: what fit() and its kin are given is cut."""

from __future__ import annotations

import functools
import inspect
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from memfit.probing.small_batches import SmallBatches

_BATCH = 32  # Keras's own where none is named (keras.src.trainers, 3.15.1)


def install_trainer(module: Any, small: SmallBatches) -> None:
    """One backend's trainer."""
    for cls in list(vars(module).values()):
        if isinstance(cls, type) and cls.__module__ == module.__name__:
            for name, cut in (("fit", _fit), ("evaluate", _evaluate), ("predict", _sized)):
                if name in vars(cls):
                    setattr(cls, name, _cut(vars(cls)[name], cut, small))
            for name in ("train_on_batch", "test_on_batch", "predict_on_batch"):
                if name in vars(cls):
                    setattr(cls, name, _cut(vars(cls)[name], _on_batch, small))


def _cut(original: Any, change: Callable[[dict[str, Any], SmallBatches], None], small: SmallBatches) -> Any:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:
            return original(*args, **kwargs)  # it says itself what is wrong
        small.model(next(iter(given.arguments.values())))
        change(given.arguments, small)
        return original(*given.args, **given.kwargs)

    return called


def _fit(given: dict[str, Any], small: SmallBatches) -> None:
    """An epoch of a few steps, and its validation."""
    for name in ("x", "y", "validation_data"):
        small.data(given.get(name))
    _sized(given, small)
    if given.get("validation_batch_size"):
        given["validation_batch_size"] = small.cut(given["validation_batch_size"])
    validation = given.get("validation_data")
    if validation is not None and not isinstance(validation, (tuple, list)):
        given["validation_data"] = _cut_dataset(validation, small)
    given["epochs"] = min(given.get("epochs", 1), given.get("initial_epoch", 0) + 1)
    given["steps_per_epoch"] = _fewer(given, "steps_per_epoch", small.steps)
    if validation is not None and not isinstance(validation, (tuple, list)):
        given["validation_steps"] = min(given.get("validation_steps") or small.steps, small.steps)


def _evaluate(given: dict[str, Any], small: SmallBatches) -> None:
    _sized(given, small)
    given["steps"] = _fewer(given, "steps", small.steps)


def _sized(given: dict[str, Any], small: SmallBatches) -> None:
    data = given.get("x")
    if _is_array(data):
        given["batch_size"] = small.cut(given.get("batch_size") or _BATCH)
    elif data is not None:
        given["x"] = _cut_dataset(data, small)


def _on_batch(given: dict[str, Any], small: SmallBatches) -> None:
    count = _count(given.get("x"))
    if count is None:
        return
    kept = small.cut(count)
    for name in ("x", "y", "sample_weight"):
        if given.get(name) is not None:
            given[name] = _first(given[name], kept)


def _fewer(given: dict[str, Any], name: str, steps: int) -> int:
    """Steps of an epoch: not more than the data has, where that can be told."""
    asked, data = given.get(name), given.get("x")
    if asked is not None:
        return min(int(asked), steps)
    count, size = _count(data), given.get("batch_size") or _BATCH
    if count is not None and _is_array(data):
        return min(steps, max(-(-count // size), 1))
    length = getattr(data, "__len__", None)
    try:
        return min(steps, int(length())) if length is not None else steps
    except TypeError:  # a dataset of unknown or no end
        return steps


def _is_array(data: Any) -> bool:
    return _count(data) is not None


def _count(data: Any) -> int | None:
    """Rows of an array, or of the first in a structure of them; None for datasets and generators."""
    if isinstance(data, dict):
        return next((_count(each) for each in data.values()), None)
    if isinstance(data, (list, tuple)) and data:
        return _count(data[0])
    shape = getattr(data, "shape", None)
    return int(shape[0]) if shape is not None and len(shape) and shape[0] is not None else None


def _first(data: Any, count: int) -> Any:
    if isinstance(data, dict):
        return {name: _first(each, count) for name, each in data.items()}
    if isinstance(data, (list, tuple)):
        return type(data)(_first(each, count) for each in data)
    return data[:count] if hasattr(data, "shape") and len(data.shape) else data


def _cut_dataset(data: Any, small: SmallBatches) -> Any:
    """A PyDataset, a generator or a torch loader whose batches are cut; a tf.data.Dataset was cut when it was made."""
    base = getattr(sys.modules.get("keras.src.trainers.data_adapters.py_dataset_adapter"), "PyDataset", None)
    if base is not None and isinstance(data, base):
        original = type(data).__getitem__
        if not getattr(original, "_memfit_cut", False):
            type(data).__getitem__ = _cut_item(original, small)
        return data
    if inspect.isgenerator(data):
        return (_first(batch, small.cut(_count(batch) or 1)) for batch in data)
    return data


def _cut_item(original: Any, small: SmallBatches) -> Any:
    @functools.wraps(original)
    def item(self: Any, index: int) -> Any:
        batch = original(self, index)
        return _first(batch, small.cut(_count(batch) or 1))

    item._memfit_cut = True  # type: ignore[attr-defined]
    return item


def has_started() -> bool:
    """Never: its backends start, and an import of torch alone starts no threads."""
    return False


HOOKS: dict[str, Callable[[Any, SmallBatches], None]] = {
    f"keras.src.backend.{name}.trainer": install_trainer for name in ("tensorflow", "jax", "torch", "numpy")
}
