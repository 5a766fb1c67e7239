"""The looks at who holds memory that need no framework."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from memfit.recording.child.marker import Marker


def add(marker: Marker, probes: tuple[str, ...]) -> None:
    """Give them to the marker."""
