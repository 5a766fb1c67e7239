"""The child: simulates the job, writes the estimate or what went wrong, and ends. Started by launch.py.

    python -m memfit.jobs.child FOLDER

FOLDER holds request.json; the child adds progress.jsonl while it works, and result.json or error.json at the end.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from memfit.documents import save
from memfit.errors import CannotSimulate, JobFailed, JobNeverTrained, JobTimedOut, MemfitError
from memfit.estimating import ProcessReading
from memfit.jobs import replays
from memfit.jobs.failing import hint_for, said
from memfit.jobs.machine import simulated_machine
from memfit.jobs.overlay import Overlay
from memfit.jobs.ranks import rank_environment
from memfit.jobs.request import Request
from memfit.jobs.result import estimate_of
from memfit.jobs.running import run_as_main, stay_offline
from memfit.registry import adapter
from memfit.sensors import process_memory

# What one line of the trace costs this process: a Storage with its integers, measured with sys.getsizeof on CPython
# 3.11 (168 B and three integers of 28 to 32 B).
_RECORD_BYTES = 264
# memfit's own modules in the child beyond what the job imports, measured on CPython 3.11 as the growth of the resident
# size over importing memfit.jobs.child with psutil (13 MiB) and the torch adapter (2 MiB).
_OWN_MODULES_BYTES = 15 << 20


class Child:
    """One request being worked on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.request = Request(**_tuples(json.loads((folder / "request.json").read_text(encoding="utf-8"))))
        self.started = time.monotonic()
        self.began_in, self.began_with = Path.cwd(), dict(os.environ)
        self.sim: Any = None
        self.facts: Any = None
        self.machine: Any = None
        self.compiler_bytes = 0
        scratch = folder / "written"
        scratch.mkdir(exist_ok=True)  # a child that begins anew in its own folder
        self.overlay = Overlay(scratch)
        self._lock = threading.Lock()

    def work(self) -> None:
        """Simulate, write the result or what went wrong, and end the process."""
        try:
            self._simulate()
        except MemfitError as error:
            self._end(self._fail(error))

    def _simulate(self) -> None:
        self.tell("start", "loading the framework", 0)
        job = adapter("torch")
        import_module = importlib.import_module
        torch: Any = sys.modules["torch"]
        simulation = import_module("memfit.frameworks.torch.simulation")
        before = process_memory()
        import_module("torch._dynamo")  # as the simulation will; an optimizer imports it too, other jobs do not
        after = process_memory()
        if before is not None and after is not None:
            self.compiler_bytes = after.rss_bytes - before.rss_bytes
        request = self.request
        runs = (request.torch, None) if request.torch else (torch.__version__, torch.version.cuda)
        self.machine = simulated_machine(request.on, *runs)
        limits = job.Limits(steps=request.steps, passes=request.passes)
        watch = job.Watch(limits, self.finish, self.tell)
        root = Path.cwd() if request.module or ":" in request.target else Path(request.target).resolve().parent
        self.sim = simulation.Simulation(
            **self.machine.simulation_arguments(),
            root=root,
            steps_per_epoch=request.steps,
            whole_evaluations=request.whole_evaluations,
            on_step=watch.on_step,
            on_pass=watch.on_pass,
            on_backward=watch.on_backward,
        )
        threading.Thread(target=self._watchdog, daemon=True, name="memfit-watchdog").start()
        self.overlay.install()
        self.sim.writes_are_redirected = True
        self.tell("setup", "running the job up to its first step", 0)
        with self.sim:
            self._change()
            try:
                run_as_main(self.request)
            except SystemExit as error:
                self._ended_early(error)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._crashed(error)
            self.finish()

    def _change(self) -> None:
        """Look on, and make the changes that were asked for, for as long as this process lives."""
        request = self.request
        patches = importlib.import_module("memfit.frameworks.torch.surface.patching").Patches()
        if request.looked_at:
            self.facts = importlib.import_module("memfit.frameworks.torch.facts").Facts(self.sim)
            self.facts.install(patches)
        if request.changes:
            importlib.import_module("memfit.frameworks.torch.changes").install(request.changes, patches)

    # -- ends --------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Write the estimate of what was seen and end the process at once: nothing of the job runs any further."""
        with self._lock:
            if self.facts is not None:
                self.facts.rest()
            self.tell("replay", "replaying the trace", self.sim.total_steps)
            self.sim.finish()
            code = 0
            noted = getattr(sys.modules.get("memfit.recipes.notes"), "NOTES", {})
            for slug, text in noted.items():
                self.sim.assume(slug, text)
            try:
                self._check_something_happened()
                self._write_results()
            except MemfitError as error:
                code = self._fail(error)
            except Exception as error:
                code = self._fail(MemfitError(f"memfit itself failed: {error!r}", slug="internal"), error)
            self._end(code)

    def _end(self, code: int) -> NoReturn:
        """Leave at once, whatever threads the job has left running."""
        self.overlay.clean()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def _write_results(self) -> None:
        """The estimate last: who finds it finds the rest."""
        process = self._process()
        observation = self.sim.observation()
        if self.facts is not None:
            told = {**self.facts.told(), "process_bytes": max((process.peak_bytes or 0) - process.own_bytes, 0)}
            self._write_json("facts.json", told)
        for name, spec in self.request.replays.items():
            variables = replays.with_environment(os.environ, spec.get("environment", {}))
            changed = replays.changed(self.sim.observation(variables), spec)
            save(self._estimate(changed, process, variables), self.folder / f"result-{name}.json")
            self._write_json(f"peaks-{name}.json", replays.peaks(changed))
        save(self._estimate(observation, process, os.environ), self.folder / "result.json")

    def _write_json(self, name: str, value: Any) -> None:
        (self.folder / name).write_text(json.dumps(value), encoding="utf-8")

    def _process(self) -> ProcessReading:
        """What this process came to hold, or what it was told that the unchanged job's does."""
        if self.request.process_bytes is not None:
            return ProcessReading(peak_bytes=self.request.process_bytes, own_bytes=0)
        reading = process_memory()
        own = _OWN_MODULES_BYTES + len(self.sim.trace.storages) * _RECORD_BYTES
        if not self.sim.imports_compiler:
            own += self.compiler_bytes
        peak = reading.peak_rss_bytes or reading.rss_bytes if reading is not None else None
        shared = (reading.file_bytes or 0) if reading is not None else 0
        return ProcessReading(peak_bytes=peak, own_bytes=own, file_bytes=shared)

    def _estimate(self, observation: Any, process: ProcessReading, variables: Any) -> Any:
        reading = process_memory()
        return estimate_of(
            observation,
            self.request,
            self.machine,
            kind="module" if self.request.module else "script",
            process=process,
            resident_bytes=reading.rss_bytes if reading is not None else None,
            cost={
                "seconds": round(time.monotonic() - self.started, 2),
                "operators": self.sim.dispatch.operators,
            },
            variables=variables,
        )

    def _check_something_happened(self) -> None:
        sim = self.sim
        if sim.total_steps or sim.passes or sim.backward_passes or sim.ledger.trace.storages:
            if sim.optimizers and sim.total_steps == 0:
                sim.assume(
                    "no-optimizer-step", "the job ended without an optimizer step: the peak is of what it did run"
                )
            return
        raise JobNeverTrained(
            f"{self.request.target} ended without a step, a forward pass or a tensor",
            hint="pass the arguments that make it train; memfit runs the script exactly as python would",
        )

    def _ended_early(self, error: SystemExit) -> None:
        if error.code in (None, 0):
            return
        if self.sim.total_steps == 0:
            line = self._last_line()
            raise JobFailed(
                f"{self.request.target} called sys.exit({error.code!r}) before its first step{line and f': {line}'}",
                hint="run it with the arguments that python would need; --debug shows all that it printed",
            )
        self.sim.assume(
            "job-ended-early", f"the script called sys.exit({error.code!r}) after step {self.sim.total_steps}"
        )

    def _crashed(self, error: BaseException) -> None:
        if "epoch-cut-short" in self.sim.assumptions and (
            isinstance(error, StopIteration) or isinstance(error.__cause__, StopIteration)
        ):
            if self.sim.optimizers and self.sim.total_steps == 0 and not self.request.whole_evaluations:
                self._start_over()
            return  # code that counts its batches ran out of those that were cut: what matters was seen
        self.sim.active = False
        infers = not self.sim.optimizers and self.sim.backward_passes == 0 and self.sim.passes >= 2
        if self.sim.total_steps >= 2 or infers:
            self.sim.active = True
            self.sim.assume(
                "job-failed-later",
                f"after step {self.sim.total_steps} the script failed under the simulation: {said(error)}",
            )
            traceback.print_exception(error)
            return
        traceback.print_exception(error)
        if isinstance(error, MemfitError):
            raise error
        slug = "cannot-simulate" if isinstance(error, NotImplementedError) else "job-failed"
        kind = CannotSimulate if slug == "cannot-simulate" else JobFailed
        raise kind(
            said(error),
            hint=hint_for(error),
        ) from error

    def _start_over(self) -> NoReturn:
        """Begin again in the same process, with evaluations whole: the job counted batches of one before it trained."""
        self.tell("start", "starting over: the script counts the batches of an evaluation", 0)
        self.overlay.clean()
        shutil.rmtree(self.overlay.scratch)
        request = dataclasses.replace(self.request, whole_evaluations=True)
        (self.folder / "request.json").write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os.chdir(self.began_in)
        os.execve(sys.executable, [sys.executable, "-m", "memfit.jobs.child", str(self.folder)], self.began_with)

    def _last_line(self) -> str:
        """The last thing the job printed; empty when it is shown as it comes (--debug)."""
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            lines = (self.folder / "job.log").read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")

    def _fail(self, error: MemfitError, cause: BaseException | None = None) -> int:
        if cause is not None:
            traceback.print_exception(cause)
        (self.folder / "error.json").write_text(
            json.dumps(
                {"type": type(error).__name__, "slug": error.slug, "message": error.message, "hint": error.hint}
            ),
            encoding="utf-8",
        )
        return 1

    def _watchdog(self) -> None:
        time.sleep(self.request.timeout_s)
        sim = self.sim
        if sim.total_steps >= 2 or (not sim.optimizers and (sim.passes or sim.backward_passes)):
            sim.assume(
                "stopped-by-time",
                f"the time limit of {self.request.timeout_s:g} s came after {sim.total_steps} steps "
                f"and {sim.passes} passes",
            )
            self.finish()
        self._fail(
            JobTimedOut(
                f"{sim.total_steps} optimizer steps and {sim.passes} forward passes within "
                f"{self.request.timeout_s:g} s are not enough to tell",
                hint="give it longer with --timeout, or less data to prepare",
            )
        )
        self._end(1)

    def tell(self, stage: str, text: str, step: int) -> None:
        line = {"stage": stage, "text": text, "step": step, "seconds": round(time.monotonic() - self.started, 2)}
        with (self.folder / "progress.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def main() -> None:
    """Work on the folder named on the command line."""
    child = Child(Path(sys.argv[1]))
    os.environ.update(rank_environment(child.request))
    stay_offline()
    child.work()


if __name__ == "__main__":
    main()
