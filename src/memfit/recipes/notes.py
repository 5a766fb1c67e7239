"""What a recipe found out while it ran that its reader should know: kept here, told with the estimate."""

from __future__ import annotations

NOTES: dict[str, str] = {}


def note(slug: str, text: str) -> None:
    """Keep a sentence under its stable name (docs/messages.md)."""
    NOTES[slug] = text
