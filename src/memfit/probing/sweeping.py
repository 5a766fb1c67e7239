"""Which sizes are probed, in which order, and when there is enough: small ones first, each within limits of its own.

What the next probe will take is told by those before it; one that would take more than is left of the budget, or than
a probe may take, is not started.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from memfit.errors import MemfitError, UsageError
from memfit.probing.choosing_sizes import points_of, sizes
from memfit.probing.launching import ForkOfThis, Source, source_of
from memfit.probing.law import BENT_POWER, TRUSTED_BYTES, Law, Point, fit_law
from memfit.probing.planning import Plan, check
from memfit.probing.vocabulary import note_of, terms_with
from memfit.probing.watching import Limits, Reading
from memfit.quantities import ByteRange, format_bytes

TOLERANCE = 0.03  # one more probe that moves the prediction by less than this is the last
_ENOUGH_POINTS = 3
# Of the rise, for each part of a filling (Plan.fills) that lies between the largest probe and the target: it goes by
# steps, which lines through smaller probes do not see. Measured on the tuning half of benchmarks/tabular/from_files.py,
# XGBoost 3.2.0 probed at 40,000 of 65,536 rows: rises were 1.15 times the law's in the median.
_FILLING_SHARE = 0.4
_REACH = 16  # times the largest probe: what one goes on towards while the budget lasts (error of 10 % at 16 times)


class Future(Protocol):
    """As in concurrent.futures."""

    def result(self) -> Any: ...


class Executor(Protocol):
    """Whoever runs probes elsewhere: concurrent.futures' executors, or a cluster's of the same shape."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeResult:
    """What probing found.

    Args:
        readings: every probe, in the order they were made, failed ones included.
        law: the peak above the start by size.
        target: the size that was asked for; None when none was.
        rise_bytes: the peak above the start at the target, with its range; None without a target.
        held_bytes: what a probing process held before: the imports.
        stopped: why no further size was probed: "good-enough", "budget", "memory", "time", "all-sizes".
        notes: what a reader should know, in sentences.
        seconds: that it all took.
    """

    readings: tuple[Reading, ...]
    law: Law
    target: int | None
    rise_bytes: ByteRange | None
    held_bytes: int
    stopped: str
    notes: tuple[str, ...]
    seconds: float

    @property
    def peak_bytes(self) -> ByteRange | None:
        """What a process that does this alone will hold at most: the imports and the rise."""
        return None if self.rise_bytes is None else self.rise_bytes + ByteRange.exactly(self.held_bytes)

    @property
    def probe_peak_bytes(self) -> int:
        """The most that any probe rose above its start."""
        return max((each.rise_bytes or 0 for each in self.readings), default=0)

    def at(self, size: int) -> ByteRange:
        """The rise at another size."""
        return self.law.range_at(size)


def probe(
    fn: Callable[[Any], Any],
    sizes: Sequence[int] | None = None,
    *,
    target: int | None = None,
    budget_s: float = 60.0,
    terms: Sequence[str] = ("n",),
    caps_bytes: dict[str, int] | None = None,
    switches: Sequence[int] = (),
    limits: Limits | None = None,
    modules: Sequence[str] = (),
    python: str | None = None,
    executor: Executor | None = None,
    progress: Callable[[str], None] | None = None,
) -> ProbeResult:
    """How the memory of a callable grows with its size, measured at a few small sizes in fresh processes.

    Args:
        fn: called with a size. One that a fresh process can import is probed there; a closure by forking this process.
            What its ``prepare(size)`` returns, if it has one, is what it is called with; preparing is not counted.
        sizes: to probe; None chooses them, which needs a target.
        target: the size that is of interest; it is not run.
        budget_s: seconds for all probes together.
        terms: what memory may grow with: "n", "n log n", "n2".
        caps_bytes: what a term can add at most, by term (a cache with a limit).
        switches: sizes beyond which the callable is known to work in another way.
        limits: of each probe; a quarter of the free memory and the budget by default.
        modules: to import before the probes.
        python: the interpreter to probe with.
        executor: runs the probes of the given sizes, in the shape of concurrent.futures; here, one by one, by default.
        progress: told in a sentence what is being done.

    Returns:
        The law, and with a target the range there.

    Raises:
        MemfitError: no size could be probed.

    >>> memfit.probe(work, sizes=[10_000, 20_000, 40_000], target=1_000_000).rise_bytes.high   # doctest: +SKIP
    """
    plan = Plan(
        target=target,
        sizes=None if sizes is None else tuple(sorted(set(sizes))),
        budget_s=budget_s,
        limits=limits or Limits.of_this_machine(seconds=budget_s),
        terms=tuple(terms),
        caps_bytes=caps_bytes,
        switches=tuple(switches),
    )
    check(plan)
    began = time.monotonic()
    if executor is not None:
        readings, held = _elsewhere(executor, fn, plan, modules, python), 0
        return result_of(readings, plan, held_bytes=held, stopped="all-sizes", seconds=time.monotonic() - began)
    with source_of(fn, modules=modules, python=python) as source:
        return sweep(source, plan, progress=progress, began=began)


