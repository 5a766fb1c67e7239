"""A script's changed forms, estimated: settings of advice → requests to a warm process, with runs that are shared."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from queue import Queue
from typing import Any

from memfit.advice import Outcome, Setting
from memfit.advice.rules import host_allocator
from memfit.documents import CycleFacts, Estimate, JobFacts, Knob, LayerFacts, LoaderFacts, OptimizerFacts, PoolEstimate
from memfit.errors import MemfitError
from memfit.jobs import Request
from memfit.jobs.knobs import accumulation_knob, batch_knobs, turned
from memfit.jobs.launch import Seen
from memfit.jobs.warm import Warm

_REPLAY = "changed"
_MALLOC = ("MALLOC_", "GLIBC_TUNABLES")
_QUICK_STEPS = 2  # an optimizer's state appears in the first and is felt in the second
_SAME = 0.002  # of the peak: phases that differ by less are the same
_NO_BATCH_EFFECT = 0.002  # of the peak: a number that moves it by less is not the batch


class ChangedJob:
    """A simulated script and its changed forms.

    Args:
        request: of the job as it is.
        seen: what was found of it, facts included.
        warm: the processes that simulate variants, several at a time.
        deadline: of the clock, after which no estimate is begun; what was not made by then is as if it had failed.
        clock: seconds that pass.
    """

    def __init__(
        self,
        request: Request,
        seen: Seen,
        warm: Sequence[Warm],
        *,
        deadline: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.request = replace(request, process_bytes=seen.facts["process_bytes"])
        self._idle: Queue[Warm] = Queue()
        for each in warm:
            self._idle.put(each)
        self._at_once = len(warm)
        self._seen = seen
        self.deadline, self._clock = deadline, clock
        self.late: list[str] = []
        self.pool = fullest(seen.estimate).pool
        self.base = self._outcome(seen.estimate, seen.facts["phase_peaks"])
        self.failures: dict[str, str] = {}
        self.estimates = 1
        self._known: dict[str, Outcome | None] = {Setting().key: self.base}
        self._knob: Knob | None = None
        self._accumulation: Knob | None = None
        self._micro_steps = int(seen.facts["micro_steps"])
        self.text = script_text(request)

    def hurry(self) -> None:
        """Simulate fewer steps and micro-steps from now on, if those show the same peaks."""
        self._accumulation = accumulation_knob(self.text, self.request.arguments)
        quick = replace(self.request, steps=min(self.request.steps, _QUICK_STEPS))
        if self._accumulation is not None and self._micro_steps > 2:
            quick = turned(quick, self._accumulation, 2)
        if quick == self.request or self.pool == "host":  # malloc keeps changing with the steps
            return
        seen = self._look(quick, "fewer steps")
        if seen is None:
            return
        outcome = self._outcome(seen.estimate, seen.facts["phase_peaks"])
        if _moved(self.base, outcome) <= _SAME * self.base.peak_bytes.expected:
            self.request = quick

    # -- facts -------------------------------------------------------------------------------------------------

    def facts(self, environment: Mapping[str, str] = os.environ) -> JobFacts:
        """What rules look at; finds the knob of the batch, which takes an estimate or two."""
        told = self._seen.facts
        pool = self._pool(self._seen.estimate)
        machine = self._seen.estimate.machine
        capability = machine.details.get("capability")
        if told["optimizers"] and self._knob is None:
            self._find_knobs()
        return JobFacts(
            framework="torch",
            pool=self.pool,
            on_device=self.pool != "host",
            machine=machine.name,
            script=Path(self.request.target).name,
            text=self.text,
            breakdown=dict(pool.breakdown_bytes),
            phase_peaks=dict(self.base.phase_peaks),
            steps=told["steps"],
            micro_steps=told["micro_steps"],
            optimizers=tuple(OptimizerFacts(**each) for each in told["optimizers"]),
            autocast=told["autocast"],
            gradients_in_forward=told["gradients_in_forward"],
            evaluates_with_gradients=told["evaluates_with_gradients"],
            loaders=tuple(LoaderFacts(**each) for each in told["loaders"]),
            layers=tuple(LayerFacts(**each) for each in told["layers"]),
            blocks=LayerFacts(**told["blocks"]) if told["blocks"] else None,
            activations_bytes=told["activations_bytes"],
            attention=told["attention"],
            scores=tuple(told["scores"]),
            logits=told["logits"],
            linear_layers=told["linear_layers"],
            linear_sizes=tuple(told["linear_sizes"]),
            outliving_bytes=told["outliving_bytes"],
            cycles=CycleFacts(**told["cycles"]),
            weight_bytes=told["weight_bytes"],
            batch=self._knob,
            accumulation=self._accumulation,
            grows_bytes=_grows(pool),
            installed=host_allocator.found(),
            malloc_set=any(name.startswith(_MALLOC) for name in environment),
            expandable="expandable_segments:True" in str(self._seen.estimate.environment.get("allocator_settings", "")),
            capability=tuple(capability) if capability else None,
            device_count=int(machine.details.get("device_count") or 0),
            sharded=told["sharded"],
        )

    def _find_knobs(self) -> None:
        for knob in batch_knobs(self.text, self.request.arguments, self._seen.facts["loaders"])[:3]:
            self._knob = knob
            setting = Setting(batch=knob.value // 2 if knob.value > 1 else 2)
            (outcome,) = self.outcomes([setting])
            least = _NO_BATCH_EFFECT * self.base.peak_bytes.expected
            if self.late or (outcome is not None and _moved(self.base, outcome) > least):
                return  # without time to try it, the likeliest is taken
            self._known.pop(setting.key)
        self._knob = None

    # -- estimates ---------------------------------------------------------------------------------------------

    def outcomes(self, settings: Sequence[Setting]) -> list[Outcome | None]:
        """Estimates of settings; those that need no run of their own share one."""
        replays = [each for each in settings if each.is_replay and each.key not in self._known]
        if replays:
            self._share_a_run(replays)
        missing = {each.key: each for each in settings if each.key not in self._known}
        with ThreadPoolExecutor(self._at_once) as workers:
            self._known.update(zip(missing, workers.map(self._simulated, missing.values()), strict=True))
        return [self._known[each.key] for each in settings]

    def outcome(self, setting: Setting) -> Outcome | None:
        """The estimate of one setting; None, and a line among the failures, when it could not be simulated."""
        return self.outcomes([setting])[0]

    def _share_a_run(self, settings: Sequence[Setting]) -> None:
        specs = {str(place): _spec(setting) for place, setting in enumerate(settings)}
        seen = self._look(replace(self.request, replays=specs), "replays")
        for place, setting in enumerate(settings):
            found = seen.replays.get(str(place)) if seen is not None else None
            self._known[setting.key] = self._outcome(*found) if found is not None else None

    def _simulated(self, setting: Setting) -> Outcome | None:
        spec = _spec(setting)
        replays = {_REPLAY: spec} if any(spec.values()) else {}
        name = ", ".join([*setting.changes, *(["batch"] if setting.batch else [])])
        seen = self._look(replace(self.as_request(setting), replays=replays), name)
        if seen is None:
            return None
        found = seen.replays[_REPLAY] if replays else (seen.estimate, seen.facts["phase_peaks"])
        return self._outcome(*found)

    def as_request(self, setting: Setting) -> Request:
        """What a child is asked for: the changes, the batch, and two micro-steps where there will be more than one."""
        request = replace(self.request, changes={**self.request.changes, **setting.changes})
        if setting.batch is not None and self._knob is not None:
            request = turned(request, self._knob, setting.batch)
        several = (setting.accumulation or 1) > 1
        if several and self._micro_steps < 2:  # what a second micro-step shows, further ones do not change
            if self._accumulation is not None:
                return turned(request, self._accumulation, 2 * self._accumulation.value)
            return replace(request, changes={**request.changes, "accumulate": 2})
        return request

    def _look(self, request: Request, name: str) -> Seen | None:
        if self._clock() > self.deadline:
            self.late.append(name)
            return None
        self.estimates += 1
        warm = self._idle.get()
        try:
            seen = warm.look_at(request)
        except MemfitError as error:
            self.failures[name] = error.message
            return None
        finally:
            self._idle.put(warm)
        failed = next((each for each in seen.estimate.assumptions if each.slug == "job-failed-later"), None)
        before = any(each.slug == "job-failed-later" for each in self._seen.estimate.assumptions)
        if (failed is not None and not before) or seen.facts["steps"] < min(self._seen.facts["steps"], 2):
            self.failures[name] = failed.text if failed is not None else "the changed job made no steps"
            return None
        return seen

    def _outcome(self, estimate: Estimate, peaks: Mapping[str, Mapping[str, int]]) -> Outcome:
        return Outcome(
            peak_bytes=self._pool(estimate).peak_bytes,
            phase_peaks=dict(peaks.get(self.pool, {})),
            estimate=estimate,
        )

    def _pool(self, estimate: Estimate) -> PoolEstimate:
        return next((pool for pool in estimate.pools if pool.pool == self.pool), estimate.pools[-1])


def fullest(estimate: Estimate) -> PoolEstimate:
    """The device whose peak is highest; the host where there is none."""
    devices = [pool for pool in estimate.pools if pool.pool != "host"]
    return max(devices or estimate.pools, key=lambda pool: pool.peak_bytes.high)


def script_text(request: Request) -> str:
    """The script as it stands; "" for what is no file."""
    try:
        return Path(request.target).read_text(encoding="utf-8") if not request.module else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _grows(pool: PoolEstimate) -> int:
    """What each step leaves behind more than the one before, where every step does."""
    ends = [step.end_bytes for step in pool.steps]
    rises = [later - earlier for earlier, later in pairwise(ends)]
    return min(rises) if len(rises) > 1 and min(rises) > 0 else 0


def _spec(setting: Setting) -> dict[str, Any]:
    return {"edits": list(setting.edits), "loaders": setting.loaders, "environment": setting.environment}


def _moved(one: Outcome, other: Outcome) -> int:
    phases = {*one.phase_peaks, *other.phase_peaks}
    return max((abs(one.phase_peaks.get(each, 0) - other.phase_peaks.get(each, 0)) for each in phases), default=0)
