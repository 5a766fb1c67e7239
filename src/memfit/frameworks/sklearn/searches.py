"""Searches and cross-validations made lighter for a probe: what runs at a time decides the peak, not how much follows.

Of each list of values of a grid the ends remain, of the folds as many as run at a time; so the largest candidate of
what grows with a number is still tried.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

_TRIED = 8  # candidates of a grid at most, and of a random search
_THREADS = ("n_jobs", "nthread", "num_threads", "thread_count")


def lighten(estimator: Any, table: Any, target: Any, groups: Any) -> list[str]:
    """Change a search, in this process alone, to fewer candidates and folds; what was left out, in sentences.

    Args:
        estimator: of any kind: what is no search stays as it is.
        table, target, groups: what it will be fitted on; None leaves the folds as they are.
    """
    notes = []
    grid = getattr(estimator, "param_grid", None)
    jobs = at_a_time(getattr(estimator, "n_jobs", None))
    if grid and type(estimator).__name__ == "GridSearchCV":
        fewer = [thinned(each) for each in (grid if isinstance(grid, (list, tuple)) else [grid])]
        before, after = _size(grid), _size(fewer)
        if after < before:
            estimator.param_grid = fewer
            notes.append(f"probed with {after} of the search's {before} candidates, the ends of every list among them")
    tries = getattr(estimator, "n_iter", None)
    if type(estimator).__name__ == "RandomizedSearchCV" and isinstance(tries, int) and tries > max(_TRIED, 2 * jobs):
        estimator.n_iter = max(_TRIED, 2 * jobs)
        notes.append(f"probed with {estimator.n_iter} of the search's {tries} candidates")
    if type(estimator).__name__ in ("GridSearchCV", "RandomizedSearchCV") and table is not None:
        candidates = _size(estimator.param_grid) if grid else estimator.n_iter
        folds = fewer_folds(estimator.estimator, estimator.cv, table, target, groups, estimator.n_jobs, candidates)
        if folds is not None:
            estimator.cv = folds
    return notes


def fewer_folds(
    learner: Any, cv: Any, table: Any, target: Any, groups: Any, n_jobs: Any, candidates: int
) -> list[Any] | None:
    """The first folds, so many that as much runs at a time as with all of them; None where they cannot be told."""
    selection = sys.modules.get("sklearn.model_selection")
    base = sys.modules.get("sklearn.base")
    if selection is None or base is None or table is None:
        return None
    wanted = max(2, -(-2 * at_a_time(n_jobs) // max(candidates, 1)))
    with contextlib.suppress(Exception):  # folds of the script's own, or too few rows for them: the search will say so
        found = selection.check_cv(cv, target, classifier=base.is_classifier(learner))
        folds: list[Any] = []
        for each in found.split(table, target, groups):
            folds.append(each)
            if len(folds) == wanted:
                return folds
    return None


def thinned(grid: Any) -> Any:
    """A grid of which at most eight candidates remain: the ends of its lists, of the longest ones first.

    >>> thinned({"C": [1, 2, 3, 4], "kernel": ["rbf"]}), thinned({"C": [1, 2, 3]})
    ({'C': [1, 4], 'kernel': ['rbf']}, {'C': [1, 2, 3]})
    """
    lists = {name: list(values) for name, values in dict(grid).items()}
    if _size(lists) <= _TRIED // 2:
        return grid
    for name in sorted(lists, key=lambda each: -len(lists[each])):
        if len(lists[name]) > 2:
            lists[name] = _ends(lists[name])
    while _size(lists) > _TRIED:  # two values of each: the last of the list alone, where there are many lists
        name = next(each for each in lists if len(lists[each]) > 1)
        lists[name] = lists[name][-1:]
    return lists


def _ends(values: Sequence[Any]) -> list[Any]:
    """The least and the greatest where they can be told, else the first and the last."""
    with contextlib.suppress(TypeError, ValueError):
        if all(isinstance(each, (int, float)) for each in values):
            return [min(values), max(values)]
    return [values[0], values[-1]]


def _size(grid: Any) -> int:
    if isinstance(grid, (list, tuple)):
        return sum(_size(each) for each in grid)
    count = 1
    for values in dict(grid).values():
        count *= len(list(values)) or 1
    return count


def at_a_time(n_jobs: Any) -> int:
    """How many tasks joblib runs at a time."""
    joblib = sys.modules.get("joblib")
    with contextlib.suppress(Exception):
        return int(joblib.effective_n_jobs(n_jobs)) if joblib is not None else 1
    return 1


@contextlib.contextmanager
def alone(estimator: Any) -> Iterator[None]:
    """Within it, an estimator and its parts start no threads or processes."""
    changed = {}
    with contextlib.suppress(Exception):
        given = estimator.get_params(deep=True)
        changed = {name: each for name, each in given.items() if name.rpartition("__")[2] in _THREADS and each != 1}
        estimator.set_params(**dict.fromkeys(changed, 1))
    try:
        yield
    finally:
        with contextlib.suppress(Exception):
            estimator.set_params(**changed)
