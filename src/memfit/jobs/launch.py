"""The parent's side: starts the child, passes on its progress, reads what it wrote, and never leaves it behind."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from memfit import errors
from memfit.documents import Estimate, load
from memfit.errors import JobFailed, JobTimedOut, MemfitError, UsageError
from memfit.jobs.choosing import WAYS
from memfit.jobs.request import Request
from memfit.library import library

_POLL_SECONDS = 0.05
# The child ends itself at its time limit; beyond this it hangs where Python cannot interrupt it.
_GRACE_SECONDS = 20.0
# Loading the framework comes before the limit starts to count: a cold disk or a busy machine is not the job's fault.
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an estimate is.

    Args:
        stage: "start", "setup", "step" or "replay"; "data" while data sets are read.
        text: for a person.
        step: the optimizer step just seen.
        steps: how many are wanted.
        seconds: since the start.
    """

    stage: str
    text: str
    step: int
    steps: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the child found.

    Args:
        estimate: of the job.
        facts: what advice looks at; empty unless it was asked for.
        replays: name → the estimate of the edited run, and what tensors come to in each phase, by pool.
    """

    estimate: Estimate
    facts: Mapping[str, Any]
    replays: Mapping[str, tuple[Estimate, Mapping[str, Mapping[str, int]]]]


def run_job(
    request: Request, *, python: str | None = None, progress: Callable[[Progress], None] | None = None
) -> Estimate:
    """Simulate a job in a process of its own and return its estimate; see look_at."""
    return look_at(request, python=python, progress=progress).estimate


def look_at(
    request: Request,
    *,
    python: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Seen:
    """Simulate a job in a process of its own and return what it found.

    Args:
        request: what to simulate.
        python: the interpreter to use; this one by default.
        progress: called as the child reports.
        environment: variables that are set for the child.

    Raises:
        MemfitError: what went wrong, in a sentence.
    """
    with tempfile.TemporaryDirectory(prefix="memfit-") as name:
        folder = Path(name)
        write_request(folder, request)
        with _child(folder, request, python, environment) as child:
            _follow(child, folder, request, progress)
            code = child.returncode
        return result(folder, code, request)


def write_request(folder: Path, request: Request) -> None:
    """Leave a request where the child looks for it."""
    (folder / "request.json").write_text(json.dumps(dataclasses.asdict(request)), encoding="utf-8")


@contextlib.contextmanager
def _child(
    folder: Path, request: Request, python: str | None, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The running child; killed on the way out if it is still there."""
    environment = {**environment_of_child(folder), **variables}
    if request.way == "probed":
        _one_thread(environment)
    command = [python or sys.executable, "-m", WAYS[request.way], str(folder)]
    with (folder / "job.log").open("wb") as log:
        try:
            child = subprocess.Popen(
                command,
                env=environment,
                stdin=None if sys.stdin is not None and sys.stdin.isatty() else subprocess.DEVNULL,
                stdout=sys.stderr if request.debug else log,
                stderr=sys.stderr if request.debug else subprocess.STDOUT,
            )
        except OSError as error:
            raise UsageError(
                f"cannot start {command[0]}: {error.strerror}", hint="name an interpreter with --python"
            ) from error
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()


def environment_of_child(folder: Path) -> dict[str, str]:
    """This process's environment, with memfit to be found by any interpreter."""
    environment = dict(os.environ)
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = str(library(folder)) + (os.pathsep + known if known else "")
    environment["PYTHONUNBUFFERED"] = "1"
    environment.pop("MEMFIT_SPOOL", None)  # within a recorded job: what is simulated is no step of it
    return environment


def _one_thread(environment: dict[str, str]) -> None:
    """No pool of OpenMP in the process that will be forked: a fork would wait for threads that it has not."""
    environment["MEMFIT_THREADS"] = environment.get("OMP_NUM_THREADS", "") or str(os.cpu_count() or 1)
    environment.setdefault("OPENBLAS_NUM_THREADS", environment["MEMFIT_THREADS"])  # its pool knows of forks
    environment.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")


def _follow(
    child: subprocess.Popen[bytes], folder: Path, request: Request, progress: Callable[[Progress], None] | None
) -> None:
    deadline = time.monotonic() + request.timeout_s + _START_SECONDS
    started = False
    told = folder / "progress.jsonl"
    at = 0
    while child.poll() is None:
        if time.monotonic() > deadline:
            raise JobTimedOut(
                f"the job did not end within {request.timeout_s:g} s and could not be interrupted",
                hint="give it longer with --timeout",
            )
        if told.exists():
            at, stages = _pass_on(told, at, request.steps, progress)
            if not started and "setup" in stages:
                started = True
                deadline = time.monotonic() + request.timeout_s + _GRACE_SECONDS
        time.sleep(_POLL_SECONDS)


def _pass_on(told: Path, at: int, steps: int, progress: Callable[[Progress], None] | None) -> tuple[int, set[str]]:
    """Pass on what was added to the file since ``at``; returns where it ends now and the stages that were told."""
    stages = set()
    with told.open(encoding="utf-8") as file:
        file.seek(at)
        for line in iter(file.readline, ""):
            if not line.endswith("\n"):
                break
            at = file.tell()
            item = json.loads(line)
            stages.add(item["stage"])
            if progress is not None:
                progress(Progress(steps=steps, **item))
    return at, stages


def result(folder: Path, code: int | None, request: Request) -> Seen:
    """What a child left in its folder.

    Raises:
        MemfitError: what went wrong, in a sentence.
    """
    if (folder / "error.json").exists():
        told = _read(folder / "error.json")
        kind = getattr(errors, told["type"], MemfitError)
        raise kind(told["message"], hint=told["hint"], slug=told["slug"])
    if (folder / "result.json").exists():
        return Seen(
            estimate=load(folder / "result.json", Estimate),
            facts=_read(folder / "facts.json") if (folder / "facts.json").exists() else {},
            replays={
                name: (load(folder / f"result-{name}.json", Estimate), _read(folder / f"peaks-{name}.json"))
                for name in request.replays
            },
        )
    log = (folder / "job.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = log[-1] if log else "it printed nothing"
    how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
    raise JobFailed(
        f"the process that simulated {request.target} {how} before there was a result: {last}",
        hint="--debug shows all that it printed",
        slug="child-died",
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
