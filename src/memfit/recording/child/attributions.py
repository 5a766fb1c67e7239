"""The looks at who holds memory that need no framework; what they take is loaded when the first is due."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from memfit.quantities import Held
    from memfit.recording.child.marker import Marker


class _Late:
    """A look whose module is loaded when it is first taken."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._look: object = None
        self.asked_for = name != "containers"

    def expected_seconds(self) -> float:
        """What it will take; nothing of it need be loaded to know."""
        import sys

        return 0.005 + sys.getallocatedblocks() * 2e-7

    def __call__(self) -> Iterable[Held]:
        if self._look is None:
            self._look = self._load()
        return self._look.look()  # type: ignore[attr-defined,no-any-return]

    def _load(self) -> object:
        if self._name == "containers":
            from memfit.recording.child.containers import Containers

            return Containers()
        from memfit.recording.child.probes import PROBES

        return PROBES[self._name]()


def add(marker: Marker, probes: tuple[str, ...]) -> None:
    """Give them to the marker; a probe that is not known is said to be none."""
    marker.attribution("containers", _Late("containers"))
    for name in probes:
        if name in ("gc", "malloc_trim"):
            marker.attribution(name, _Late(name))
        else:
            marker.note(slug="unknown-probe", text=f"there is no probe {name!r}: gc, malloc_trim")
