"""Single values of a document, read strictly: a wrong type is a TypeError, which the codec tells as damage."""

from __future__ import annotations

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
