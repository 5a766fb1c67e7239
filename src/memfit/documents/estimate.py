"""The estimate: what would happen to every memory pool if the job ran. Plain data, no behaviour but its invariants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from memfit.quantities import Basis, ByteRange, Category, Phase, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine that was asked about.

    Args:
        name: the catalogue's name ("h100-80gb"), or "this-machine".
        details: what was read from the catalogue or the machine, by name (plain JSON values).
    """

    name: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakLocation:
    """Where in the job the peak of tensors falls. Fields that could not be told are None.

    Args:
        phase: what the job was doing.
        step: the optimizer step, from 1; 0 before the first.
        operator: the operator whose allocation made the peak ("aten.mm.default").
        module: the dotted name of the innermost module ("encoder.layer.0.attention").
        where: the line of the user's code, "train.py:42".
    """

    phase: Phase | None = None
    step: int | None = None
    operator: str | None = None
    module: str | None = None
    where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of a pool's peak, and how its figure came about.

    Args:
        category: what the bytes are for.
        range: low, expected and high contribution; the expected ones add up to the pool's expected peak.
        basis: how the number came about.
        source: where a constant comes from, or what was traced; a short phrase.
    """

    category: Category
    range: ByteRange
    basis: Basis
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPeak:
    """The tensors of one optimizer step: the highest point within it and what was left at its end, in bytes."""

    step: int
    peak_bytes: int
    end_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolEstimate:
    """The peak of one memory that can run out.

    Args:
        pool: "host", "cuda:0", …
        capacity_bytes: what the pool has for this job, or None when unknown.
        peak_bytes: what the user's own monitor would show at the peak.
        components: what the peak consists of; the expected values sum to ``peak_bytes.expected``.
        allocated_peak_bytes: what live tensors hold, as the allocator rounds them; None where it has no meaning.
        requested_peak_bytes: the same before rounding.
        reserved_peak_bytes: what the allocator holds from the driver or the operating system.
        peak_at: where the peak of tensors falls.
        steps: peak and end of every simulated step, in order: growth shows here.
        top: the largest storages alive at the peak: (bytes, category, where or operator).
        other_processes_bytes: what others already hold of the capacity; part of the verdict, not of the peak.
    """

    pool: str
    capacity_bytes: int | None
    peak_bytes: ByteRange
    components: tuple[Component, ...]
    allocated_peak_bytes: int | None = None
    requested_peak_bytes: int | None = None
    reserved_peak_bytes: int | None = None
    peak_at: PeakLocation = PeakLocation()
    steps: tuple[StepPeak, ...] = ()
    top: tuple[tuple[int, str, str], ...] = ()
    other_processes_bytes: int | None = None

    def __post_init__(self) -> None:
        total = sum(part.range.expected for part in self.components)
        if total != self.peak_bytes.expected:
            raise ValueError(f"{self.pool}: parts add up to {total}, the peak is {self.peak_bytes.expected}")

    @property
    def breakdown_bytes(self) -> dict[str, int]:
        """Expected bytes by category, largest first; sums to the expected peak."""
        sums: dict[str, int] = {}
        for part in self.components:
            sums[part.category.value] = sums.get(part.category.value, 0) + part.range.expected
        return dict(sorted(sums.items(), key=lambda item: -item[1]))

    @property
    def verdict(self) -> Verdict:
        """FITS when `high` fits beside what others hold, TIGHT when only `expected` does."""
        if self.capacity_bytes is None:
            return Verdict.UNKNOWN
        available_bytes = self.capacity_bytes - (self.other_processes_bytes or 0)
        if self.peak_bytes.high <= available_bytes:
            return Verdict.FITS
        return Verdict.TIGHT if self.peak_bytes.expected <= available_bytes else Verdict.DOES_NOT_FIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """Something the estimate rests on that was not seen.

    Args:
        slug: the stable name, explained in docs/messages.md.
        text: one sentence for the reader.
        effect_bytes: how much of the peak hangs on it, None when unknown.
    """

    slug: str
    text: str
    effect_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Ranks of a job in several processes that need the same.

    Args:
        ranks: which, "0" or "1-7".
        count: how many they are.
        rank: the one that was simulated for all of them.
        pools: its own: its devices, then "host", the part of this one process.
    """

    ranks: str
    count: int
    rank: int
    pools: tuple[PoolEstimate, ...]

    def stands_for(self, rank: int) -> bool:
        """Whether a rank is among those that need the same."""
        spans = [span.split("-") for span in self.ranks.split(", ")]
        return any(int(span[0]) <= rank <= int(span[-1]) for span in spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingEngine:
    """The engine that a model is served by, and the pool of its cache on the fullest device.

    Args:
        name: "vllm", "sglang".
        version: whose rules were taken.
        fraction: of the device that the engine takes for itself.
        requested_bytes: what that is.
        cache_bytes: what is left of it for the cache.
        cache_tokens: the tokens that the engine would print for it.
        concurrency: requests of ``context`` tokens, as the engine would print it, by the expected cache.
        longest: the longest request that the expected cache holds, up to ``context``.
        at_once: the most requests that it runs at once, whatever the cache.
        refusal: why it would not start and what to set; "" where it would.
    """

    name: str
    version: str
    fraction: float
    requested_bytes: int
    cache_bytes: ByteRange
    cache_tokens: tuple[int, int, int]
    concurrency: float
    longest: int
    at_once: int
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How many requests a model can answer at once.

    Args:
        context: tokens of each request.
        concurrent: requests that the estimate holds.
        request_bytes: what one keeps of its earlier tokens, on the fullest device.
        fit: requests that fit beside the rest: ``high`` is the figure to plan with, fewer than expected; 0 when not
            even one does, None when the capacity is unknown.
        fit_expected: by the expected peak.
        engine: by whose rules, None for transformers' own caches.
    """

    context: int
    concurrent: int
    request_bytes: int
    fit: int | None = None
    fit_expected: int | None = None
    engine: ServingEngine | None = None

    @property
    def verdict(self) -> Verdict:
        """Of an engine, which takes its share whatever is asked: whether it starts, and holds the requests at once."""
        if self.engine is None or self.fit is None or self.fit_expected is None:
            return Verdict.FITS
        if self.engine.refusal or self.fit_expected < self.concurrent:
            return Verdict.DOES_NOT_FIT
        return Verdict.FITS if self.fit >= self.concurrent else Verdict.TIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What would happen: every pool's peak, with the verdict against the machine.

    Args:
        target: what was estimated: at least "kind" ("script", "callable", "module", "model", "recorded"),
            "name" and "arguments"; plain JSON values.
        machine: the machine asked about.
        pools: devices first, then "host". Of a job in several processes: those of its fullest device, and the host of
            its fullest node with all the ranks on it.
        assumptions: what was not seen.
        environment: versions and settings the numbers hold for ("python", "torch", "memfit", …).
        cost: what the estimate itself took: "seconds", "process_peak_bytes", "steps".
        roles: of a job in several processes: what each kind of rank needs; empty for a job in one.
        serving: of a model that is served: how many requests fit; None for other jobs.
    """

    target: Mapping[str, Any]
    machine: Machine
    pools: tuple[PoolEstimate, ...]
    assumptions: tuple[Assumption, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    serving: Serving | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the pools': one pool that does not fit stops the job. An engine's requests count as one."""
        verdicts = {pool.verdict for pool in self.pools}
        if self.serving is not None:
            verdicts.add(self.serving.verdict)
        for verdict in (Verdict.DOES_NOT_FIT, Verdict.UNKNOWN, Verdict.TIGHT):
            if verdict in verdicts:
                return verdict
        return Verdict.FITS if verdicts else Verdict.UNKNOWN

    def pool(self, name: str) -> PoolEstimate:
        """The pool of that name.

        Args:
            name: "host"; "cuda:0"; or "cuda", the fullest of the devices of that kind. Of a job in several processes
                any device of a node can be asked for: where every node has one of that number, the fullest of those.

        Raises:
            KeyError: the job has no such pool; the message names those that it has.
        """
        own = next((pool for pool in self.pools if pool.pool == name), None)
        alike = [pool for pool in self.pools if pool.pool.partition(":")[0] == name]
        found = own or max(alike or self._ranked(name), key=lambda pool: pool.peak_bytes.high, default=None)
        if found is None:
            raise KeyError(f"the job has no pool {name!r}: it has {', '.join(pool.pool for pool in self.pools)}")
        return found

    def _ranked(self, name: str) -> list[PoolEstimate]:
        """Of a job in several processes: the device of that number on each of the nodes that differ, one for each role.

        Only of roles whose ranks each use the device of their own number.
        """
        kind, _, number = name.partition(":")
        per_node, nodes = (int(self.target.get(key) or 0) for key in ("ranks_per_node", "nodes"))
        ranks = range(int(number), per_node * nodes, per_node) if number.isdecimal() and int(number) < per_node else ()
        return [
            replace(pool, pool=name)
            for role in self.roles
            for pool in role.pools
            if any(map(role.stands_for, ranks)) and pool.pool == f"{kind}:{role.rank % per_node}"
        ]
