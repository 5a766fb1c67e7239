"""A job with its changes run for real, for a few steps, in a fresh process with limits: what it really comes to.

    python -m memfit.jobs.real FOLDER        the child: runs FOLDER/request.json, writes FOLDER/reading

The script's files go to a scratch folder as in a simulation; the network is off.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from memfit.errors import UsageError
from memfit.jobs.child import Child
from memfit.jobs.request import Request
from memfit.jobs.running import run_as_main, stay_offline
from memfit.jobs.watched import leave_reading, peak_bytes, run_watched
from memfit.probing.watching import Limits, Reading
from memfit.registry import adapter


def run_for_real(
    request: Request, environment: Mapping[str, str], limits: Limits, *, python: str | None = None
) -> Reading:
    """Run a job on this machine's CPU until it has made its steps, within limits.

    Args:
        request: the job; its changes are made, ``steps`` of its optimizer are run.
        environment: variables that are set for it.
        limits: beyond them it is killed.
        python: the interpreter; this one by default.

    Returns:
        The reading; ``rise_bytes`` is the peak of the process and its children, None when it failed; ``note`` has
        "steps" that were made, "peaks_bytes", the process's own peak after each call of an optimizer's step, and
        "cpu_seconds" of the whole process.
    """
    if request.on is not None:
        raise UsageError("a job on a device cannot be run on this machine's CPU", slug="cannot-verify")
    with tempfile.TemporaryDirectory(prefix="memfit-") as name:
        return run_watched(
            Path(name),
            "memfit.jobs.real",
            request,
            limits,
            size=request.steps,
            environment=environment,
            python=python,
        )


class Real(Child):
    """The child's side: the job itself, counted by its optimizer's steps."""

    def _simulate(self) -> None:
        adapter("torch")
        request = self.request
        patching = importlib.import_module("memfit.frameworks.torch.surface.patching")
        optimizer: Any = importlib.import_module("torch.optim.optimizer")
        changes = importlib.import_module("memfit.frameworks.torch.changes")
        changes.install(request.changes, patching.Patches())
        self._steps: dict[int, int] = {}
        self._peaks_bytes: list[int] = []
        self._began_at = time.monotonic()
        optimizer.register_optimizer_step_post_hook(self._stepped)
        self.overlay.install()
        (self.folder / "began").touch()
        run_as_main(request)
        self._told()

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._steps[id(optimizer)] = self._steps.get(id(optimizer), 0) + 1
        self._peaks_bytes.append(peak_bytes())
        if max(self._steps.values()) >= self.request.steps:
            self._told()

    def _told(self) -> NoReturn:
        note = {
            "steps": max(self._steps.values(), default=0),
            "peaks_bytes": self._peaks_bytes,
            "cpu_seconds": round(time.process_time(), 2),
        }
        leave_reading(self.folder, began_at=self._began_at, note=note)
        self._end(0)


def without_looking(request: Request, steps: int) -> Request:
    """A request as it is run for real: so many steps, and nothing to be written down."""
    return dataclasses.replace(request, steps=steps, looked_at=False, replays={}, process_bytes=None)


def main() -> None:
    """Work on the folder named on the command line."""
    child = Real(Path(sys.argv[1]))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
