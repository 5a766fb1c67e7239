"""A way to run the job: what is changed about it, in the form in which an estimate can be asked for. Plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from memfit.documents import Change, Estimate
from memfit.quantities import ByteRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is changed; nothing by default.

    Args:
        changes: made in the job's process, by the framework's names (frameworks.torch.changes).
        edits: of the trace (fields of engine.edits.Edit).
        loaders: fields of the data loaders that change.
        environment: variables.
        params: of an estimator.
        batch: the batch's size, None as it is.
        accumulation: micro-steps for each step, None as it is.
    """

    changes: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Mapping[str, Any], ...] = ()
    loaders: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    batch: int | None = None
    accumulation: int | None = None

    @property
    def is_replay(self) -> bool:
        """Whether one run of the job as it is tells it all: only the trace and what is around it change."""
        return not self.changes and not self.params and self.batch is None and self.accumulation is None

    @property
    def key(self) -> str:
        """Settings with the same key are the same."""
        return repr([
            sorted(self.changes.items(), key=repr), self.edits, sorted(self.loaders.items()),
            sorted(self.environment.items()), sorted(self.params.items()), self.batch, self.accumulation,
        ])  # fmt: skip

    def and_then(self, other: Setting) -> Setting:
        """Both; where they speak of the same thing the other is heard."""
        return Setting(
            changes={**self.changes, **other.changes},
            edits=(*self.edits, *other.edits),
            loaders={**self.loaders, **other.loaders},
            environment={**self.environment, **other.environment},
            params={**self.params, **other.params},
            batch=self.batch if other.batch is None else other.batch,
            accumulation=self.accumulation if other.accumulation is None else other.accumulation,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A change that a rule proposes, before it is estimated.

    Args:
        slug: the rule's, or a kind of it; proposals with one slug exclude each other.
        title, costs, how, where, time_factor, results: as in documents.Change.
        setting: what to estimate.
        touches: what it decides; two that decide the same exclude each other.
        at_most_bytes: more than this it cannot save; None when that cannot be said.
        verifiable: whether a run for real with it is a run of what is proposed.
    """

    slug: str
    title: str
    setting: Setting
    costs: str
    how: str
    where: str = ""
    time_factor: float = 1.0
    results: str = "same"
    touches: frozenset[str] = frozenset()
    at_most_bytes: int | None = None
    verifiable: bool = True

    def change(self, saves_bytes: int) -> Change:
        """As it stands in a plan."""
        return Change(
            slug=self.slug,
            title=self.title,
            saves_bytes=saves_bytes,
            costs=self.costs,
            how=self.how,
            where=self.where,
            time_factor=round(self.time_factor, 3),
            results=self.results,
        )

    def excludes(self, other: Proposal) -> bool:
        """Whether the two cannot be made together."""
        return self.slug == other.slug or bool(self.touches & other.touches)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The estimate of a setting.

    Args:
        peak_bytes: of the pool in question.
        phase_peaks: what tensors come to in each phase.
        estimate: the whole document.
        estimated_bytes: what the estimate expected, where ``peak_bytes`` is around a measured peak; None elsewhere.
    """

    peak_bytes: ByteRange
    phase_peaks: Mapping[str, int]
    estimate: Estimate
    estimated_bytes: int | None = None

    @property
    def host_bytes(self) -> ByteRange | None:
        """The host's peak beside a device's; None where the host is all there is."""
        peaks = {pool.pool: pool.peak_bytes for pool in self.estimate.pools}
        return peaks.get("host") if len(peaks) > 1 else None


# Settings that share one run are asked for together; the answers come in their order, None for one that failed.
Estimator = Callable[[Sequence[Setting]], Sequence[Outcome | None]]
