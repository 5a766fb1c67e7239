"""Live progress on a terminal while an estimate is made. Silent when piped, and for the first second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, TextIO

from memfit.reports.text import printable

if TYPE_CHECKING:
    from rich.status import Status

SILENT_S = 1.0  # a job that is done sooner needs no progress


class Stage(Protocol):
    """What a progress report says: see memfit.api.Progress."""

    @property
    def stage(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def step(self) -> int: ...
    @property
    def steps(self) -> int: ...


class LiveProgress:
    """A spinner line that is fed with stages; call it with each.

    Args:
        stream: where to draw; nothing is drawn unless it is a terminal.
        wanted: False keeps it silent.
        clock: seconds that pass; the line counts them between stages, too.
    """

    def __init__(self, stream: TextIO, *, wanted: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._since = clock()
        self._wanted = wanted and stream.isatty()
        self._line = "starting"
        self._lock = threading.Lock()
        self._done = False
        self._timer = threading.Timer(SILENT_S, self._appear)
        self._timer.daemon = True
        self._status: Status | None = None

    def __enter__(self) -> LiveProgress:
        if self._wanted:
            self._timer.start()
        return self

    def __call__(self, stage: Stage) -> None:
        """Show where the work is."""
        self._line = line(stage)

    def __rich__(self) -> str:
        """The line as it stands; rich asks for it at every turn of the spinner."""
        return f"{self._line} · {self._clock() - self._since:.0f} s"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, place: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._done = True
            if self._status is not None:
                self._status.stop()

    def _appear(self) -> None:
        from memfit.reports.screen import console

        with self._lock:
            if not self._done:
                self._status = console(self._stream).status(self, spinner="dots")
                self._status.start()


def line(stage: Stage) -> str:
    """One stage as one line: what is done, and which step of how many."""
    if stage.stage == "step":
        return f"simulating, step {min(stage.step, stage.steps)} of {stage.steps} done"
    return printable(stage.text)
