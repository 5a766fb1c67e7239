"""What a sweep is asked for: the size that is wanted, and what is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from memfit.errors import UsageError
from memfit.probing.scaling import Histograms, Scaling
from memfit.probing.watching import Limits

SMALLEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to sweep.

    Args:
        target: the size to extrapolate to.
        sizes: to probe, smallest first; None chooses them on the way, which needs a target.
        budget_s: seconds that all probes together may take.
        limits: of each probe.
        terms, caps_bytes: of the law.
        switches: sizes beyond which the callable is known to work in another way.
        smallest: the least size that the callable can do.
        spread_share: of the rise, that one run may have more than the law says.
        beyond_bytes: what the last switch adds at most, where it is not reached.
        fills: a size up to which something is known to fill: fewer are not enough to go by.
        histograms: that are part of the peak and follow no law of the size; None for none.
        most_coefficients: by term, the most that data of other values can make of its coefficient.
    """

    target: int | None
    sizes: tuple[int, ...] | None
    budget_s: float
    limits: Limits
    terms: tuple[str, ...] = ("n",)
    caps_bytes: dict[str, int] | None = None
    switches: tuple[int, ...] = ()
    smallest: int = SMALLEST
    spread_share: float = 0.0
    beyond_bytes: int = 0
    fills: int = 0
    histograms: Histograms | None = None
    most_coefficients: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, known: Scaling, *, target: int, sizes: tuple[int, ...] | None, budget_s: float, limits: Limits) -> Plan:
        """A plan with what is known of an estimator."""
        return cls(
            target=target,
            sizes=sizes,
            budget_s=budget_s,
            limits=limits,
            terms=known.terms,
            caps_bytes=dict(known.caps_bytes),
            switches=known.switches,
            smallest=known.smallest,
            spread_share=known.spread_share,
            beyond_bytes=known.beyond_bytes,
            fills=known.fills,
            histograms=known.histograms,
            most_coefficients=known.most_coefficients,
        )

    def histograms_at(self, size: float) -> int:
        """What histograms take in a probe of a size, in bytes."""
        return self.histograms.in_probes_at(size) if self.histograms is not None else 0


def check(plan: Plan) -> None:
    if plan.sizes is None and plan.target is None:
        raise UsageError("sizes or a target are needed to probe", hint="memfit.probe(fn, target=…)", slug="bad-probe")
    if any(size < 1 for size in (*(plan.sizes or ()), plan.target or 1)) or plan.sizes == ():
        raise UsageError("sizes are whole numbers from 1", slug="bad-probe")
