"""What a recipe tells its reader: what it found out while it ran, kept here and told with the estimate, and errors."""

from __future__ import annotations

NOTES: dict[str, str] = {}


def note(slug: str, text: str) -> None:
    """Keep a sentence under its stable name (docs/messages.md)."""
    NOTES[slug] = text


def said(error: BaseException) -> str:
    """A library's error in a line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
