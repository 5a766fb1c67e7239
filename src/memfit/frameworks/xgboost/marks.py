"""What a recorder is told of XGBoost jobs: rounds, the building of matrices, training and prediction."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from memfit.quantities import Marks

_marks: Marks | None = None
_within = False


def install_core(core: Any, marks: Marks) -> None:
    """Boosters and matrices."""
    global _marks
    _marks = marks
    for name in ("update", "boost"):  # an own objective makes update() call boost()
        _wrap(core.Booster, name, _round)
    for name in ("predict", "inplace_predict"):
        _wrap(core.Booster, name, functools.partial(_phase, "predict"))
    for name in ("DMatrix", "QuantileDMatrix", "ExtMemQuantileDMatrix"):
        if hasattr(core, name):
            _wrap(getattr(core, name), "__init__", functools.partial(_phase, "data"))


def install_training(training: Any, marks: Marks) -> None:
    """xgboost.train(), which its scikit-learn classes call too."""
    global _marks
    _marks = marks
    _wrap(training, "train", functools.partial(_phase, "fit"))


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
        global _within
        if _within:
            return original(*args, **kwargs)
        _within = True
        try:
            return original(*args, **kwargs)
        finally:
            _within = False
            _marks.iteration("round")  # type: ignore[union-attr]

    return followed


HOOKS: dict[str, Callable[[Any, Marks], None]] = {"xgboost.core": install_core, "xgboost.training": install_training}
