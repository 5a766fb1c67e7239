"""What a recorder is told of JAX jobs: calls of a jitted function in which a gradient was traced are steps, and so are
gradients that are computed without one. Equinox and Flax go through the same functions; Keras's own are left to it.
"""

from __future__ import annotations

import functools
import types
import weakref
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks

_marks: Marks | None = None
_open: list[Jitted] = []  # the functions that are being called, the outermost first
_pace: weakref.ref[Any] | None = None  # of gradients outside of functions: the first one sets it


class Jitted:
    """A jitted function that counts the calls from outside of others; in all else the function itself."""

    def __init__(self, function: Any) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._trains = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if _open:
            return self._function(*args, **kwargs)
        _open.append(self)
        try:
            result = self._function(*args, **kwargs)
        finally:
            _open.clear()
        if self._trains and _marks is not None:
            _marks.iteration("step")
        return result

    def __get__(self, owner: Any, cls: type | None = None) -> Any:
        return self if owner is None else types.MethodType(self, owner)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_function"], name)


def install(module: Any, marks: Marks) -> None:
    """Follow jit() and the functions that differentiate."""
    global _marks
    _marks = marks
    if getattr(module.jit, "_memfit_followed", False):
        return
    module.jit = _followed_jit(module.jit)
    for name in ("grad", "value_and_grad"):
        setattr(module, name, _followed_gradient(getattr(module, name)))
    module.vjp = _followed_vjp(module.vjp)


def _followed_jit(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def jit(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if args or "fun" in kwargs:
            return Jitted(made)
        return lambda function: Jitted(made(function))  # jit(static_argnames=…) makes a decorator

    jit._memfit_followed = True  # type: ignore[attr-defined]
    return jit


def _followed_gradient(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def transform(*args: Any, **kwargs: Any) -> Any:
        made = original(*args, **kwargs)
        if not callable(made):
            return made

        @functools.wraps(made)
        def gradient(*inner: Any, **named: Any) -> Any:
            _differentiated(gradient)
            return made(*inner, **named)

        return gradient

    return transform


def _followed_vjp(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def vjp(*args: Any, **kwargs: Any) -> Any:
        if _open:
            _differentiated(None)
        return original(*args, **kwargs)

    return vjp


def _differentiated(function: Any) -> None:
    """A gradient is asked for: of the function that is being traced, or at once."""
    global _pace
    if _open:
        _open[0]._trains = _open[0]._trains or not _of_keras(_open[0])
    elif _marks is not None and not _of_keras(function):
        if _pace is None or _pace() is None:
            _pace = weakref.ref(function)
        if _pace() is function:
            _marks.iteration("step")


def _of_keras(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "keras"


HOOKS: dict[str, Callable[[Any, Marks], None]] = {"jax": install}
