"""A job run for real with small batches for a few steps: each run is a fork of one process, with limits.

What the script's opening statements import is imported once, before the forks (jobs.prelude). The script's files go to
a scratch folder as in a simulation; the network is off.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from memfit.jobs.child import Child
from memfit.jobs.failing import said
from memfit.jobs.launch import write_request
from memfit.jobs.prelude import execute, prelude
from memfit.jobs.request import Request
from memfit.jobs.running import end_with_parent, run_as_main
from memfit.jobs.watched import leave_reading, peak_bytes
from memfit.probing.child.reading import Mapped, map_code, mapped_files
from memfit.probing.small_batches import SmallBatches
from memfit.probing.watching import Limits, Reading, Watch
from memfit.quantities import Held, Lap
from memfit.recording.child.imports import Watch as ImportWatch
from memfit.registry import AS_ON_GPU, MARKS, SMALL_BATCHES
from memfit.sensors import process_memory

# Of slow steps no more are made than these take, once there are the fewest that show what an optimizer keeps.
_STEPS_S = 4.0  # of processor time, behind the first step
_FEWEST_STEPS = 3
_QUICK_S = 0.1  # a step of less is not waited for, where the framework runs behind its script
STOPPED = "stopped"  # how the problem of a run begins that took too long


class Counted:
    """Marks that count training steps outside of fit(), and end the job when there are enough."""

    def __init__(self, enough: int, done: Callable[[], None]) -> None:
        self.steps = 0
        self.passes = 0  # of prediction and evaluation
        self.enough, self.done, self._fitting = enough, done, 0

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        if unit not in ("step", "batch"):
            return
        self.steps += count
        self.stepped()
        if self.steps >= self.enough and not self._fitting:
            self.done()

    def stepped(self) -> None:
        """A step was counted."""

    def fits(self) -> None:
        """A fit() begins."""

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        self.begin(name)
        try:
            yield
        finally:
            self.end(name)

    def begin(self, name: str) -> None:
        if name == "fit":
            self.fits()
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


class Ground:
    """What the runs of a job have in common: hooks in its frameworks, and what its opening statements import.

    Args:
        steps: of training that are enough.
        on_device: whether they are to go as they would on a GPU, and to tell what it would hold.
    """

    def __init__(self, steps: int, *, on_device: bool = False) -> None:
        self.small = SmallBatches(1, steps)
        self.marks = Counted(steps, lambda: None)
        self.imported_bytes = self.peak_bytes = 0
        self._mapped = Mapped({}, None)
        self._watch = ImportWatch(lambda text: print(f"memfit: {text}", file=sys.stderr))
        hooks: list[tuple[str, Any]] = [(module, self.small) for module in SMALL_BATCHES.values()]
        hooks += [(MARKS[framework], self.marks) for framework in SMALL_BATCHES]
        hooks += [(module, self.small) for module in AS_ON_GPU.values() if on_device]
        for module, given in hooks:
            for name, install in importlib.import_module(module).HOOKS.items():
                self._watch.after(name, lambda found, install=install, given=given: install(found, given))  # type: ignore[misc]
        for framework in SMALL_BATCHES:
            self._watch.after(framework, lambda _: self._imported())
        self._watch.start()

    def warm(self, text: str, folder: Path, name: str) -> bool:
        """Import what a script does first.

        Args:
            text: of the script.
            folder: of its own modules.
            name: of the file.

        Returns:
            Whether forks can go on from here: a framework that has started its threads cannot be forked.
        """
        execute(prelude(text, folder), name)
        self._mapped = mapped_files()
        return not any(importlib.import_module(module).has_started() for module in SMALL_BATCHES.values())

    def _imported(self) -> None:
        now = process_memory()
        if now is not None:
            self.imported_bytes = max(self.imported_bytes, now.rss_bytes)
            self.peak_bytes = max(self.peak_bytes, now.peak_rss_bytes or now.rss_bytes)

    def run(self, request: Request, divisor: int, limits: Limits, *, patience_s: float = 0.0) -> Reading:
        """Run the job with batches cut to a part, until it has made its steps and what follows them, within limits.

        Args:
            request: the job; ``steps`` of training are enough.
            divisor: what the batches are divided by; 1 leaves them as they are.
            limits: beyond them it is killed.
            patience_s: how much longer than ``timeout_s`` the first step is waited for.

        Returns:
            The reading: ``size`` is the divisor, ``rise_bytes`` the peak of the process and its children, ``note``
            what was seen (see Small.told).
        """
        with tempfile.TemporaryDirectory(prefix="memfit-") as name:
            folder = Path(name)
            write_request(folder, replace(request, changes={"divisor": divisor, "patience_s": patience_s}))
            parent = os.getpid()
            sys.stdout.flush()
            sys.stderr.flush()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that JAX has threads, which it has not before its first array
                pid = os.fork()
            if pid == 0:
                self._become(folder, parent)
            files = {each: str(folder / each) for each in ("began", "reading", "log")}
            ended = _Ended(pid)
            try:
                return Watch(pid, files, limits, ended).follow(divisor)
            finally:
                ended.surely()

    def _become(self, folder: Path, parent: int) -> NoReturn:
        """The fork's side."""
        try:
            os.setsid()
            end_with_parent(parent)
            _stand_alone(folder)
            map_code(self._mapped.code)
            Small(folder, self).work()
        except BaseException as error:
            print(f"memfit: {type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(1)


class _Ended:
    """Whether a child of this process has ended; asked again and again."""

    def __init__(self, pid: int) -> None:
        self._pid, self._gone = pid, False

    def __call__(self) -> bool:
        self._gone = self._gone or os.waitpid(self._pid, os.WNOHANG)[0] != 0
        return self._gone

    def surely(self) -> None:
        """Kill it, if it is there."""
        if not self():
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _stand_alone(folder: Path) -> None:
    """This process's output goes to a log, its input is empty, and its libraries' files land in the folder."""
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ["TMPDIR"] = str(folder)  # libraries leave files behind when a process ends at once
    tempfile.tempdir = None


class Small(Child):
    """The fork's side: one run of the job.

    Args:
        folder: holds request.json, gets the reading.
        ground: that this process was forked from.
    """

    def __init__(self, folder: Path, ground: Ground) -> None:
        super().__init__(folder)
        self.ground, self.small, self.marks = ground, ground.small, ground.marks
        self.problem = ""
        self.began_bytes = 0  # held as the script began: code that the parent never touched is mapped in a fork as well
        self.before_bytes = 0  # what was held before the first step of a fit(): no batch is in it
        self._pace = Pace()

    def _simulate(self) -> None:
        self.small.divisor, self.small.steps = int(self.request.changes["divisor"]), self.request.steps
        self.marks.enough, self.marks.done = self.request.steps, self._told
        self.marks.stepped, self.marks.fits = self._stepped, self._fits  # type: ignore[method-assign]
        self._began_at, self.began_bytes = time.monotonic(), peak_bytes()
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.overlay.install()
        (self.folder / "began").touch()
        try:
            run_as_main(self.request)
        except SystemExit as error:
            if error.code not in (None, 0):
                self.problem = f"sys.exit({error.code!r})"
        except Exception as error:
            self.problem = said(error)
        self._told()

    def _fits(self) -> None:
        now = process_memory()
        if not self.marks.steps and now is not None:
            self.before_bytes = now.rss_bytes

    def _stepped(self) -> None:
        """Of slow steps fewer are made: what comes after them is not longer than they are."""
        self.small.stepped()
        if self._pace.is_watched:
            self.small.settle()
        if self._pace.stepped(self.marks.steps, time.process_time()):
            self.marks.enough = self.marks.steps
            self.small.enough(self.marks.steps)

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
                "imported_bytes": self.ground.imported_bytes,
                "import_peak_bytes": max(self.ground.imported_bytes, self.ground.peak_bytes, self.began_bytes),
                "before_bytes": self.before_bytes,
                "steps": self.marks.steps,
                "step_seconds": self._pace.step_seconds,
                "left_out": 1 - self.marks.steps / self.request.steps if self._pace.ended_early else 0.0,
                "passes": self.marks.passes,
                "problem": self.problem,
            }
            leave_reading(self.folder, began_at=self._began_at, note=note, least_bytes=self.ground.peak_bytes)
            self._end(0)


class Pace:
    """How many steps are worth their time.

    Attributes:
        step_seconds: of processor time, that a step takes once it is compiled.
        is_watched: whether the next step is to be waited for, where the framework runs behind its script.
        ended_early: whether slow steps were made fewer.
    """

    def __init__(self) -> None:
        self._first, self.is_watched, self.step_seconds, self.ended_early = 0.0, True, 0.0, False

    def stepped(self, steps: int, seconds: float) -> bool:
        """Whether the steps made are to be all.

        Args:
            steps: made, this one among them.
            seconds: of processor time that the process has taken. The first step's are not counted: it compiles.
        """
        if steps <= 1 or not self._first:
            self._first = seconds
            return False
        spent = seconds - self._first
        self.step_seconds = spent / (steps - 1)
        self.is_watched = self.step_seconds > _QUICK_S
        self.ended_early = self.ended_early or (steps >= _FEWEST_STEPS and spent >= _STEPS_S)
        return self.ended_early
