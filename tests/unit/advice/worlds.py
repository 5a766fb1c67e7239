"""A made-up job whose peaks are computed: its estimates cost nothing, so searches can be held against all sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from memfit.advice import Outcome, Proposal, Setting
from memfit.documents import Component, Estimate, Machine, PoolEstimate
from memfit.quantities import MIB, Basis, ByteRange, Category

PARAMETERS, STATE, SAMPLE = 200, 400, 30  # MiB; the last for each sample of a batch


@dataclass
class World:
    """Counts what it is asked."""

    asked: list[Setting] = field(default_factory=list)
    batch: int = 16

    def outcomes(self, settings: Sequence[Setting]) -> list[Outcome | None]:
        self.asked += settings
        return [self.outcome(each) for each in settings]

    def outcome(self, setting: Setting) -> Outcome:
        changes = setting.changes
        activations = SAMPLE * (setting.batch or self.batch)
        activations *= 0.5 if changes.get("half") else 1
        activations *= 0.2 if changes.get("recompute") else 1
        state = 0 if changes.get("no_state") else STATE
        evaluation = PARAMETERS + state + (50 if changes.get("small_evaluation") else 300)
        phases = {"backward": round(PARAMETERS + state + activations), "evaluation": evaluation}
        size = round(max(phases.values()) * MIB)
        peak = ByteRange(low=size, expected=size + 100 * MIB, high=round(size * 1.05) + 150 * MIB)
        return Outcome(
            peak_bytes=peak, phase_peaks={name: size * MIB for name, size in phases.items()}, estimate=_estimate(peak)
        )


def _estimate(peak: ByteRange) -> Estimate:
    part = Component(category=Category.OTHER, range=peak, basis=Basis.COMPUTED)
    pool = PoolEstimate(pool="cuda:0", capacity_bytes=None, peak_bytes=peak, components=(part,))
    return Estimate(target={"name": "world"}, machine=Machine(name="made-up"), pools=(pool,))


def proposal(slug: str, setting: Setting, *, time: float = 1.0, results: str = "same", touches: str = "") -> Proposal:
    """A proposal with what a search looks at."""
    return Proposal(
        slug=slug, title=slug, setting=setting, costs="-", how="-", time_factor=time, results=results,
        touches=frozenset({touches or slug}),
    )  # fmt: skip


def usual() -> list[Proposal]:
    """Changes that overlap, exclude each other, or show only together."""
    return [
        proposal("half", Setting(changes={"half": True}), results="rounding"),
        proposal("recompute", Setting(changes={"recompute": True}), time=1.33),
        proposal("no-state", Setting(changes={"no_state": True}), results="training"),
        proposal("small-evaluation", Setting(changes={"small_evaluation": True}), time=1.01),
        *(
            proposal("smaller-batch", Setting(batch=16 >> n, accumulation=1 << n), time=1.05**n, touches="batch")
            for n in range(1, 5)
        ),
    ]
