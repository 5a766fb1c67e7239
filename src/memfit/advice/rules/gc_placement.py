"""Reference cycles that hold a step's tensors until Python's collector runs: where to call it, and what they are."""

from __future__ import annotations

from collections.abc import Iterator

from memfit.advice.setting import Proposal, Setting
from memfit.documents import Hint, JobFacts
from memfit.quantities import format_finely

SLUG = "gc-placement"
_WORTH = 0.005  # of the peak
_TIME = 1.05  # of a step, assumed: what a call takes is measured, what a step takes is not known


def proposals(facts: JobFacts) -> Iterator[Proposal]:
    """Where bytes of steps that are over were given back by the collector alone."""
    cycles = facts.cycles
    if cycles.waiting_bytes <= _WORTH * facts.peak_bytes:
        return
    yield Proposal(
        slug=SLUG,
        title="run Python's collector after each step",
        setting=Setting(changes={"collect": True}),
        costs=f"{cycles.seconds:.2f} s of CPU for each call, as measured in the simulation; next to none once "
        "gc.freeze() was called before the loop; 5 % of a step assumed",
        how=f"gc.collect() at the end of the loop's body, after optimizer.step(); {_instead(facts)}",
        where=cycles.where,
        time_factor=_TIME,
        touches=frozenset({"cycles"}),
        at_most_bytes=cycles.waiting_bytes,
    )


def hints(facts: JobFacts) -> Iterator[Hint]:
    """Where every step adds to what waits: the steps that were simulated are few, those of the job are many."""
    cycles = facts.cycles
    if not cycles.step_bytes:
        return
    if not cycles.collector_on:
        until = "the collector is switched off, so that memory grows with every step"
    elif cycles.steps_apart is None:
        until = "more than was simulated may wait at once"
    else:
        piled = format_finely(cycles.step_bytes * cycles.steps_apart)
        until = f"about {cycles.steps_apart} steps go by between two of its runs, and {piled} wait for it"
    if cycles.step_bytes * (cycles.steps_apart or 1) <= _WORTH * facts.peak_bytes and cycles.collector_on:
        return
    yield Hint(
        slug=SLUG,
        text=f"every step leaves {format_finely(cycles.step_bytes)} in reference cycles, which Python's collector "
        f"alone gives back; it counts objects, not bytes: {until}",
        how=f"gc.collect() after each step, or after so many that what they leave fits; {_instead(facts)}",
        where=cycles.where,
    )


def _instead(facts: JobFacts) -> str:
    through = facts.cycles.through
    goes = f" (it goes through {through})" if through else ""
    return f"better still without the cycle{goes}: a weakref, or del of what need not refer back"
