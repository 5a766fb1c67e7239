"""Advice for jobs of TensorFlow, Keras and JAX: few estimates, since each runs the job small or compiles it.

What one estimate of a job that was run small says of its batch holds for other batches too: the part that grows is
known, so smaller and larger ones cost no further run. For a device a compiler plans every batch of JAX anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from memfit.advice import HINTS, Outcome, Setting, Wishes, largest_batch, proposals, search
from memfit.advice.rules import batch_size
from memfit.api.answering import TIME, advice_of, budget
from memfit.api.changed import fullest, script_text
from memfit.api.lighter_data import data_ways
from memfit.documents import Advice, Estimate, Hint, JobFacts, Knob, LargestBatch, OptimizerFacts, PoolEstimate
from memfit.errors import MemfitError
from memfit.jobs import Progress, Request
from memfit.jobs.choosing import imports, keras_backend
from memfit.jobs.knobs import batch_knobs, turned
from memfit.jobs.launch import look_at
from memfit.quantities import ByteRange, Category

# Assumptions of an estimate that followed a line through small runs, on the CPU or as on a GPU.
_SEVERAL_RUNS = {"ran-small", "executed-on-cpu"}
_STAND_IN = "plan-of-the-cpu"  # the assumption of a plan that is not by the device's own compiler


class CompiledJob:
    """A job and its changed forms.

    Args:
        request: of the job as it is, with its way.
        python: the interpreter that has its packages.
        deadline: on time.monotonic(), after which no estimate is begun.
    """

    def __init__(self, request: Request, python: str | None, deadline: float) -> None:
        self.request, self._python, self.deadline = request, python, deadline
        self.text = script_text(request)
        self.failures: dict[str, str] = {}
        self.late = 0
        self.estimates = 0
        self._seen: dict[str, Estimate | None] = {}
        self._known: dict[str, Outcome | None] = {}

    def look(self, progress: Callable[[Progress], None] | None) -> Estimate:
        """The estimate of the job as it is."""
        self.estimates += 1
        estimate = look_at(self.request, python=self._python, progress=progress).estimate
        self.pool = fullest(estimate).pool
        self.knob = self._knob(estimate)
        self._seen[Setting().key] = estimate
        self.base = self._of(estimate)
        self._known[Setting().key] = self.base
        return estimate

    def _knob(self, estimate: Estimate) -> Knob | None:
        """The batch; of one that the frameworks make and no number in the script is, by its size alone."""
        found = batch_knobs(self.text, self.request.arguments, ())
        batch = estimate.cost.get("batch")
        if self.request.way == "planned":
            return next(iter(found), None)
        if not batch or not _SEVERAL_RUNS.intersection(each.slug for each in estimate.assumptions):
            return None
        alone = Knob(name="batch_size", kind="framework", value=int(batch))
        return next((knob for knob in found if knob.value == batch), alone)

    def outcomes(self, settings: Sequence[Setting]) -> list[Outcome | None]:
        """Estimates of settings; None for one that failed, or for which there was no time."""
        return [self.outcome(each) for each in settings]

    def outcome(self, setting: Setting) -> Outcome | None:
        """The estimate of one setting."""
        if setting.key not in self._known:
            self._known[setting.key] = self._estimated(setting)
        return self._known[setting.key]

    def _estimated(self, setting: Setting) -> Outcome | None:
        batch = setting.batch
        run_small = self.request.way != "planned"
        seen = self._look_again(replace(setting, batch=None, accumulation=None) if run_small else setting)
        if seen is None:
            return None
        if batch is None or not run_small or self.knob is None:
            return self._of(seen)
        peak = scaled(self._pool_of(seen), batch / self.knob.value)
        return Outcome(peak_bytes=peak, phase_peaks={"step": peak.expected}, estimate=seen)

    def _look_again(self, setting: Setting) -> Estimate | None:
        """One more run or plan of the job, with its environment and, for a device, its batch changed."""
        key = setting.key
        if key in self._seen:
            return self._seen[key]
        if time.monotonic() > self.deadline:
            self.late += 1
            return None
        request = replace(self.request, changes={**self.request.changes, **setting.changes})
        if setting.batch is not None and self.knob is not None:
            request = turned(request, self.knob, setting.batch)
        self.estimates += 1
        try:
            found = look_at(request, python=self._python, environment=setting.environment).estimate
            self._seen[key] = found
        except MemfitError as error:
            name = ", ".join([*setting.changes, *setting.environment, *(["batch"] if setting.batch else [])])
            self.failures[name] = error.message
            self._seen[key] = None
        return self._seen[key]

    def _pool_of(self, estimate: Estimate) -> PoolEstimate:
        return next((pool for pool in estimate.pools if pool.pool == self.pool), estimate.pools[-1])

    def _of(self, estimate: Estimate) -> Outcome:
        pool = self._pool_of(estimate)
        return Outcome(peak_bytes=pool.peak_bytes, phase_peaks={"step": pool.peak_bytes.expected}, estimate=estimate)

    def facts(self) -> JobFacts:
        """What rules look at."""
        estimate = self.base.estimate
        pool = next(pool for pool in estimate.pools if pool.pool == self.pool)
        trains = not any(each.slug == "no-optimizer-step" for each in estimate.assumptions)
        state = pool.breakdown_bytes.get("optimizer_state", 0)
        return JobFacts(
            framework=self._framework(),
            pool=self.pool,
            on_device=self.pool != "host",
            machine=estimate.machine.name,
            script=Path(self.request.target).name,
            text=self.text,
            breakdown=dict(pool.breakdown_bytes),
            phase_peaks=dict(self.base.phase_peaks),
            optimizers=(OptimizerFacts(kind="", trained_bytes=state),) if trains else (),
            batch=self.knob,
            compiler=self._compiler(estimate),
            data_ways=data_ways(self.text, self.request.arguments),
        )

    def _compiler(self, estimate: Estimate) -> str:
        if self.request.way != "planned":
            return ""
        return "stand-in" if any(each.slug == _STAND_IN for each in estimate.assumptions) else "device"

    def _framework(self) -> str:
        try:
            names = imports(self.text)
        except (SyntaxError, ValueError):
            names = set()
        if "tensorflow" in names:
            return "tensorflow"
        return keras_backend(self.text) if "keras" in names else "jax"


def scaled(pool: PoolEstimate, times: float) -> ByteRange:
    """The peak of a job that was run small, with its batch so many times as large.

    What grows with the batch is multiplied; what the estimate's high end is above its expectation, beyond the imports,
    is a share of the rest. What a device's libraries take grows with a larger batch, and is as it is with a smaller.
    """
    of: dict[Category, int] = {}
    for part in pool.components:
        of[part.category] = of.get(part.category, 0) + part.range.expected
    fixed = ByteRange.total(part.range for part in pool.components if part.category is Category.FRAMEWORK)
    added = round(of.get(Category.ACTIVATIONS, 0) * (times - 1))
    added += round(of.get(Category.WORKSPACES, 0) * max(times - 1, 0))
    rise = pool.peak_bytes.expected - fixed.expected
    now = rise + added
    above = (pool.peak_bytes.high - fixed.high - rise) / max(rise, 1)
    below = (rise - pool.peak_bytes.low + fixed.low) / max(rise, 1)
    return ByteRange(
        low=fixed.low + round(now * (1 - below)),
        expected=fixed.expected + now,
        high=fixed.high + round(now * (1 + above)),
    )


def advised_on_compiled(
    request: Request,
    wishes: Wishes,
    within_bytes: int | None,
    *,
    seconds: float,
    python: str | None,
    progress: Callable[[Progress], None] | None,
) -> Advice:
    """The advice for a script of TensorFlow, Keras or JAX."""
    began = time.monotonic()
    job = CompiledJob(request, python, began)
    estimate = job.look(progress)
    job.deadline = time.monotonic() + seconds
    facts = job.facts()
    budget_bytes, assumed = budget(estimate, job.pool, within_bytes)
    proposed = proposals(facts)
    wishes.check(proposed)
    found = search(job.base, [each for each in proposed if wishes.allow(each)], job.outcomes, budget_bytes)
    batch = _largest(job, facts, wishes, budget_bytes)
    hints = [hint for rule in HINTS for hint in rule(facts)]
    hints += [Hint(slug="change-not-simulated", text=f"{name}: {why}") for name, why in job.failures.items()]
    if job.late:
        text = f"{job.late} estimates were not made: the time was over; --seconds gives more"
        hints.append(Hint(slug="time-was-over", text=text))
    return advice_of(
        estimate,
        job.pool,
        found,
        budget_bytes=budget_bytes,
        now_bytes=job.base.peak_bytes,
        hints=hints,
        assumptions=(*assumed, TIME, *estimate.assumptions),
        cost={"seconds": round(time.monotonic() - began, 2), "estimates": job.estimates},
        largest_batch=batch,
    )


def _largest(job: CompiledJob, facts: JobFacts, wishes: Wishes, budget_bytes: int | None) -> LargestBatch | None:
    knob = facts.batch
    if knob is None or budget_bytes is None or batch_size.SLUG in wishes.without:
        return None
    now = knob.value
    late = job.late
    found = largest_batch(facts, lambda size: job.outcome(Setting(batch=None if size == now else size)), budget_bytes)
    return None if found is not None and job.late > late and not found.batch else found
