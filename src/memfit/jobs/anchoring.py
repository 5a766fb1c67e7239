"""The child for jobs whose framework cannot be simulated: a few steps with small batches for real, and the law of it.

    python -m memfit.jobs.anchoring FOLDER

The folder is as for jobs.child. What tf.data and Keras batch is cut by hooks; a job that makes its batches by hand is
run with another number where its script or its command line names one.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from memfit.documents import save
from memfit.errors import JobFailed, JobNeverTrained, JobTimedOut
from memfit.jobs.anchored import document_of_small_runs
from memfit.jobs.child import Child
from memfit.jobs.executed import device_of, document_on_device, surroundings
from memfit.jobs.failing import NOT_INSTALLED, OFFLINE, wants_network
from memfit.jobs.knobs import batch_knobs, turned
from memfit.jobs.running import stay_offline
from memfit.jobs.small import STOPPED, Ground
from memfit.probing.watching import Limits, Reading
from memfit.quantities import MIB

# What the hooks cut: such a script's own number is left alone.
_BATCHED = re.compile(r"\.(batch|padded_batch|fit|train_on_batch)\(|dataset_from_")
_DIVISORS = (8, 2)
_SIZES = 2  # of batches, that a line is drawn through
# Where a step takes long with the smallest batch, the next one is not so much larger.
_SLOW_STEP_S = 1.0  # of processor time
_SLOW_DIVISORS = (8, 4)
# What an executor holds is the same in every step, and on a line from the smallest batch.
_DEVICE_DIVISOR, _DEVICE_STEPS = 16, 3
_LEAST = 2  # examples: of one, sums over the batch are left out
_MORE_S = 10.0  # of processor time, that a third run's steps may take
_STEPS = 16  # fewer do not show what malloc keeps: the tuning half of benchmarks/compiled, on TensorFlow
_AS_PYTHON = (
    "run it with the arguments that python would need; if plain python runs it, its batches cannot be made smaller"
)
_FRESH = "--fresh"
_NOTHING_BYTES = 8 * MIB  # a script that only imports its framework rises by less
_ENDING_S = 5.0  # to write the answer down
_FIRST_SHARE = 0.45  # of the time: the second run must not find less than the first one took
_LEAST_ROOM_SHARE = 0.5  # of the free memory, that a small run may take


class Anchoring(Child):
    """One job being run small.

    Args:
        folder: as for jobs.child.
        fresh: whether every run imports all by itself: a framework that started when it was imported cannot be forked.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        super().__init__(folder)
        self.fresh = fresh

    @property
    def on_device(self) -> bool:
        """Whether what a GPU would hold is asked for."""
        return self.request.on is not None

    def _simulate(self) -> None:
        if self.on_device:
            device_of(self.request)
        self.assumed: dict[str, str] = {}
        text = self._text()
        self.knob = None if _BATCHED.search(text) else next(iter(batch_knobs(text, self.request.arguments, ())), None)
        self.tell("start", "loading the framework", 0)
        self.ground = Ground(self.request.steps, on_device=self.on_device)
        self.ground.small.least = _LEAST if self.on_device else 1
        if not self.fresh and not self.ground.warm(text, self._root(), self.request.target):
            os.execv(sys.executable, [sys.executable, "-m", "memfit.jobs.anchoring", str(self.folder), _FRESH])
        readings = self._run_small()
        note: Any = readings[-1].note
        if not note["steps"]:
            if not note["passes"] and (readings[-1].rise_bytes or 0) - note["import_peak_bytes"] < _NOTHING_BYTES:
                raise JobNeverTrained(
                    f"{self.request.target} ended without a training step",
                    hint="pass the arguments that make it train",
                )
            self.assume("no-optimizer-step", "the job ended without a training step: the peak is of what it did run")
        if any(each.note["left_out"] > 0.5 for each in readings):  # type: ignore[index]
            self.assume("few-slow-steps", f"a step takes seconds: {note['steps']} were made of {_STEPS}")
        document = document_on_device if self.on_device else document_of_small_runs
        told = document(
            self.request,
            readings,
            self.assumed,
            knob="" if self.knob is None else self.knob.name,
            seconds=time.monotonic() - self.started,
        )
        save(told, self.folder / "result.json")
        self._end(0)

    def _text(self) -> str:
        try:
            return Path(self.request.target).read_text(encoding="utf-8", errors="replace")
        except OSError:  # a module's name
            return ""

    def _root(self) -> Path:
        return Path(self.request.target).resolve().parent

    def _divisor(self, at: int, readings: Sequence[Reading]) -> int:
        """What the batch is divided by in one of the runs, counted from 0."""
        if not readings:
            return _DEVICE_DIVISOR if self.on_device else _DIVISORS[at]
        note: Any = readings[-1].note
        if self.on_device:
            return max(note["batch"] // (2 * note["cut"]), 1) if len(readings) < _SIZES else 2
        return (_SLOW_DIVISORS if note["step_seconds"] > _SLOW_STEP_S else _DIVISORS)[at]

    def _run_small(self) -> list[Reading]:
        """The readings of different batches, the smallest first; one of the whole job where no batch was found."""
        readings: list[Reading] = []
        request = self.request
        for at in range(_SIZES + self.on_device):
            divisor = self._divisor(at, readings)
            left = seconds_for(at, request.timeout_s - (time.monotonic() - self.started), readings)
            if left is None:
                break
            share = f"1/{divisor} of the batch"
            self.tell("setup", f"running a few steps with {share}", 0)
            whole = request.timeout_s - (time.monotonic() - self.started)
            found = self._one(divisor, left, 0.0 if readings else max(whole - left - _ENDING_S, 0.0))
            if found.rise_bytes is None:
                if readings:
                    self.assume("small-run-failed", f"the run with {share} was given up: {found.problem}")
                    break
                self._first_failed(found.failure, found.problem)
            note: Any = found.note
            if note["problem"] and readings and not note["steps"]:
                self.assume("small-run-failed", f"the run with {share} came to no step: {note['problem']}")
                break
            if note["problem"]:
                self._ended_with_problem(note)
            if readings and note["cut"] == readings[-1].note["cut"]:  # type: ignore[index]
                continue
            readings.append(found)
            if self._is_enough(readings) or note["batch"] is None or note["cut"] == note["batch"]:
                break
        return readings

    def _is_enough(self, readings: Sequence[Reading]) -> bool:
        """Two sizes make a line; what XLA plans has bends, so a larger batch tells more, where its steps are quick."""
        note: Any = readings[-1].note
        if len(readings) < _SIZES or not self.on_device or not note["device"]["is_compiled"]:
            return len(readings) >= _SIZES
        times = note["batch"] / 2 / note["cut"]
        return bool(times <= 1 or note["step_seconds"] * times * _DEVICE_STEPS > _MORE_S)

    def _one(self, divisor: int, seconds: float, patience_s: float) -> Reading:
        limits = Limits.of_this_machine(share=_LEAST_ROOM_SHARE, seconds=seconds + patience_s + 10)
        steps = max(self.request.steps, _DEVICE_STEPS if self.on_device else _STEPS)
        request = replace(self.request, steps=steps, timeout_s=max(seconds, 1.0))
        if self.knob is None:
            return self.ground.run(request, divisor, limits, patience_s=patience_s)
        cut = max(self.knob.value // divisor, min(_LEAST, self.knob.value) if self.on_device else 1)
        found = self.ground.run(turned(request, self.knob, cut), 1, limits, patience_s=patience_s)
        if found.note is not None:
            found.note.update(batch=self.knob.value, cut=cut)  # type: ignore[attr-defined]
        return found

    def _first_failed(self, failure: str, problem: str) -> None:
        if failure == "time":
            raise JobTimedOut(
                f"{self.request.target} did not come to a step within {self.request.timeout_s:g} s",
                hint="give it longer with --timeout, or less data to prepare",
            )
        if failure == "memory":
            raise JobFailed(
                f"{self.request.target} takes more than this machine can spare even with small batches: {problem}",
                hint="run memfit where the job's data fits, or with fewer rows",
                slug="too-large-to-anchor",
            )
        raise JobFailed(problem, hint="run it with the arguments that python would need")

    def _ended_with_problem(self, note: dict[str, Any]) -> None:
        if not note["steps"]:
            if note["problem"].startswith(STOPPED):
                self._first_failed("time", note["problem"])
            raise JobFailed(
                f"{note['problem']} before the first training step",
                hint=_hint(note["problem"]),
            )
        if note["problem"].startswith(STOPPED):
            self.assume("stopped-by-time", f"a small run was {note['problem']}, with {note['steps']} steps made")
            return
        self.assume(
            "job-failed-later", f"after {note['steps']} steps with small batches the script failed: {note['problem']}"
        )

    def assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text


def _hint(problem: str) -> str:
    if problem.startswith(("ModuleNotFoundError", "ImportError")):
        return NOT_INSTALLED
    return OFFLINE if wants_network(problem) else _AS_PYTHON


def seconds_for(at: int, left: float, readings: Sequence[Reading]) -> float | None:
    """What one of the small runs may take: two are needed for a law, so the first leaves time for another like it.

    Args:
        at: which one, from 0.
        left: seconds of all that there were.
        readings: of those before it.

    Returns:
        Seconds, None where there are too few for another run.
    """
    if not readings:
        return left * _FIRST_SHARE
    if left < readings[-1].wall_s:
        return None
    return max(left / max(_SIZES - at, 1), min(readings[-1].wall_s * 1.5, left))


def main() -> None:
    """Work on the folder named on the command line."""
    child = Anchoring(Path(sys.argv[1]), fresh=_FRESH in sys.argv)
    if child.on_device:
        os.environ.update(surroundings(os.environ))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
