"""Runs of a job for real, on this machine's CPU: measured peaks beside those that were estimated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from memfit.advice import SPREAD, SPREAD_OF_THRESHOLD, Found, Outcome, Proposal, Runs, Setting
from memfit.advice.rules import host_allocator
from memfit.api.changed import ChangedJob
from memfit.documents import Advice, Assumption, Hint, Recording
from memfit.jobs.real import run_for_real, without_looking
from memfit.probing.watching import Limits
from memfit.quantities import ByteRange, format_bytes
from memfit.sensors import host_capacity

_VERIFIED_STEPS = 6
_MEASURED_STEPS = (
    3  # an optimizer's state appears in the first, is felt in the second; the third shows what malloc adds
)
_SECONDS = 300.0  # that one run may take
_ROOM_SHARE = 0.9  # of what is free, that a run may take
_ROOM = 1.5  # of the predicted high end, that a run may take before it is ended
_ROOM_ABOVE_BUDGET = 1.25  # a run above the budget says by how much, up to here
_THRESHOLD = "MALLOC_MMAP_THRESHOLD_"


class Measuring:
    """Measured peaks of a job's settings.

    Args:
        job: whose changed forms are run.
        python: the interpreter; this one by default.
        tell: what is being done, for a person.
        environment: what the job would run with.
    """

    def __init__(
        self,
        job: ChangedJob,
        *,
        python: str | None,
        tell: Callable[[str], None],
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._job, self._python, self._tell = job, python, tell
        self.spread = SPREAD_OF_THRESHOLD if environment.get(_THRESHOLD) else SPREAD
        self.problem, self._late = "", False

    def why_not(self, chosen: Sequence[Proposal] = ()) -> str | None:
        """Why the job, with some changes, cannot be run for real here; None when it can."""
        if self._job.request.on is not None:
            return "the job is for a device: it is not run for real here"
        by_hand = [each.title for each in chosen if not each.verifiable]
        if by_hand:
            return f"memfit estimates {', '.join(by_hand)} and cannot make it in a run for real"
        return None

    def peak_bytes(self, setting: Setting, *, steps: int, most_bytes: float) -> int | None:
        """The peak of a few steps; None, and the reason in ``problem``, when there is no reading.

        Args:
            setting: what is changed.
            steps: of its optimizer.
            most_bytes: beyond which it is ended; what the machine has free is a limit too.
        """
        free = host_capacity().binding.room_bytes * _ROOM_SHARE
        reading = run_for_real(
            without_looking(self._job.as_request(setting), steps),
            setting.environment,
            Limits(memory_bytes=round(min(most_bytes, free)), seconds=_SECONDS),
            python=self._python,
        )
        self.problem, self._late = reading.problem, reading.failure == "time"
        return reading.rise_bytes

    def as_it_is(self) -> tuple[Outcome, int | None]:
        """The job as it is, its range as narrow as one run leaves it, and what that run came to."""
        base = self._job.base
        self._tell("running the job as it is for real")
        found = self.peak_bytes(Setting(), steps=_MEASURED_STEPS, most_bytes=_ROOM * base.peak_bytes.high)
        return (base, None) if found is None else (self._around(found), found)

    def recorded(self, recording: Recording) -> tuple[Outcome, int | None]:
        """The same from a recording of the job as it is; unchanged where it has no peak of the memory in question."""
        found = recording.peak_bytes(self._job.pool)
        return (self._job.base, None) if found is None else (self._around(found), found)

    def _around(self, peak_bytes: int) -> Outcome:
        """The job as it is, its range what another run may be off."""
        base = self._job.base
        low, high = round(peak_bytes * (1 - self.spread)), round(peak_bytes / (1 - self.spread))
        peak = ByteRange(low=low, expected=peak_bytes, high=high)
        return replace(base, peak_bytes=peak, estimated_bytes=base.peak_bytes.expected)

    def runs(self, budget_bytes: int, now: int, now_bytes: int | None) -> Runs | None:
        """What runs with other batches can tell of a budget; None where the machine has not so much free.

        Args:
            budget_bytes: what may be used.
            now: the batch as it is.
            now_bytes: its measured peak.
        """
        if budget_bytes > host_capacity().binding.room_bytes * _ROOM_SHARE:
            self.problem = f"{format_bytes(budget_bytes)} are not free on this machine"
            return None

        def measure(size: int) -> int | None:
            self._tell(f"running a batch of {size} for real")
            setting = Setting(batch=None if size == now else size)
            peak = self.peak_bytes(setting, steps=_MEASURED_STEPS, most_bytes=_ROOM_ABOVE_BUDGET * budget_bytes)
            if self._late:
                raise TimeoutError(self.problem)
            return peak

        return Runs(measure=measure, measured={} if now_bytes is None else {now: now_bytes}, spread=self.spread)

    def assumption(self) -> Assumption:
        """What a measured peak stands for."""
        steadier = f"; with {_THRESHOLD} set, as by malloc-threshold, runs differ by {SPREAD_OF_THRESHOLD:.1%} at most"
        return Assumption(
            slug="measured-for-few-steps",
            text=f"measured peaks are of {_MEASURED_STEPS} steps; one run in twenty comes to {self.spread:.1%} more "
            "than another, and a longer one to what its later steps add"
            + (steadier if self.spread != SPREAD_OF_THRESHOLD else ""),
        )

    def with_allocators(self, hints: Sequence[Hint], now_bytes: int) -> Iterator[Hint]:
        """The hints, those of installed allocators with what a run for real with them comes to.

        Args:
            hints: of the rules.
            now_bytes: the measured peak of the job as it is.
        """
        for hint in hints:
            name = hint.slug.removeprefix(host_allocator.OTHER)
            library = host_allocator.LIBRARIES.get(name) if name in host_allocator.found() else None
            if library is None:
                yield hint
                continue
            self._tell(f"running the job with {name} for real")
            setting = Setting(environment={"LD_PRELOAD": library})
            peak = self.peak_bytes(setting, steps=_MEASURED_STEPS, most_bytes=_ROOM * now_bytes)
            if peak is None:
                yield replace(hint, text=f"{name} is installed, and the run with it failed: {self.problem}")
            else:
                word = f"{format_bytes(peak)} with {name}, {format_bytes(now_bytes)} without it, both measured"
                yield replace(hint, text=word, saves_bytes=max(now_bytes - peak, 0))

    def verified(self, advice: Advice, found: Found) -> Advice:
        """The best plan with what a run for real came to; why not, where there can be none."""
        if not found.plans:
            return advice
        plan, setting = found.plans[0], found.settings[0]
        why = self.why_not(found.chosen[0])
        if why is None:
            self._tell("running the best plan for real")
            peak = self.peak_bytes(setting, steps=_VERIFIED_STEPS, most_bytes=_ROOM * plan.peak_bytes.high)
            if peak is not None:
                return replace(advice, plans=(replace(plan, measured_bytes=peak), *advice.plans[1:]))
            why = f"the run for real failed: {self.problem}"
        return replace(advice, hints=(*advice.hints, Hint(slug="not-verified", text=why)))
