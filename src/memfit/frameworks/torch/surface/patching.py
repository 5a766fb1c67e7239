"""Replacing attributes of other modules for a while, and putting back exactly what was there."""

from __future__ import annotations

from typing import Any

_ABSENT = object()


class Silence:
    """In the place of what writes files, or to what its caller holds: whatever is asked of it, or called, is itself."""

    def __getattr__(self, name: str) -> Silence:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Silence:
        return self


class Patches:
    """Attributes replaced since the start, undone in reverse order by `undo`."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any]] = []

    def set(self, owner: Any, name: str, value: Any) -> Any:
        """Replace ``owner.name``; returns what the owner itself held, or what it inherited."""
        own = vars(owner).get(name, _ABSENT) if hasattr(owner, "__dict__") else getattr(owner, name, _ABSENT)
        inherited = getattr(owner, name, None)
        self._undo.append((owner, name, own))
        setattr(owner, name, value)
        return inherited if own is _ABSENT else own

    def undo(self) -> None:
        """Put everything back."""
        while self._undo:
            owner, name, value = self._undo.pop()
            if value is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, value)
