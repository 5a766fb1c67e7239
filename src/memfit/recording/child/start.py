"""Begins to mark in this process: the marker, its hooks for forks and the end, and what waits for frameworks."""

from __future__ import annotations

import atexit
import os
import sys

from memfit import registry
from memfit.recording.child.imports import Watch
from memfit.recording.child.marker import Marker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from memfit.quantities import Marks


_markers: list[Marker] = []
_sees_the_end = False


def current() -> Marker | None:
    """The marker that the job's marks go to; None when nothing is marked."""
    return _markers[-1] if _markers and not _markers[-1].closed else None


def start_from_environment() -> None:
    """Start with what MEMFIT_SPOOL, MEMFIT_LOOKS and MEMFIT_PROBES say."""
    probes = tuple(filter(None, os.environ.get("MEMFIT_PROBES", "").split(",")))
    start(os.environ["MEMFIT_SPOOL"], looks=os.environ.get("MEMFIT_LOOKS", "1") != "0", probes=probes)


def start(folder: str, *, looks: bool = True, probes: tuple[str, ...] = ()) -> Marker:
    """Mark in this process, and in those that fork from it; frameworks tell it what they do from now on.

    Args:
        folder: the spool folder.
        looks: whether to look at who holds memory.
        probes: which probes may disturb the job: "gc", "malloc_trim".
    """
    marker = Marker(folder, looks=looks)
    _see_the_end()
    _markers[:] = [known for known in _markers if not known.closed] + [marker]
    watch = Watch(lambda text: marker.note(slug="marks-failed", text=text))
    for name, marks in registry.MARKS.items():
        _wait_for(watch, marker, name, marks)
    watch.start()
    marker.on_close(watch.stop)
    if looks:
        from memfit.recording.child.attributions import add

        add(marker, probes)
    marker.hello()
    return marker


def _wait_for(watch: Watch, marker: Marker, name: str, marks: str) -> None:
    """When the job imports a framework, load its marks, which say which of its modules they hang onto."""

    def version(module: ModuleType) -> None:
        found = getattr(module, "__version__", None)
        if isinstance(found, str):
            marker.version(name, found)

    def load() -> None:
        __import__(marks)
        for module, install in sys.modules[marks].HOOKS.items():
            watch.after(module, _with(install, marker))
        watch.after(name, version)

    watch.before(name, load)


def _with(install: Callable[[ModuleType, Marks], None], marker: Marker) -> Callable[[ModuleType], None]:
    return lambda module: install(module, marker)


def _see_the_end() -> None:
    global _sees_the_end
    if _sees_the_end:
        return
    _sees_the_end = True
    atexit.register(_close)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_forked)
    leave = os._exit

    def _exit(status: int) -> None:
        """Exit to the system with specified status, without normal exit processing."""
        try:
            _close()
        finally:
            leave(status)

    os._exit = _exit  # type: ignore[assignment]


def _close() -> None:
    for marker in _markers:
        marker.close()


def _forked() -> None:
    for marker in _markers:
        marker.forked()
