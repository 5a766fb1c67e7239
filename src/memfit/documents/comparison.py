"""The comparison: two documents of one job laid on each other. Plain data; who lays them is memfit.analysis.

Either an estimate beside a recording (predicted, measured) or two of a kind (before, after).
"""

from __future__ import annotations

from dataclasses import dataclass

from memfit.quantities import ByteRange, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two documents.

    Args:
        kind: "estimate" or "recording".
        name: the job: the script or command with its arguments.
        machine: the machine asked about, or recorded on.
        started: when a recording began, ISO 8601; "" for an estimate.
        iterations: that were simulated or recorded; None when they were not counted.
    """

    kind: str
    name: str
    machine: str
    started: str = ""
    iterations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure on both sides, of the same kind on both; a measured figure is a range of one value.

    Args:
        name: of the category, the phase or the figure.
        first: in the first document; None when it does not say.
        second: in the second; None when it does not say.
        note: how the figures are to be read; "" when they speak for themselves.
    """

    name: str
    first: ByteRange | None
    second: ByteRange | None
    note: str = ""

    @property
    def change_bytes(self) -> int | None:
        """The second's expected figure less the first's."""
        return None if self.first is None or self.second is None else self.second.expected - self.first.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class PerIteration:
    """What one iteration adds, on both sides.

    Args:
        figure: what grows: "live tensors", "resident size", "allocated".
        unit: of iteration: "step", "round", …
        first_bytes: per iteration; None when unknown.
        second_bytes: per iteration; None when unknown.
        verdict: what the diagnosis of the second said, in a sentence; "" without one.
    """

    figure: str
    unit: str
    first_bytes: float | None
    second_bytes: float | None
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolComparison:
    """One memory on both sides.

    Args:
        pool: "host", "cuda:0", …
        peak: what a monitor would show at the peak.
        standing: where the measured peak lies in the predicted range; None where nothing was predicted and measured.
        at_least: the measured peak is a lower bound: the job was ended before it could go on.
        categories: what the peak consists of; rows that only one side knows apart are put together on both.
        figures: allocated and reserved, each against its like.
        phases: the highest resident size of the job's main process within each phase.
        growth: what an iteration adds; None when neither side says.
    """

    pool: str
    peak: Row
    standing: Standing | None
    at_least: bool = False
    categories: tuple[Row, ...] = ()
    figures: tuple[Row, ...] = ()
    phases: tuple[Row, ...] = ()
    growth: PerIteration | None = None

    @property
    def error_share(self) -> float | None:
        """(predicted - measured) / measured; None where one is unknown or the measured peak is only a lower bound."""
        first, second = self.peak.first, self.peak.second
        if self.standing is None or self.at_least or first is None or second is None or not second.expected:
            return None
        return (first.expected - second.expected) / second.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why the two differ.

    Args:
        slug: the stable name, explained in docs/messages.md.
        text: one sentence for the reader.
        pool: where it acts; None for all of the job.
        effect_bytes: how much of the difference it explains, measured less predicted; None when that cannot be told.
    """

    slug: str
    text: str
    pool: str | None = None
    effect_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two documents of one job.

    Args:
        first: what was predicted, or the earlier of two of a kind.
        second: what was measured, or the later.
        pools: every pool of either, in the order of the documents.
        reasons: why they differ, where it can be told.
    """

    first: Side
    second: Side
    pools: tuple[PoolComparison, ...]
    reasons: tuple[Reason, ...] = ()

    @property
    def of_prediction(self) -> bool:
        """Whether an estimate is held against a recording; otherwise two of a kind are compared."""
        return self.first.kind != self.second.kind

    @property
    def standing(self) -> Standing | None:
        """The worst of the pools': one measured above its range spoils the prediction."""
        found = {pool.standing for pool in self.pools}
        for standing in (Standing.ABOVE, Standing.BELOW, Standing.INSIDE):
            if standing in found:
                return standing
        return None