def sweep(
    source: Source, plan: Plan, *, progress: Callable[[str], None] | None = None, began: float | None = None
) -> ProbeResult:
    """Probe one size after another until there is enough.

    Args:
        source: makes the probes.
        plan: how.
        progress: told what is being done.
        began: on time.monotonic(), when the budget began to count.
    """
    since = time.monotonic() if began is None else began
    readings: list[Reading] = []
    stopped = "all-sizes"
    for size in sizes(plan, readings):
        left = plan.budget_s - (time.monotonic() - since)
        stop = _reason_to_stop(size, readings, plan, left)
        if stop:
            stopped = stop
            break
        if progress is not None:
            progress(f"probing {size:,} of {plan.target:,}" if plan.target else f"probing {size:,}")
        limits = Limits(memory_bytes=plan.limits.memory_bytes, seconds=max(min(plan.limits.seconds, left), 1.0))
        readings.append(source.probe(size, limits))
        if readings[-1].failure in ("memory", "time"):
            stopped = readings[-1].failure
            break
    notes = (FORKED,) if isinstance(source, ForkOfThis) else ()
    return result_of(
        readings,
        plan,
        held_bytes=source.held_bytes,
        stopped=stopped,
        seconds=time.monotonic() - since,
        notes=notes,
    )


def result_of(
    readings: Sequence[Reading],
    plan: Plan,
    *,
    held_bytes: int,
    stopped: str,
    seconds: float,
    notes: tuple[str, ...] = (),
) -> ProbeResult:
    """The result of some probes.

    Raises:
        MemfitError: none of them succeeded.
    """
    points = points_of(plan, readings)
    if not points:
        problem = readings[-1].problem if readings else "no size was probed"
        raise MemfitError(
            f"no probe succeeded: {problem}",
            hint="try larger sizes where it needs more data, or more --probe-budget where it needs time",
            slug="no-probe-succeeded",
        )
    used, unseen = _on_the_side_of(plan, points)
    terms = _terms(plan, used, readings)
    law = fit_law(used, terms=terms, caps_bytes=plan.caps_bytes)
    last = max(points, key=lambda point: point.size)
    if last.size > max(point.size for point in used):  # the only one past a switch
        law = law.through(last)
    bent = (BENT,) if "n2" in terms and "n2" not in plan.terms else ()
    learnt = note_of(readings, plan.target)
    return ProbeResult(
        readings=tuple(readings),
        law=law,
        target=plan.target,
        rise_bytes=None if plan.target is None else _risen(law, plan, plan.target, unseen=bool(unseen)),
        held_bytes=held_bytes,
        stopped=stopped,
        notes=(*notes, *bent, *((learnt,) if learnt else ()), *unseen, *_remarks(readings, law)),
        seconds=seconds,
    )


BENT = "its memory grew faster than the size: a square was taken for its law"


def _terms(plan: Plan, points: Sequence[Point], readings: Sequence[Reading]) -> tuple[str, ...]:
    """The plan's terms; n² where the last rises bend, which the larger probes show; a vocabulary's power."""
    known = terms_with(plan.terms, readings)
    if known != plan.terms:
        return known
    last = sorted((point for point in points if point.rise_bytes >= TRUSTED_BYTES), key=lambda point: point.size)[-3:]
    if "n2" in plan.terms or len(last) < 3:
        return plan.terms
    powers = [
        math.log(after.rise_bytes / before.rise_bytes) / math.log(after.size / before.size)
        for before, after in pairwise(last)
    ]
    return (*plan.terms, "n2") if min(powers) > BENT_POWER else plan.terms


def _risen(law: Law, plan: Plan, target: int, *, unseen: bool) -> ByteRange:
    """The rise at the target: the law's, and what follows none."""
    rise = _widened(law.range_at(target), law, plan, unseen=unseen)
    return rise if plan.histograms is None else plan.histograms.beside(rise, target)


