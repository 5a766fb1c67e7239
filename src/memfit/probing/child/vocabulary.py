"""How many different terms a fitted estimator has learnt: words of its vectorizers, categories of its encoders.

Looks at attributes that scikit-learn's own estimators have after a fit (1.4 to 1.9); other classes count
nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_DEEP = 6  # estimators within estimators


def terms_of(fitted: Any) -> int | None:
    """Different terms that it and its parts have learnt; None where nothing in it learns any."""
    if isinstance(fitted, tuple):  # with what it predicted
        fitted = fitted[0] if fitted else None
    found = [count for part in _parts(fitted, _DEEP) if (count := _own(part)) is not None]
    return sum(found) if found else None


def _own(estimator: Any) -> int | None:
    learnt = getattr(estimator, "__dict__", {})
    if isinstance(learnt.get("vocabulary_"), dict):
        return len(learnt["vocabulary_"])
    if isinstance(learnt.get("categories_"), list):
        return sum(map(len, learnt["categories_"]))
    return None


def _parts(estimator: Any, deep: int) -> Iterator[Any]:
    yield estimator
    if not deep:
        return
    own = getattr(estimator, "__dict__", {})
    steps = [step[1] for name in ("steps", "transformers_", "transformer_list") for step in own.get(name) or ()]
    for each in (*steps, own.get("best_estimator_"), own.get("estimator_")):
        if each is not None and hasattr(each, "__dict__"):
            yield from _parts(each, deep - 1)
