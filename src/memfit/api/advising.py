"""What to change about a job so that it fits: rules propose, estimates of the changed job judge, a search chooses."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memfit.advice import (
    HINTS,
    Found,
    Outcome,
    Proposal,
    Review,
    Setting,
    Wishes,
    largest_batch,
    proposals,
    review,
    search,
)
from memfit.advice.rules import batch_size
from memfit.api.advising_ranks import of_fullest_rank
from memfit.api.answering import TIME, advice_of, budget
from memfit.api.changed import ChangedJob
from memfit.api.estimating import check_script, is_estimator, request_for
from memfit.api.lighter_data import data_ways
from memfit.api.measuring import Measuring
from memfit.api.saved import load_only
from memfit.documents import Advice, Assumption, Estimate, Hint, JobFacts, LargestBatch, Recording
from memfit.errors import JobNeverTrained, UsageError
from memfit.jobs import Progress, Request
from memfit.jobs.choosing import way_of
from memfit.jobs.launch import look_at
from memfit.jobs.warm import Warm
from memfit.recipes.names import ONNX, TFLITE, is_model

if TYPE_CHECKING:
    from memfit.api.by_library import LibraryJob
    from memfit.api.named import NamedJob

_AT_ONCE = min(2, os.cpu_count() or 1)  # variants that are simulated side by side, some hundred MiB each
_SHARE_FOR_PLANS = 0.75  # of the time; the rest is for the largest batch
RUN_SMALL = Hint(slug="not-measured", text="jobs of TensorFlow and JAX are run small, or planned, for every estimate")
PROBED = Hint(slug="not-measured", text="fits of estimators are probed by running them on parts of their data")


def advise(
    target: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    *,
    on: str | None = None,
    ranks: str | int | None = None,
    within_bytes: int | None = None,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    results: str = "model",
    steps: int = 3,
    timeout_s: float = 300.0,
    python: str | None = None,
    module: bool = False,
    host_memory_bytes: int | None = None,
    passes: int | None = None,
    probe_budget_s: float = 20.0,
    seconds: float = 120.0,
    verify: bool = False,
    measure: bool = False,
    recording: str | os.PathLike[str] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Advice:
    """What to change about a job, and the cheapest set of changes that fits.

    Args:
        target: a script, a module's name (with ``module=True``), or a model's ("hf:Qwen/Qwen3-8B").
        arguments: the script's command line.
        on, ranks: the device and the processes, as for ``memfit.estimate``.
        within_bytes: what may be used of the device, of the host where there is none; the machine's own by default.
        only, without: slugs of changes that alone are, or are not, to be considered.
        results: the most that may happen to what the job computes: "same", "rounding", "training", "model".
        steps: optimizer steps to simulate for each estimate.
        timeout_s: seconds for one estimate.
        python: the interpreter that has the job's packages.
        module: the target is a module.
        host_memory_bytes: RAM of the machine in question.
        passes: for a job that only infers: forward passes to see.
        probe_budget_s: seconds for the probes of each estimate of a script that fits estimators.
        seconds: so many after the first estimate no further one is begun; what was found by then is told.
        verify: run the best plan for real for a few steps, where this machine can.
        measure: run the job as it is, and with the batches found, for a few steps: what is saved and the largest batch
            are then judged by measured peaks. For jobs on the CPU, where what malloc keeps is least certain.
        recording: of the job as it is, made by ``memfit run`` on the same machine: savings are counted from its peak.
        progress: called as the work goes on.

    Returns:
        The advice: plans, best first, each estimated as a whole; the largest batch; the floor; hints.

    Raises:
        MemfitError: what went wrong, in a sentence with a hint.

    >>> memfit.advise("train.py", on="rtx4090-24gb").best.changes   # doctest: +SKIP
    """
    return advised(
        target,
        arguments,
        wishes=Wishes(only=frozenset(only), without=frozenset(without), results=results),
        on=on,
        ranks=ranks,
        within_bytes=within_bytes,
        steps=steps,
        timeout_s=timeout_s,
        python=python,
        module=module,
        host_memory_bytes=host_memory_bytes,
        passes=passes,
        probe_budget_s=probe_budget_s,
        seconds=seconds,
        verify=verify,
        measure=measure,
        recording=recording,
        progress=progress,
    )[0]


def advised(
    target: str | os.PathLike[str],
    arguments: Sequence[str],
    *,
    wishes: Wishes,
    on: str | None,
    ranks: str | int | None = None,
    within_bytes: int | None,
    steps: int,
    timeout_s: float,
    python: str | None,
    module: bool,
    host_memory_bytes: int | None,
    passes: int | None,
    probe_budget_s: float,
    seconds: float,
    verify: bool,
    measure: bool,
    recording: str | os.PathLike[str] | None = None,
    libraries: Sequence[str] = (),
    progress: Callable[[Progress], None] | None,
) -> tuple[Advice, Review | None]:
    """As `advise`, and the best plan made ready for review; variants share the libraries that take long to load."""
    began = time.monotonic()
    if within_bytes is not None and within_bytes < 1:
        raise UsageError(f"a budget of {within_bytes} bytes holds nothing", slug="bad-size")
    named = _model(os.fspath(target), arguments, on, ranks) if is_model(os.fspath(target)) else None
    if named is not None:
        found, reviewed = advised(
            named.recipe, named.arguments, wishes=wishes, on=named.on, ranks=named.ranks,
            within_bytes=within_bytes, steps=steps, timeout_s=timeout_s, python=python, module=True,
            host_memory_bytes=host_memory_bytes, passes=passes, probe_budget_s=probe_budget_s, seconds=seconds,
            verify=verify, measure=measure, recording=recording, libraries=named.libraries, progress=progress,
        )  # fmt: skip
        return replace(found, target=named.target(found.target)), reviewed
    request = request_for(
        os.fspath(target), arguments, on=on, steps=steps, timeout_s=timeout_s, module=module,
        host_memory_bytes=host_memory_bytes, passes=passes,
    )  # fmt: skip
    way = _way(request, in_ranks=ranks is not None)
    if way in ("anchored", "planned"):
        from memfit.api.advising_compiled import advised_on_compiled

        request = replace(request, way=way)
        found = advised_on_compiled(request, wishes, within_bytes, seconds=seconds, python=python, progress=progress)
        return (replace(found, hints=(*found.hints, RUN_SMALL)) if measure or verify or recording else found), None
    if way == "probed":
        from memfit.api.advising_tables import advised_on_tables

        request = replace(request, way="probed", probe_budget_s=probe_budget_s)
        found = advised_on_tables(request, wishes, within_bytes, python=python, progress=progress)
        return (replace(found, hints=(*found.hints, PROBED)) if measure or verify or recording else found), None
    recorded = None
    if recording is not None:
        hint = "`memfit run -o job.memfit -- python train.py` makes one"
        recorded = load_only(Recording, recording, hint=hint, slug="no-recording")
    request, about = of_fullest_rank(request, ranks, python=python, progress=progress)
    request = replace(request, looked_at=True)
    with contextlib.ExitStack() as stack:
        warm = [stack.enter_context(Warm(python, libraries)) for _ in range(_AT_ONCE)]
        seen = look_at(request, python=python, progress=progress)
        if not seen.facts:
            raise JobNeverTrained(f"{request.target} showed nothing that could be changed")
        job, teller = ChangedJob(request, seen, warm), _Teller(progress, began)
        measuring = Measuring(job, python=python, tell=teller)
        run = _Run(job, wishes, within_bytes, teller, measuring, measure=measure, recorded=recorded)
        found, reviewed = run.advice(verify=verify, began=began, seconds=seconds)
    return replace(found, assumptions=(*about, *found.assumptions)), reviewed


def _way(request: Request, *, in_ranks: bool) -> str:
    """How the job's memory is found.

    Raises:
        MemfitError: it is no script, there is none, or it is not for several ranks.
    """
    if is_estimator(request.target, request.arguments):
        raise UsageError(
            f"{request.target} is an estimator: advice is for scripts",
            hint="`memfit estimate` with another --set, --dtype or --rows tells what each changes",
            slug="no-script",
        )
    check_script(request)
    way = way_of(request.target, module=request.module, on_device=_is_simulated(request))
    if in_ranks and way != "simulated":
        raise UsageError("advice on several ranks is for jobs of PyTorch", hint="leave --ranks out", slug="bad-ranks")
    return way


def _is_simulated(request: Request) -> bool:
    """Whether a device is named, or Keras runs on torch, which is simulated for advice on the host too."""
    on_device = request.on is not None
    return on_device or way_of(request.target, module=request.module, on_device=True) == "simulated"


def _model(name: str, words: Sequence[str], on: str | None, ranks: str | int | None) -> LibraryJob | NamedJob | None:
    """What is run in the place of a model's name."""
    from memfit.api.by_library import job_of
    from memfit.llamacpp.finding import is_gguf
    from memfit.servers.wishes import asks_for_an_engine

    if asks_for_an_engine(words):
        raise UsageError(
            f"{name} is run by a serving engine: no change of it can be estimated yet",
            hint="`memfit estimate` with another --context, --cache-dtype or --utilization tells what each changes",
            slug="no-advice",
        )
    if name.lower().endswith((TFLITE, ONNX)):
        raise UsageError(
            f"{name} is a finished model: nothing of it can be changed and estimated anew",
            hint="`memfit estimate` tells what another --batch changes; of a .tflite file, 8-bit integers too",
            slug="no-advice",
        )
    if is_gguf(name):
        raise UsageError(
            f"{name} is run by llama.cpp: no change of it can be estimated yet",
            hint="`memfit estimate` with another --context, --cache-type or --gpu-layers tells what each changes",
            slug="no-advice",
        )
    return job_of(name, words, on=on, ranks=ranks)


