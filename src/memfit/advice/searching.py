"""The cheapest set of changes that fits a budget, found with few estimates.

Every proposal is estimated alone; sets are then guessed (guessing.py), and only those that may fit are estimated, the
cheapest first. Cost is a stated model: the time that a set adds, and a price for what it does to the results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import prod

from memfit.advice.guessing import Guesses, Set, compatible, highest
from memfit.advice.setting import Estimator, Outcome, Proposal, Setting
from memfit.documents import Plan
from memfit.errors import UsageError

# What a change of the results weighs against time: as if it took so much longer. A choice, not a measurement.
RESULTS_PRICE = {"same": 0.0, "rounding": 0.05, "training": 0.5, "model": 2.0}
_EACH_CHANGE = 0.01  # of two sets that cost the same, the smaller
_WORTH = 0.005  # of the peak: what saves less of every phase is no part of any set
_TRY = 0.01  # of the peak: what cannot save so much is not estimated
_UNKNOWN_BYTES = 1 << 62  # what a proposal may save that does not say
_LARGEST_SET = 4
_MOST_ESTIMATES = 12  # of sets of two and more
_MOST_PLANS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What may be changed.

    Args:
        only: these slugs alone; empty for all.
        without: not these.
        results: the most that may happen to the job's results: "same", "rounding", "training", "model".
    """

    only: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    results: str = "model"

    def allow(self, proposal: Proposal) -> bool:
        """Whether a proposal is within the wishes."""
        return (
            (not self.only or proposal.slug in self.only)
            and proposal.slug not in self.without
            and RESULTS_PRICE[proposal.results] <= RESULTS_PRICE[self.results]
        )

    def check(self, proposals: Sequence[Proposal]) -> None:
        """Refuse wishes that contradict each other.

        Raises:
            UsageError: they leave nothing, and why.
        """
        both = self.only & self.without
        if both:
            raise UsageError(
                f"{', '.join(sorted(both))}: wanted with --only and ruled out with --without",
                hint="say one of the two",
                slug="contradictory-wishes",
            )
        if proposals and not any(self.allow(each) for each in proposals):
            raise UsageError(
                "nothing that applies to this job is left by --only, --without and --results",
                hint="what applies: " + ", ".join(dict.fromkeys(f"{each.slug} ({each.results})" for each in proposals)),
                slug="contradictory-wishes",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found.

    Args:
        plans: best first.
        settings: of each plan.
        chosen: the proposals of each plan.
        floor: the outcome with the lowest peak.
        estimates: how many sets were estimated.
    """

    plans: tuple[Plan, ...]
    settings: tuple[Setting, ...]
    chosen: tuple[tuple[Proposal, ...], ...]
    floor: Outcome
    estimates: int


def search(
    base: Outcome,
    proposed: Sequence[Proposal],
    estimate: Estimator,
    budget_bytes: int | None,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> Found:
    """Find plans.

    Args:
        base: the job as it is.
        proposed: what may be changed.
        estimate: gives outcomes of settings.
        budget_bytes: what may be used; None looks for the frontier alone.
        progress: told what is being done.
    """
    least = _TRY * base.peak_bytes.expected
    tried = [each for each in proposed if each.at_most_bytes is None or each.at_most_bytes >= least]
    run = _Search(Guesses(proposals=list(tried), base=base), estimate, budget_bytes, progress)
    run.alone()
    run.together()
    run.lowest()
    return run.found()


class _Search:
    def __init__(
        self, guesses: Guesses, estimate: Estimator, budget_bytes: int | None, progress: Callable[[str], None]
    ) -> None:
        self.guesses = guesses
        self.proposals = guesses.proposals
        self.base = guesses.base
        self._estimate = estimate
        self._budget = budget_bytes
        self._progress = progress
        self._guessed: dict[int, Outcome] = {}  # rungs of a ladder that were not estimated
        self.estimates = 0

    # -- one at a time -----------------------------------------------------------------------------------------

    def alone(self) -> None:
        """Estimate every proposal alone; of a ladder of sizes, the first rung, from which the others are guessed."""
        first: dict[str, int] = {}
        asked = []
        for place, proposal in enumerate(self.proposals):
            if proposal.setting.batch is not None and first.setdefault(proposal.slug, place) != place:
                continue
            asked.append(place)
        asked.sort(key=lambda place: -(self.proposals[place].at_most_bytes or _UNKNOWN_BYTES))  # time may be short
        for place, outcome in zip(asked, self._ask([self.proposals[place].setting for place in asked]), strict=True):
            if outcome is not None:
                self.guesses.learn(frozenset({place}), outcome)
        for place, proposal in enumerate(self.proposals):
            start = first.get(proposal.slug)
            if start is not None and start != place and frozenset({start}) in self.guesses.known:
                self._guess_rung(place, start)

    def _guess_rung(self, place: int, first: int) -> None:
        """Peaks are taken to fall with the batch as they did to its half."""
        half = self.guesses.known[frozenset({first})]
        batch, least = self.proposals[first].setting.batch, self.proposals[place].setting.batch
        assert batch is not None and least is not None
        further = 1 + (batch - least) / batch
        phases = {
            phase: max(round(size - (size - half.phase_peaks.get(phase, size)) * further), 0)
            for phase, size in self.base.phase_peaks.items()
        }
        saved = highest(self.base.phase_peaks) - highest(phases)
        peak = self.base.peak_bytes
        low = max(peak.low - saved, 0)
        expected = max(peak.expected - saved, low)
        outcome = Outcome(
            peak_bytes=replace(peak, low=low, expected=expected, high=max(peak.high - saved, expected)),
            phase_peaks=phases,
            estimate=half.estimate,
        )
        self._guessed[place] = outcome
        self.guesses.learn(frozenset({place}), outcome)

    # -- sets --------------------------------------------------------------------------------------------------

    def together(self) -> None:
        """Estimate the sets that may fit, the cheapest first, until there are enough plans."""
        if self._budget is None:
            return
        spent = 0
        fitting: list[Set] = [frozenset()] if self._fits(self.base) else []
        for chosen in self._sets():
            if len(fitting) >= _MOST_PLANS or spent >= _MOST_ESTIMATES:
                return
            if (
                any(each <= chosen or self._alike(each, chosen) for each in fitting if each)
                or self.guesses.high_bytes(chosen) > self._budget
            ):
                continue
            outcome, was_new = self._outcome(chosen)
            spent += was_new
            if outcome is not None and self._fits(outcome):
                fitting.append(self._needed(chosen))

    def _needed(self, chosen: Set) -> Set:
        """A set that fits, without what it fits without."""
        for place in sorted(chosen, key=self._saved_alone):
            less = chosen - {place}
            if less and self._saved_alone(place) <= 0:
                outcome, _ = self._outcome(less)
                if outcome is not None and self._fits(outcome):
                    chosen = less
        return chosen

    def _alike(self, one: Set, other: Set) -> bool:
        """Whether two sets are the same changes in other sizes."""
        return self._slugs(one) == self._slugs(other)

    def _slugs(self, chosen: Set) -> set[str]:
        return {self.proposals[place].slug for place in chosen}

    def _sets(self) -> list[Set]:
        """Sets of proposals that can be made together, the cheapest first."""
        useful = [place for place in range(len(self.proposals)) if self._is_useful(place)]
        found: list[Set] = []
        for size in range(1, _LARGEST_SET + 1):
            for chosen in combinations(useful, size):
                if all(compatible(self.proposals, chosen[:at], one) for at, one in enumerate(chosen)):
                    found.append(frozenset(chosen))
        return sorted(found, key=lambda chosen: (self.cost(chosen), self.guesses.high_bytes(chosen)))

    def _is_useful(self, place: int) -> bool:
        saved = self.guesses.savings(place)
        alone = self.guesses.known.get(frozenset({place}))
        if alone is None:
            return False
        most = max([*saved.values(), self.base.peak_bytes.high - alone.peak_bytes.high])
        return most > _WORTH * self.base.peak_bytes.expected

    def cost(self, chosen: Set) -> float:
        """The stated model: time added, and the price of what becomes of the results."""
        return sum(
            max(self.proposals[place].time_factor - 1, 0.0)
            + RESULTS_PRICE[self.proposals[place].results]
            + _EACH_CHANGE
            for place in chosen
        )

    def lowest(self) -> None:
        """Estimate the set that is guessed to come lowest, the floor: where no plan fits, or no budget is given."""
        if self._budget is not None and any(self._fits(each) for each in self._estimated().values()):
            return
        chosen: Set = frozenset()
        while True:
            further = [
                chosen | {place}
                for place in range(len(self.proposals))
                if place not in chosen and self._is_useful(place) and compatible(self.proposals, chosen, place)
            ]
            best = min(further, key=self._guess_for_floor, default=chosen)
            if self._guess_for_floor(best) >= self._guess_for_floor(chosen):
                break
            chosen = best
        if chosen:
            self._outcome(chosen)

    def _guess_for_floor(self, chosen: Set) -> tuple[int, int]:
        phases = self.guesses.phases(chosen)
        return self.guesses.high_bytes(chosen), sum(phases.values())

    # -- outcomes ----------------------------------------------------------------------------------------------

    def _outcome(self, chosen: Set) -> tuple[Outcome | None, bool]:
        known = self.guesses.known.get(chosen)
        if known is not None and not (len(chosen) == 1 and next(iter(chosen)) in self._guessed):
            return known, False
        (outcome,) = self._ask([self.setting(chosen)])
        if outcome is not None:
            self.guesses.learn(chosen, outcome)
            if len(chosen) == 1:
                self._guessed.pop(next(iter(chosen)), None)
        return outcome, True

    def setting(self, chosen: Set) -> Setting:
        """All changes of a set."""
        together = Setting()
        for place in sorted(chosen):
            together = together.and_then(self.proposals[place].setting)
        return together

    def _ask(self, settings: list[Setting]) -> Sequence[Outcome | None]:
        self.estimates += len(settings)
        self._progress(f"{self.estimates} changes and sets of them estimated")
        return self._estimate(settings)

    def _fits(self, outcome: Outcome) -> bool:
        return self._budget is not None and outcome.peak_bytes.high <= self._budget

    def _estimated(self) -> dict[Set, Outcome]:
        """What was estimated, not guessed."""
        return {
            chosen: outcome
            for chosen, outcome in self.guesses.known.items()
            if not (len(chosen) == 1 and next(iter(chosen)) in self._guessed)
        }

    # -- plans -------------------------------------------------------------------------------------------------

    def found(self) -> Found:
        """Those that fit, the cheapest first; then the frontier: less memory for more cost."""
        known = self._estimated()
        fitting = sorted((each for each in known if self._fits(known[each])), key=self._rank)
        fitting = [
            each
            for at, each in enumerate(fitting)
            if not any(other < each or self._alike(other, each) for other in fitting[:at] if other)
        ]
        rest = [each for each in known if each and not self._fits(known[each]) and self._saves(known[each])]
        frontier: list[Set] = []
        for each in sorted(rest, key=self._rank):
            if all(known[each].peak_bytes.high < known[other].peak_bytes.high for other in frontier):
                frontier.append(each)
        chosen = fitting[:_MOST_PLANS] + frontier[::-1][: 2 * _MOST_PLANS]
        floor = min(known.values(), key=lambda outcome: (outcome.peak_bytes.high, outcome.peak_bytes.expected))
        return Found(
            plans=tuple(self._plan(each, known[each]) for each in chosen),
            settings=tuple(self.setting(each) for each in chosen),
            chosen=tuple(tuple(self.proposals[place] for place in sorted(each)) for each in chosen),
            floor=floor,
            estimates=self.estimates,
        )

    def _saves(self, outcome: Outcome) -> bool:
        least = _WORTH * self.base.peak_bytes.expected
        return self.base.peak_bytes.expected - outcome.peak_bytes.expected > least

    def _rank(self, chosen: Set) -> tuple[float, int]:
        return self.cost(chosen), self.guesses.known[chosen].peak_bytes.high

    def _plan(self, chosen: Set, outcome: Outcome) -> Plan:
        changes = []
        for place in sorted(chosen, key=lambda place: -self._saved_alone(place)):
            changes.append(self.proposals[place].change(self._saved_alone(place)))
        return Plan(
            changes=tuple(changes),
            peak_bytes=outcome.peak_bytes,
            fits=None if self._budget is None else self._fits(outcome),
            time_factor=round(prod(change.time_factor for change in changes), 3),
            environment=dict(self.setting(chosen).environment),
            host_bytes=outcome.host_bytes,
        )

    def _saved_alone(self, place: int) -> int:
        """From the measured peak where there is one; what is less than the estimate was off, by the estimates alone."""
        alone = self.guesses.known[frozenset({place})].peak_bytes.expected
        now = self.base.peak_bytes.expected
        estimated = now if self.base.estimated_bytes is None else self.base.estimated_bytes
        return now - alone if estimated - alone > abs(now - estimated) else estimated - alone
