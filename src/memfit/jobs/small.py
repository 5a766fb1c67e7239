"""A job run for real with small batches for a few steps, in a fresh process with limits.

    python -m memfit.jobs.small FOLDER PARENT     the child: runs FOLDER/request.json, writes FOLDER/reading

The script's files go to a scratch folder as in a simulation; the network is off.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from memfit.jobs.child import Child
from memfit.jobs.failing import said
from memfit.jobs.request import Request
from memfit.jobs.running import end_with_parent, run_as_main, stay_offline
from memfit.jobs.watched import leave_reading, run_watched
from memfit.probing.small_batches import SmallBatches
from memfit.probing.watching import Limits, Reading
from memfit.quantities import Held, Lap
from memfit.recording.child.imports import Watch as ImportWatch
from memfit.registry import MARKS, SMALL_BATCHES
from memfit.sensors import process_memory

STOPPED = "stopped"  # how the problem of a run begins that took too long


def run_small(request: Request, divisor: int, limits: Limits, *, patience_s: float = 0.0) -> Reading:
    """Run a job with batches cut to a part, until it has made its steps and what follows them, within limits.

    Args:
        request: the job; ``steps`` of training are enough.
        divisor: what the batches are divided by; 1 leaves them as they are.
        limits: beyond them it is killed.
        patience_s: how much longer than ``timeout_s`` the first step is waited for.

    Returns:
        The reading: ``size`` is the divisor, ``rise_bytes`` the peak of the process and its children, ``note`` what
        was seen (see Small.told).
    """
    with tempfile.TemporaryDirectory(prefix="memfit-") as name:
        return run_watched(
            Path(name),
            "memfit.jobs.small",
            replace(request, changes={"divisor": divisor, "patience_s": patience_s}),
            limits,
            size=divisor,
            environment={"TMPDIR": name},  # libraries leave files behind when a process ends at once
            words=(str(os.getpid()),),
        )


class Counted:
    """Marks that count training steps outside of fit(), and end the job when there are enough."""

    def __init__(self, enough: int, done: Callable[[], None]) -> None:
        self.steps = 0
        self.passes = 0  # of prediction and evaluation
        self._enough, self._done, self._fitting = enough, done, 0

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        if unit not in ("step", "batch"):
            return
        self.steps += count
        if self.steps >= self._enough and not self._fitting:
            self._done()

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.begin(name)
        try:
            yield
        finally:
            self.end(name)

    def begin(self, name: str) -> None:
        self._fitting += name == "fit"
        self.passes += name in ("predict", "evaluation")

    def end(self, name: str) -> None:
        self._fitting -= name == "fit"

    def lap(self, name: str) -> Lap:
        return self

    def start(self) -> float | None:
        return None

    def stop(self, started: float | None) -> None:
        """Nothing is timed."""

    def gauge(self, name: str, read: Callable[[], int | None]) -> None:
        """Nothing is read."""

    def attribution(self, name: str, look: Callable[[], Iterator[Held]]) -> None:
        """Nobody looks."""

    def role(self, name: str, rank: int | None = None) -> None:
        """Of no matter."""

    def note(self, slug: str, text: str) -> None:
        """Of no matter."""


class Small(Child):
    """The child's side."""

    def _simulate(self) -> None:
        request = self.request
        self.small = SmallBatches(int(request.changes["divisor"]), request.steps)
        self.marks = Counted(request.steps, self._told)
        self.imported_bytes = 0
        self.problem = ""
        self._began_at = time.monotonic()
        watch = ImportWatch(lambda text: print(f"memfit: {text}", file=sys.stderr))
        hooks: list[tuple[str, Any]] = [(module, self.small) for module in SMALL_BATCHES.values()]
        hooks += [(MARKS[framework], self.marks) for framework in SMALL_BATCHES]
        for module, given in hooks:
            for name, install in importlib.import_module(module).HOOKS.items():
                watch.after(name, lambda found, install=install, given=given: install(found, given))  # type: ignore[misc]
        for framework in SMALL_BATCHES:
            watch.after(framework, lambda _: self._imported())
        watch.start()
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.overlay.install()
        (self.folder / "began").touch()
        try:
            run_as_main(request)
        except SystemExit as error:
            if error.code not in (None, 0):
                self.problem = f"sys.exit({error.code!r})"
        except Exception as error:
            self.problem = said(error)
        self._told()

    def _imported(self) -> None:
        now = process_memory()
        self.imported_bytes = max(self.imported_bytes, now.rss_bytes if now is not None else 0)

    def _watchdog(self) -> None:
        time.sleep(self.request.timeout_s)
        until = time.monotonic() + float(self.request.changes["patience_s"])
        while not self.marks.steps and time.monotonic() < until:
            time.sleep(0.1)
        self.problem = f"{STOPPED} after {time.monotonic() - self._began_at:.0f} s"
        self._told()

    def _told(self) -> NoReturn:
        """Write what was seen and end: of the models, of the steps made, and what went wrong, if anything."""
        with self._lock:
            self.small.settle()
            note = {
                **self.small.told(),
                "imported_bytes": self.imported_bytes,
                "steps": self.marks.steps,
                "passes": self.marks.passes,
                "problem": self.problem,
            }
            leave_reading(self.folder, began_at=self._began_at, note=note)
            self._end(0)


def main() -> None:
    """Work on the folder named on the command line."""
    end_with_parent(int(sys.argv[2]))
    child = Small(Path(sys.argv[1]))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
