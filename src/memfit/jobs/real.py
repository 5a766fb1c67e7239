"""A job with its changes run for real, for a few steps, in a fresh process with limits: what it really comes to.

    python -m memfit.jobs.real FOLDER        the child: runs FOLDER/request.json, writes FOLDER/reading

The script's files go to a scratch folder as in a simulation; the network is off.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from memfit.errors import UsageError
from memfit.jobs.child import Child, _stay_offline
from memfit.jobs.launch import environment_of_child, write_request
from memfit.jobs.request import Request
from memfit.jobs.running import run_as_main
from memfit.probing.watching import Limits, Reading, Watch
from memfit.registry import adapter
from memfit.sensors import process_memory

_FILES = ("began", "reading", "log")


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
        The reading; ``rise_bytes`` is the peak of the process and its children, None when it failed.
    """
    if request.on is not None:
        raise UsageError("a job on a device cannot be run on this machine's CPU", slug="cannot-verify")
    with tempfile.TemporaryDirectory(prefix="memfit-") as name:
        folder = Path(name)
        write_request(folder, request)
        files = {each: str(folder / each) for each in _FILES}
        with (folder / "log").open("wb") as log:
            child = subprocess.Popen(
                [python or sys.executable, "-m", "memfit.jobs.real", str(folder)],
                env={**environment_of_child(folder), **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                watch = Watch(child.pid, files, limits, lambda: child.poll() is not None)
                return watch.follow(request.steps)
            finally:
                if child.poll() is None:
                    child.kill()
                child.wait()


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
        self._began_at = time.monotonic()
        optimizer.register_optimizer_step_post_hook(self._stepped)
        self.overlay.install()
        (self.folder / "began").touch()
        run_as_main(request)
        self._told()

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._steps[id(optimizer)] = self._steps.get(id(optimizer), 0) + 1
        if max(self._steps.values()) >= self.request.steps:
            self._told()

    def _told(self) -> NoReturn:
        reading = process_memory()
        peak = (reading.peak_rss_bytes or reading.rss_bytes) if reading is not None else 0
        seconds = time.monotonic() - self._began_at
        told = {"rise_bytes": peak, "kept_bytes": 0, "start_bytes": 0, "seconds": seconds, "exact": True,
                "note": max(self._steps.values(), default=0)}  # fmt: skip
        draft = self.folder / "reading.part"
        draft.write_text(json.dumps(told), encoding="utf-8")
        os.rename(draft, self.folder / "reading")  # noqa: PTH104  # pathlib's is the overlay's
        self._end(0)


def without_looking(request: Request, steps: int) -> Request:
    """A request as it is run for real: so many steps, and nothing to be written down."""
    return dataclasses.replace(request, steps=steps, looked_at=False, replays={}, process_bytes=None)


def main() -> None:
    """Work on the folder named on the command line."""
    child = Real(Path(sys.argv[1]))
    _stay_offline()
    child.work()


if __name__ == "__main__":
    main()