class _Teller:
    """Passes on what the search is doing."""

    def __init__(self, progress: Callable[[Progress], None] | None, began: float) -> None:
        self._progress, self._began = progress, began

    def __call__(self, text: str) -> None:
        if self._progress is not None:
            seconds = time.monotonic() - self._began
            self._progress(Progress(stage="advise", text=text, step=0, steps=0, seconds=seconds))


class _Run:
    """One piece of advice being made."""

    def __init__(
        self,
        job: ChangedJob,
        wishes: Wishes,
        within_bytes: int | None,
        tell: _Teller,
        measuring: Measuring,
        *,
        measure: bool,
        recorded: Recording | None,
    ) -> None:
        self.job, self.wishes, self.tell, self.measuring = job, wishes, tell, measuring
        self.budget_bytes, self.assumed = budget(job.base.estimate, job.pool, within_bytes)
        self.base, self.measured_bytes = job.base, None
        self.not_measured = measuring.why_not() if measure else None
        self.measures = measure and self.not_measured is None
        if recorded is not None:
            self.base, self.measured_bytes = measuring.recorded(recorded)
            if self.measured_bytes is None:
                self.not_measured = f"the recording has no readings of {job.pool}"
        elif self.measures:
            self.base, self.measured_bytes = measuring.as_it_is()
            if self.measured_bytes is None:
                self.not_measured = f"the job as it is: {measuring.problem}"
        self.start = time.monotonic()

    def _look(self, seconds: float) -> None:
        """See what rules look at; from now on the time counts."""
        self.tell("looking for the batch")
        self.job.deadline = self.start + seconds
        self.job.hurry()
        facts = self.job.facts()
        self.facts: JobFacts = replace(facts, data_ways=data_ways(self.job.text, self.job.request.arguments))

    def advice(self, *, verify: bool, began: float, seconds: float) -> tuple[Advice, Review | None]:
        job = self.job
        self._look(seconds * _SHARE_FOR_PLANS)
        proposed = proposals(self.facts)
        self.wishes.check(proposed)
        allowed = [each for each in proposed if self.wishes.allow(each)]
        found = search(self.base, allowed, job.outcomes, self.budget_bytes, progress=self.tell)
        job.deadline = self.start + seconds
        batch = self._largest_batch()
        advice = advice_of(
            job.base.estimate,
            job.pool,
            found,
            budget_bytes=self.budget_bytes,
            now_bytes=self.base.peak_bytes,
            hints=self._hints(),
            assumptions=(*self.assumed, *self._assumptions(job.base.estimate)),
            cost={"seconds": round(time.monotonic() - began, 2), "estimates": job.estimates},
            largest_batch=batch,
            now_measured_bytes=self.measured_bytes,
        )
        chosen = self._chosen(found)
        if verify:
            advice = self.measuring.verified(advice, found)
        return advice, self._review(chosen)

    def _largest_batch(self) -> LargestBatch | None:
        knob = self.facts.batch
        if self.budget_bytes is None or knob is None or batch_size.SLUG in self.wishes.without:
            return None
        self.tell("looking for the largest batch")

        def outcome(size: int) -> Outcome | None:
            times = -(-knob.value // size)
            return self.job.outcome(Setting(batch=None if size == knob.value else size, accumulation=_several(times)))

        runs = self.measuring.runs(self.budget_bytes, knob.value, self.measured_bytes) if self.measures else None
        if self.measures and runs is None:
            self.not_measured = f"the largest batch: {self.measuring.problem}"
        late = len(self.job.late)
        found = largest_batch(self.facts, outcome, self.budget_bytes, runs)
        if runs is not None and found is not None and not found.runs_bytes:
            self.not_measured = f"the largest batch: {self.measuring.problem}"
        without_time = len(self.job.late) > late
        return None if found is not None and without_time and not found.batch else found

    def _chosen(self, found: Found) -> tuple[Proposal, ...]:
        """The proposals of the best plan that changes something."""
        return next((chosen for chosen in found.chosen if chosen), ())

    def _review(self, chosen: tuple[Proposal, ...]) -> Review:
        request = self.job.request
        return review(self.facts, chosen, self.job.text, Path(request.target).as_posix(), request.arguments)

    def _hints(self) -> tuple[Hint, ...]:
        told = [hint for rule in HINTS for hint in rule(self.facts)]
        if self.measures and self.measured_bytes is not None and time.monotonic() < self.job.deadline:
            told = list(self.measuring.with_allocators(told, self.measured_bytes))
        told += [Hint(slug="change-not-simulated", text=f"{name}: {why}") for name, why in self.job.failures.items()]
        if self.job.late:
            text = f"{len(self.job.late)} estimates were not made: the time was over; --seconds gives more"
            told.append(Hint(slug="time-was-over", text=text))
        if self.not_measured is not None:
            told.append(Hint(slug="not-measured", text=self.not_measured))
        host = next((pool for pool in self.job.base.estimate.pools if pool.pool == "host"), None)
        if self.job.pool != "host" and host is not None and host.verdict.value == "does_not_fit":
            told.append(
                Hint(slug="host-too", text="the host's memory does not suffice either: memfit advise --on cpu, or "
                     "--host-memory for another machine")
            )  # fmt: skip
        return tuple(told)

    def _assumptions(self, estimate: Estimate) -> tuple[Assumption, ...]:
        measured = (self.measuring.assumption(),) if self.measured_bytes is not None else ()
        return (TIME, *measured, *estimate.assumptions)


def _several(times: int) -> int | None:
    return times if times > 1 else None
