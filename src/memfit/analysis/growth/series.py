"""Readings as callers have them, made a clean series: numbers, sorted, thinned to what a shape needs.

What was wrong with the data is kept as notes; what cannot be taken is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from memfit.errors import UsageError

MOST_POINTS = 2000  # a shape is told from this many points as well as from a million


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A clean series.

    Args:
        x: iterations, rising.
        y: bytes; the median of each bucket where the series was thinned.
        high: the highest reading of each bucket; y itself where it was not thinned.
        low: the lowest.
        tail: the last readings as they came, for what thinning hides.
        seconds: the time of each point, None where times are unknown.
        samples: how many readings there were.
        notes: what was wrong with the data and how it was taken.
    """

    x: Any
    y: Any
    high: Any
    low: Any
    tail: Any
    seconds: Any | None
    samples: int
    notes: tuple[str, ...]


def clean(
    readings: Any, *, seconds: Any = None, iterations: Any = None, name: str = "bytes", notes: Sequence[str] = ()
) -> Series:
    """Make a series of readings.

    Args:
        readings: bytes, one per reading: a list, an array, a column of a data frame.
        seconds: the time of each reading, on any clock.
        iterations: the iteration of each reading; counted from 0 when None.
        name: what the readings are, for messages.
        notes: what is known to be wrong with them already.

    Raises:
        UsageError: they are no numbers, negative, not of one length.
    """
    found = list(notes)
    y = numbers(readings, name)
    x = numbers(iterations, "iterations") if iterations is not None else np.arange(len(y), dtype=float)
    t = numbers(seconds, "seconds") if seconds is not None else None
    for other, values in (("iterations", x), ("seconds", t)):
        if values is not None and len(values) != len(y):
            raise UsageError(
                f"there are {len(y)} {name} and {len(values)} {other}: expected one for each", slug="series-lengths"
            )
    y, x, t = _known(y, x, t, name, found)
    if len(y) and y.min() < 0:
        raise UsageError(f"{name} has a negative reading, {y.min():g}: expected bytes from 0", slug="negative-bytes")
    y, x, t = _sorted(y, x, t, timed=iterations is None, found=found)
    return _thinned(y, x, t, tuple(found))


def numbers(values: Any, name: str) -> Any:
    """The values as an array of floats, None and masked ones as NaN.

    Raises:
        UsageError: there is something else than numbers among them, or more than one dimension.
    """
    try:
        plain = values.to_numpy() if hasattr(values, "to_numpy") else values
        if isinstance(plain, (str, bytes)) or not np.iterable(plain):
            raise TypeError
        array = np.asarray(list(plain) if not hasattr(plain, "dtype") else plain)
        if array.dtype.kind not in "iufb" or array.dtype.kind == "b":
            array = np.array([_one(value) for value in array.ravel().tolist()]).reshape(array.shape)
        array = array.astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise UsageError(
            f"{name} are no numbers: expected a list or array of them, got {type(values).__name__}",
            hint="give bytes as numbers, one per reading",
            slug="not-numbers",
        ) from error
    if array.ndim != 1:
        raise UsageError(f"{name} have {array.ndim} dimensions: expected one", slug="not-numbers")
    return array


def _one(value: Any) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, (bool, str, bytes)):
        raise TypeError
    return float(value)


def _known(y: Any, x: Any, t: Any, name: str, found: list[str]) -> tuple[Any, Any, Any]:
    good = np.isfinite(y) & np.isfinite(x) & (np.isfinite(t) if t is not None else True)
    lost = int(len(y) - good.sum())
    if lost:
        found.append(f"{lost} of {len(y)} readings of {name} were no numbers and were left out")
    return y[good], x[good], None if t is None else t[good]


def _sorted(y: Any, x: Any, t: Any, *, timed: bool, found: list[str]) -> tuple[Any, Any, Any]:
    """In order of iterations, or of time where readings were not numbered."""
    key = t if timed and t is not None else x
    if len(key) < 2 or bool((np.diff(key) >= 0).all()):
        return y, x, t
    order = np.argsort(key, kind="stable")
    found.append("the readings were not in order and were sorted")
    return y[order], x if timed else x[order], None if t is None else t[order]


def _thinned(y: Any, x: Any, t: Any, notes: tuple[str, ...]) -> Series:
    size = -(-len(y) // MOST_POINTS) if len(y) else 1
    tail = y[-MOST_POINTS:]
    if size == 1:
        return Series(x=x, y=y, high=y, low=y, tail=tail, seconds=t, samples=len(y), notes=notes)
    first = len(y) % size  # the odd ones at the start: the end is what the verdict hangs on
    buckets = y[first:].reshape(-1, size)
    middle: Any = first + size // 2 + size * np.arange(len(buckets))
    return Series(
        x=x[middle],
        y=np.median(buckets, axis=1),
        high=buckets.max(axis=1),
        low=buckets.min(axis=1),
        tail=tail,
        seconds=None if t is None else t[middle],
        samples=len(y),
        notes=notes,
    )