def _widened(rise: ByteRange, law: Law, plan: Plan, *, unseen: bool) -> ByteRange:
    """The range, with what one run may have more, and what the values of the data may make of a term.

    Of what fills on the way the truth lies between the line through all probes and the one through the last two, and
    steps are to come as far as it is not full.
    """
    straight = max(law.straight_at(plan.target or 1), law.points[-1].rise_bytes)
    if plan.fills and len(law.points) > 2 and straight < rise.expected:
        rise = ByteRange(low=rise.low, expected=(straight + rise.expected) // 2, high=rise.high)
    left = max(min(plan.target or 1, plan.fills) - law.points[-1].size, 0) / max(plan.fills, 1)
    more = round(_FILLING_SHARE * left * rise.expected)
    rise = ByteRange(low=rise.low, expected=rise.expected + more, high=rise.high + more)
    high = round(rise.high + plan.spread_share * rise.expected) + (plan.beyond_bytes if unseen else 0)
    for term, most in plan.most_coefficients.items():
        high = max(high, law.with_coefficient(term, most).at(plan.target or 1))
    return ByteRange(low=rise.low, expected=rise.expected, high=high)


FORKED = (
    "probed by forking this process: the callable cannot be imported by a fresh one; put it into a module for probes "
    "that know nothing of what this process holds"
)


def _reason_to_stop(size: int, readings: Sequence[Reading], plan: Plan, left_s: float) -> str:
    points = points_of(plan, readings)
    if not readings:
        return ""
    factor = size / readings[-1].size
    if plan.sizes is None and _good_enough(points, plan, readings):
        return "good-enough"
    solid = sum(point.rise_bytes >= TRUSTED_BYTES for point in points)
    patience = 1 if solid >= 2 else 4  # one that takes too long is ended: where nothing is known yet, it is worth a try
    if _seconds_of(size, readings) > left_s * patience:
        return "budget"
    if points:
        square = "n2" in plan.terms
        expected = points[-1].rise_bytes * (factor * factor if square else factor)
        expected += plan.histograms_at(size)
        if readings[-1].start_bytes * factor + expected > plan.limits.memory_bytes and len(points) >= 2:
            return "memory"
    return ""


def _seconds_of(size: int, readings: Sequence[Reading]) -> float:
    """What a probe of a size will take, by the last two; after one alone, most of it a first call's, twice that."""
    last = readings[-1]
    if len(readings) == 1:
        return 2 * last.wall_s
    slope = max(last.wall_s - readings[-2].wall_s, 0.0) / max(last.size - readings[-2].size, 1)
    return last.wall_s + slope * (size - last.size)


def _good_enough(points: Sequence[Point], plan: Plan, readings: Sequence[Reading]) -> bool:
    """Whether the last probe moved the prediction by little, and the target is within reach."""
    solid = [point for point in points if point.rise_bytes >= TRUSTED_BYTES]
    if plan.target is None or len(solid) < _ENOUGH_POINTS or plan.target > solid[-1].size * _REACH:
        return False
    if solid[-1].size < plan.fills:
        return False
    used, unseen = _on_the_side_of(plan, solid)
    if unseen or len(used) < _ENOUGH_POINTS:
        return False
    fits = [fit_law(part, terms=_terms(plan, part, readings), caps_bytes=plan.caps_bytes) for part in (used[:-1], used)]
    before, now = (fit.at(plan.target) for fit in fits)
    return abs(before - now) <= TOLERANCE * now


def _on_the_side_of(plan: Plan, points: Sequence[Point]) -> tuple[list[Point], tuple[str, ...]]:
    """The points on the target's side of every known switch; those before it, where too few are there.

    With one point past the switch the law is theirs, lifted to that point; without any a note says so.
    """
    passed = max((each for each in plan.switches if plan.target is not None and each < plan.target), default=0)
    beyond = [point for point in points if point.size > passed]
    if len(beyond) >= 2 or not passed:
        return beyond or list(points), ()
    if beyond and len(points) > 1:
        return [point for point in points if point not in beyond], ()
    return list(points), (
        f"it is known to work in another way beyond {passed:,}, which the probes did not reach: less sure",
    )


def _remarks(readings: Sequence[Reading], law: Law) -> Iterator[str]:
    failed = [each for each in readings if each.rise_bytes is None]
    for each in failed:
        yield f"the probe of {each.size:,} gave no reading: {each.problem}"
    if law.points[-1].rise_bytes < TRUSTED_BYTES:
        yield f"no probe rose by more than {format_bytes(TRUSTED_BYTES)}: first-call overhead may be all that was seen"
    first, last = law.points[0], law.points[-1]
    if len(law.points) > 1 and last.size >= 4 * first.size and last.rise_bytes < first.rise_bytes * 1.02:
        yield "memory does not depend on the size"
    if not all(each.exact for each in readings):
        yield "the kernel's high-water mark could not be reset: peaks are those since the probe's start"


def _elsewhere(
    executor: Executor, fn: Callable[[Any], Any], plan: Plan, modules: Sequence[str], python: str | None
) -> list[Reading]:
    """Every given size through an executor, all at once."""
    if plan.sizes is None:
        raise UsageError("an executor needs sizes", hint="memfit.probe(fn, sizes=[…], executor=…)", slug="bad-probe")
    futures = [executor.submit(probe_one, fn, size, plan.limits, tuple(modules), python) for size in plan.sizes]
    return [future.result() for future in futures]


def probe_one(
    fn: Callable[[Any], Any],
    size: int,
    limits: Limits,
    modules: tuple[str, ...] = (),
    python: str | None = None,
) -> Reading:
    """One probe, self-contained: what an executor runs wherever it runs."""
    with source_of(fn, modules=modules, python=python) as source:
        return source.probe(size, limits)
