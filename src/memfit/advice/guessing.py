"""What a set of changes would come to, guessed from estimates of smaller sets: which sets are worth an estimate.

Each phase of the job has a peak of its own, and a change saves of each what it saves alone; the highest phase is the
peak. Changes that overlap save less together than their sum, so a set that is guessed not to fit hardly ever does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from memfit.advice.setting import Outcome, Proposal

Set = frozenset[int]  # of proposals, by their place in the list


@dataclass(slots=True, kw_only=True)
class Guesses:
    """Everything that was estimated so far.

    Args:
        proposals: what may be changed.
        base: the job as it is.
        known: sets of proposals → their outcomes; the empty one is the base.
    """

    proposals: list[Proposal]
    base: Outcome
    known: dict[Set, Outcome] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known.setdefault(frozenset(), self.base)

    def savings(self, one: int) -> dict[str, int]:
        """What a proposal saves of each phase, made alone; nothing while that is not known."""
        alone = self.known.get(frozenset({one}))
        if alone is None:
            return {}
        phases = self.base.phase_peaks
        return {phase: size - alone.phase_peaks.get(phase, 0) for phase, size in phases.items()}

    def phases(self, wanted: Set) -> dict[str, int]:
        """The phases' peaks of a set, from the known subset that tells most."""
        known = [each for each in self.known if each <= wanted]
        most = max(len(each) for each in known)
        told = [self._from(each, wanted) for each in known if len(each) >= most - 1]
        return {phase: max(each.get(phase, 0) for each in told) for phase in told[0]}

    def _from(self, known: Set, wanted: Set) -> dict[str, int]:
        phases = dict(self.known[known].phase_peaks)
        for one in wanted - known:
            for phase, saved in self.savings(one).items():
                phases[phase] = max(phases.get(phase, 0) - saved, 0)
        return phases

    def high_bytes(self, wanted: Set) -> int:
        """The high end that a set is guessed to have."""
        if wanted in self.known:
            return self.known[wanted].peak_bytes.high
        nearest = max((each for each in self.known if each <= wanted), key=len)
        start = self.known[nearest]
        before, after = highest(start.phase_peaks), highest(self.phases(wanted))
        live = max(before, 1)
        share = 1.0 + max(start.peak_bytes.high - start.peak_bytes.expected, 0) / max(start.peak_bytes.expected, 1)
        return round(start.peak_bytes.high - (live - after) * share)

    def learn(self, wanted: Set, outcome: Outcome) -> None:
        """Keep what an estimate said."""
        self.known[wanted] = outcome


def highest(phases: Mapping[str, int]) -> int:
    """The peak of all phases."""
    return max(phases.values(), default=0)


def compatible(proposals: list[Proposal], chosen: Iterable[int], one: int) -> bool:
    """Whether a proposal can be added to those."""
    return not any(proposals[one].excludes(proposals[other]) for other in chosen)
