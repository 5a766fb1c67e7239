"""What a recorder is told of Keras jobs, on any backend: batches and epochs of fit(), evaluation, prediction, saving,
train_on_batch(), and the optimizer's steps in a loop of the job's own.
"""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks


class _Job:
    """What is open in this process.

    Args:
        marks: where it is told.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.training = 0
        self._batch = -1
        self._pace: weakref.ref[Any] | None = None

    def batch_ended(self, batch: Any) -> None:
        """``batch`` is the number of the last one within its epoch: several may be run at once."""
        number = batch if isinstance(batch, int) else self._batch + 1
        count = number - self._batch if number > self._batch else 1
        self._batch = number
        self.marks.iteration("batch", count)

    def epoch_ended(self) -> None:
        self._batch = -1
        self.marks.iteration("epoch")

    def applied(self, optimizer: Any) -> None:
        """An optimizer changed its variables in a loop that Keras does not run; the first one sets the pace."""
        if self.training or not _runs_now():
            return
        if self._pace is None or self._pace() is None:
            self._pace = weakref.ref(optimizer)
        if self._pace() is optimizer:
            self.marks.iteration("step")


def _runs_now() -> bool:
    """False while a function is only being traced: what is called then is not what runs."""
    backend = sys.modules.get("keras.src.backend")
    name = backend.backend() if backend is not None else "tensorflow"
    if name == "tensorflow":
        tensorflow = sys.modules.get("tensorflow")
        return tensorflow is not None and bool(tensorflow.executing_eagerly())
    return bool(name == "torch")


_job: _Job | None = None


def _told(marks: Marks) -> _Job:
    global _job
    if _job is None or _job.marks is not marks:
        _job = _Job(marks)
    return _job


def install_callbacks(module: Any, marks: Marks) -> None:
    """The list of callbacks that fit(), evaluate() and predict() call, whether the job has any or not."""
    _told(marks)
    callbacks = getattr(module, "CallbackList", None)
    if callbacks is None:
        return
    _after(callbacks, "on_train_batch_end", lambda job, args: job.batch_ended(args[0] if args else None))
    _after(callbacks, "on_epoch_end", lambda job, args: job.epoch_ended())
    for name, phase in {"test": "evaluation", "predict": "predict"}.items():
        _after(callbacks, f"on_{name}_begin", lambda job, args, phase=phase: job.marks.begin(phase))
        _after(callbacks, f"on_{name}_end", lambda job, args, phase=phase: job.marks.end(phase))


def install_trainer(module: Any, marks: Marks) -> None:
    """One backend's trainer: its fit() is a phase, its train_on_batch() a batch."""
    _told(marks)
    for cls in list(vars(module).values()):
        if isinstance(cls, type) and cls.__module__ == module.__name__:
            if "fit" in vars(cls):
                _wrap(cls, "fit", _fit)
            if "train_on_batch" in vars(cls):
                _wrap(cls, "train_on_batch", _on_batch)


def install_optimizer(module: Any, marks: Marks) -> None:
    """apply(), through which every step of every backend goes."""
    _told(marks)
    cls = getattr(module, "BaseOptimizer", None)
    if cls is not None:
        _wrap(cls, "apply", _apply)


def install_saving(module: Any, marks: Marks) -> None:
    """model.save(), model.save_weights()."""
    _told(marks)
    for name in ("save_model", "save_weights"):
        if hasattr(module, name):
            _wrap(module, name, _checkpoint)


def _wrap(owner: Any, name: str, wrapped: Callable[[Any], Any]) -> None:
    original = getattr(owner, name)
    if not getattr(original, "_memfit_followed", False):
        wrapper = wrapped(original)
        wrapper._memfit_followed = True
        setattr(owner, name, wrapper)


def _after(owner: Any, name: str, tell: Callable[..., None]) -> None:
    def wrapped(original: Any) -> Any:
        @functools.wraps(original)
        def followed(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, *args, **kwargs)
            tell(_job, args)
            return result

        return followed

    _wrap(owner, name, wrapped)


def _fit(original: Any) -> Any:
    @functools.wraps(original)
    def fit(*args: Any, **kwargs: Any) -> Any:
        job = _job
        job.training += 1  # type: ignore[union-attr]
        try:
            with job.marks.phase("fit"):  # type: ignore[union-attr]
                return original(*args, **kwargs)
        finally:
            job.training -= 1  # type: ignore[union-attr]

    return fit


def _on_batch(original: Any) -> Any:
    @functools.wraps(original)
    def train_on_batch(*args: Any, **kwargs: Any) -> Any:
        job = _job
        job.training += 1  # type: ignore[union-attr]
        try:
            return original(*args, **kwargs)
        finally:
            job.training -= 1  # type: ignore[union-attr]
            job.marks.iteration("batch")  # type: ignore[union-attr]

    return train_on_batch


def _apply(original: Any) -> Any:
    @functools.wraps(original)
    def apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        _job.applied(self)  # type: ignore[union-attr]
        return result

    return apply


def _checkpoint(original: Any) -> Any:
    @functools.wraps(original)
    def save(*args: Any, **kwargs: Any) -> Any:
        with _job.marks.phase("checkpoint"):  # type: ignore[union-attr]
            return original(*args, **kwargs)

    return save


HOOKS: dict[str, Callable[[Any, Marks], None]] = {
    "keras.src.callbacks.callback_list": install_callbacks,  # Keras 3
    "keras.src.callbacks": install_callbacks,  # Keras 2
    **{f"keras.src.backend.{name}.trainer": install_trainer for name in ("tensorflow", "jax", "torch", "numpy")},
    "keras.src.engine.training": install_trainer,  # Keras 2
    "keras.src.optimizers.base_optimizer": install_optimizer,
    "keras.src.saving.saving_api": install_saving,
}
