"""The child for JAX jobs on a device: the script runs, its programs do not; a compiler for the device plans them.

    python -m memfit.jobs.planning FOLDER

The folder is as for jobs.child. Nothing of the job's size is allocated: see frameworks.jax.abstract.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memfit.documents import Estimate, save
from memfit.engine.plans import PlannedJob
from memfit.errors import JobFailed, JobNeverTrained, JobTimedOut, MemfitError, UsageError
from memfit.jobs.child import Child
from memfit.jobs.failing import hint_for, said
from memfit.jobs.planned import document_of_plans
from memfit.jobs.running import run_as_main, stay_offline
from memfit.jobs.small import Counted
from memfit.machines import parse_request
from memfit.recording.child.imports import Watch as ImportWatch
from memfit.registry import MARKS

_FOLLOWED = ("keras", "jax")


class _Done(BaseException):
    """Leaves the job from wherever its last step was made; no ``except Exception`` of its own catches it."""


class _Steps(Counted):
    """Counts training steps, those of fit() too, and tells which programs made them."""

    def __init__(self, planning: Planning) -> None:
        super().__init__(planning.request.steps, planning.enough)
        self._planning = planning

    def iteration(self, unit: str = "step", count: int = 1) -> None:
        if unit in ("step", "batch"):
            self._planning.run.stepped()
            self._planning.tell("step", f"step {self.steps + count}", self.steps + count)
        super().iteration(unit, count)

    def begin(self, name: str) -> None:
        """A fit is not waited for."""

    def end(self, name: str) -> None:
        """As it began."""


class Planning(Child):
    """One job being planned."""

    run: Any
    planner: Any = None
    name = "the CPU"  # of what is planned for

    def _simulate(self) -> None:
        self.tell("start", "loading the framework", 0)
        if importlib.util.find_spec("jax") is None:
            raise JobFailed(
                f"jax is not installed in {sys.executable}",
                hint="name the interpreter that has the job's packages with --python",
            )
        request = self.request
        root = Path.cwd() if request.module or ":" in request.target else Path(request.target).resolve().parent
        self.steps = _Steps(self)
        self.assumed: dict[str, str] = {}
        self._install_marks()
        adapter = importlib.import_module("memfit.frameworks.jax.abstract")
        self.run = adapter.AbstractRun(lambda: self.steps.steps, root, self.enough)
        self.target = self._target()
        self.run.install()
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.overlay.install()
        self.tell("setup", "running the job up to its first step, without computing it", 0)
        self._run_the_job()
        self._plan()

    def _install_marks(self) -> None:
        watch = ImportWatch(lambda text: print(f"memfit: {text}", file=sys.stderr))
        for framework in _FOLLOWED:
            for name, install in importlib.import_module(MARKS[framework]).HOOKS.items():
                watch.after(name, lambda found, install=install: install(found, self.steps))  # type: ignore[misc]
        changes = importlib.import_module("memfit.frameworks.keras.changes")
        watch.after("keras", lambda found: changes.install(found, self.request.changes))
        watch.start()

    def _target(self) -> Any:
        """The device that is planned for."""
        targets = importlib.import_module("memfit.frameworks.jax.targets")
        self.device, count = parse_request(self.request.on or "")
        device, self.name = self.device, self.device.name
        self.run.answer_for("tpu" if device.vendor == "google" else "cuda")
        if device.vendor == "google":
            return targets.tpu_target(device.architecture, count)
        if not device.is_cuda or device.capability is None or device.multiprocessors is None:
            raise UsageError(
                f"JAX jobs are planned for TPUs and for NVIDIA GPUs that the catalogue knows, not for {device.name}",
                hint="`memfit devices` lists them; --on cpu estimates the host alone",
                slug="cannot-simulate",
            )
        memory = device.usable_bytes or device.memory_bytes or 0
        return targets.cuda_target(device.product, device.capability, device.multiprocessors, memory, count)

    def enough(self) -> None:
        """The job has made its steps."""
        if threading.current_thread() is threading.main_thread():
            raise _Done
        self.assume("stopped-elsewhere", "the last step was made in a thread of the job's own")

    def _run_the_job(self) -> None:
        try:
            run_as_main(self.request)
        except _Done:
            return
        except SystemExit as error:
            if error.code not in (None, 0) and not self.steps.steps:
                raise JobFailed(
                    f"{self.request.target} called sys.exit({error.code!r}) before its first step",
                    hint="run it with the arguments that python would need; --debug shows all that it printed",
                ) from None
        except MemfitError:
            raise
        except Exception as error:
            traceback.print_exception(error)
            told = said(error)
            if not self.run.has_trained():  # a step that failed counts as one
                raise JobFailed(told, hint=hint_for(error)) from error
            self.assume("job-failed-later", f"after step {self.steps.steps} the script failed: {told}")

    def _plan(self) -> None:
        if not self.run.programs:
            raise JobNeverTrained(
                f"{self.request.target} ended without a program of JAX",
                hint="pass the arguments that make it train",
            )
        if not self.steps.steps:
            self.assume("no-optimizer-step", "the job ended without a training step: the peak is of what it did run")
        job = importlib.import_module("memfit.frameworks.jax.job")
        self.planner = job.Planning(
            self.run, self.target, self._compiling, donates=bool(self.request.changes.get("donate"))
        )
        self.planner.work()
        self._finish()

    def _compiling(self, name: str) -> None:
        self.tell("replay", f"compiling {name} for {self.name}", self.steps.steps)

    def _finish(self) -> None:
        with self._lock:
            planned = self.planner.told(self.steps.steps)
            told = self._document(planned, {**self.assumed, **planned.assumptions})
            save(told, self.folder / "result.json")
            self._end(0)

    def _document(self, planned: PlannedJob, assumed: Mapping[str, str]) -> Estimate:
        return document_of_plans(
            self.request,
            self.device,
            planned,
            missing=self.target.missing,
            assumed=assumed,
            environment=os.environ,
            seconds=time.monotonic() - self.started,
        )

    def assume(self, slug: str, text: str) -> None:
        self.assumed[slug] = text

    def _watchdog(self) -> None:
        time.sleep(self.request.timeout_s)
        if self.planner is not None and any(each.trains for each in self.planner.runs):
            self.assume(
                "stopped-by-time",
                f"the time limit of {self.request.timeout_s:g} s came before every program was compiled: those of the "
                "training step were",
            )
            self._finish()
        done = f"{self.steps.steps} steps were seen" + ("" if self.planner is None else ", and its programs compiling")
        self._end(
            self._fail(
                JobTimedOut(
                    f"{self.request.target} was not planned within {self.request.timeout_s:g} s: {done}",
                    hint="give it longer with --timeout: large programs take XLA minutes to compile",
                )
            )
        )


def surroundings(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """What JAX must find before it is imported: the CPU alone, as often as the job would have devices."""
    flags = environment.get("XLA_FLAGS", "")
    if count > 1:
        flags = f"{flags} --xla_force_host_platform_device_count={count}".strip()
    wanted = {"JAX_PLATFORMS": "cpu", "TF_CPP_MIN_LOG_LEVEL": environment.get("TF_CPP_MIN_LOG_LEVEL", "3")}
    return {**wanted, "XLA_FLAGS": flags} if flags else wanted


def main() -> None:
    """Work on the folder named on the command line."""
    child = Planning(Path(sys.argv[1]))
    os.environ.update(surroundings(child.request.device_count, os.environ))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
