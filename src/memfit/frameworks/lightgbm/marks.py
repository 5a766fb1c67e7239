"""What a recorder is told of LightGBM jobs: rounds, the building of data sets, training and prediction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks

_marks: Marks | None = None


def install_basic(basic: Any, marks: Marks) -> None:
    """Boosters and data sets."""
    global _marks
    _marks = marks
    _wrap(basic.Booster, "update", _round)
    _wrap(basic.Booster, "predict", functools.partial(_phase, "predict"))
    _wrap(basic.Dataset, "construct", functools.partial(_phase, "data"))


def install_engine(engine: Any, marks: Marks) -> None:
    """lightgbm.train(), which its scikit-learn classes call too, and cross-validation."""
    global _marks
    _marks = marks
    for name in ("train", "cv"):
        _wrap(engine, name, functools.partial(_phase, "fit"))


def _wrap(owner: Any, name: str, wrapped: Callable[[Any], Any]) -> None:
    original = getattr(owner, name, None)
    if original is not None and not getattr(original, "_memfit_followed", False):
        wrapper = wrapped(original)
        wrapper._memfit_followed = True
        setattr(owner, name, wrapper)


def _phase(name: str, original: Any) -> Any:
    @functools.wraps(original)
    def followed(*args: Any, **kwargs: Any) -> Any:
        with _marks.phase(name):  # type: ignore[union-attr]
            return original(*args, **kwargs)

    return followed


def _round(original: Any) -> Any:
    @functools.wraps(original)
    def followed(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        finally:
            _marks.iteration("round")  # type: ignore[union-attr]

    return followed


HOOKS: dict[str, Callable[[Any, Marks], None]] = {"lightgbm.basic": install_basic, "lightgbm.engine": install_engine}
