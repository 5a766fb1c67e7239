"""What a recorder is told of TensorFlow jobs that run a loop of their own: calls of a tf.function that computes
gradients are steps. Keras's own loops tell more and are left to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks

_marks: Marks | None = None
_open: list[Any] = []  # the functions that are being called, the outermost first


def install_functions(module: Any, marks: Marks) -> None:
    """Count the calls of functions in which a gradient was traced."""
    global _marks
    _marks = marks
    original = module.Function.__call__
    if getattr(original, "_memfit_followed", False):
        return

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _open:
            return original(self, *args, **kwargs)
        _open.append(self)
        try:
            return original(self, *args, **kwargs)
        finally:
            _open.clear()
            if getattr(self, "_memfit_trains", False):
                _marks.iteration("step")

    __call__._memfit_followed = True  # type: ignore[attr-defined]
    module.Function.__call__ = __call__


def install_gradients(module: Any, marks: Marks) -> None:
    """A gradient that is computed while a function is traced makes that function a step."""
    original = module.GradientTape.gradient
    if getattr(original, "_memfit_followed", False):
        return

    @functools.wraps(original)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        if _open and not _of_keras(_open[0]):
            _open[0]._memfit_trains = True
        return original(*args, **kwargs)

    gradient._memfit_followed = True  # type: ignore[attr-defined]
    module.GradientTape.gradient = gradient


def _of_keras(function: Any) -> bool:
    name = getattr(getattr(function, "python_function", None), "__module__", None) or ""
    return str(name).partition(".")[0] in ("keras", "tf_keras")


HOOKS: dict[str, Callable[[Any, Marks], None]] = {
    "tensorflow.python.eager.polymorphic_function.polymorphic_function": install_functions,
    "tensorflow.python.eager.backprop": install_gradients,
}
