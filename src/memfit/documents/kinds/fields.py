"""Single values of a document, read strictly: a wrong type is a TypeError, which the codec tells as damage."""

from __future__ import annotations

import math
from typing import Any


def size(value: Any) -> int | None:
    """A whole number, or None for what is not known."""
    return None if value is None else whole(value)


def whole(value: Any) -> int:
    """A whole number; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def words(value: Any) -> str | None:
    """A text, or None for what is not known."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected text or null, got {value!r}")
    return value


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def truth(value: Any) -> bool | None:
    """True or false, or None for what is not known."""
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"expected true, false or null, got {value!r}")
    return value


def number(value: Any) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"expected a finite number, got {value!r}")
    return float(value)


def number_or_none(value: Any) -> float | None:
    """A finite number, or None for what is not known or has no end."""
    return None if value is None else number(value)
