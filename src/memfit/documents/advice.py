"""Advice: what can be changed about a job, what each change saves and costs, and which set of them fits a budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memfit.documents.estimate import Assumption
from memfit.quantities import ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a plan.

    Args:
        slug: its name; "activation-checkpointing".
        title: what is done, in a phrase.
        saves_bytes: of the expected peak, when it is made alone, by an estimate of the job so changed.
        costs: in time or accuracy, in words.
        how: the code, flag or variable to type.
        where: the line of the user's code, "train.py:42"; "" where there is no single one.
        time_factor: step time after over before, by the stated cost model.
        results: "same", "rounding", "training", "model": what it does to the job's results.
    """

    slug: str
    title: str
    saves_bytes: int
    costs: str
    how: str
    where: str = ""
    time_factor: float = 1.0
    results: str = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A set of changes, estimated together.

    Args:
        changes: that are made; none for the job as it is.
        peak_bytes: of the pool in question.
        fits: whether ``high`` is within the budget; None without a budget.
        time_factor: of all changes together.
        measured_bytes: what a run for real with these changes came to; None when there was none.
        arguments: the command line of the script, where it changes.
        environment: variables to set.
        host_bytes: the host's peak with these changes, where the pool in question is a device's; else None.
    """

    changes: tuple[Change, ...]
    peak_bytes: ByteRange
    fits: bool | None
    time_factor: float = 1.0
    measured_bytes: int | None = None
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    host_bytes: ByteRange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LargestBatch:
    """The largest batch that fits the budget, all else as it is.

    Args:
        name: the knob.
        now: the batch as it is.
        batch: the largest whose ``high`` fits; 0 when not even one does.
        peak_bytes: of it; None when none fits.
        next_peak_bytes: of one more, which does not fit; None when that was not reached.
        likely_batch: the largest whose ``expected`` fits; 0 when not even one does.
        accumulation: micro-steps that keep the effective batch.
        how: what to type.
        runs_bytes: batch → the peak of a run for real with it; where there are any they judge in the place of the
            estimate's ``high``, and the range of ``peak_bytes`` is what one run differs from another.
    """

    name: str
    now: int
    batch: int
    peak_bytes: ByteRange | None
    next_peak_bytes: ByteRange | None
    likely_batch: int
    accumulation: int = 1
    how: str = ""
    runs_bytes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something that helps and that memfit cannot make, or estimate, by itself.

    Args:
        slug: its name.
        text: a sentence.
        how: what to type.
        where: the line.
        saves_bytes: None when that is not known.
    """

    slug: str
    text: str
    how: str = ""
    where: str = ""
    saves_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to change.

    Args:
        target: the job, as in its estimate.
        machine: its name.
        pool: the memory in question.
        budget_bytes: what may be used of it; None when it is not known.
        now_bytes: the peak of the job as it is; around ``now_measured_bytes`` where there is one.
        plans: best first: those that fit before those that do not, the cheapest first.
        floor_bytes: the lowest peak that any set of changes came to.
        floor_holds: what holds it, by category.
        largest_batch: None where no knob for the batch was found, or the job does not train.
        hints: see there.
        assumptions: what the figures rest on.
        cost: what the advice itself took: "seconds", "estimates".
        now_measured_bytes: what the job as it is came to in a run for real, or a recording; None when there was none.
    """

    target: Mapping[str, Any]
    machine: str
    pool: str
    budget_bytes: int | None
    now_bytes: ByteRange
    plans: tuple[Plan, ...]
    floor_bytes: ByteRange
    floor_holds: Mapping[str, int] = field(default_factory=dict)
    largest_batch: LargestBatch | None = None
    hints: tuple[Hint, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    now_measured_bytes: int | None = None

    @property
    def fits_now(self) -> bool | None:
        """Whether the job as it is stays within the budget."""
        return None if self.budget_bytes is None else self.now_bytes.high <= self.budget_bytes

    @property
    def best(self) -> Plan | None:
        """The cheapest plan that fits."""
        return next((plan for plan in self.plans if plan.fits), None)
