"""An estimate as the plain data that a picture of it needs: what to say, how long each bar is. Draws nothing.

Trusts the document's numbers; every text from it is made printable here, once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from memfit.documents import Assumption, Estimate, PeakLocation, PoolEstimate, Role, Serving, ServingEngine
from memfit.quantities import ByteRange, Verdict, format_bytes
from memfit.reports.steps import describe_steps
from memfit.reports.text import printable

LARGEST_SHOWN = 6  # lines of tensors at the peak; the document holds more
_LAYER_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")  # the 3 of "blocks.3.mlp"
_OPERATOR = re.compile(r"\baten\.(\w+)\.\w+")  # the addmm of "aten.addmm.default"
_LONGEST_SETTING = 30  # characters; what is longer (a platform's full name) is left to the document


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One category of a pool's peak: its bytes, its part of the whole (0 to 1) and how the figure came about."""

    name: str
    size_bytes: int
    share: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensors:
    """Some of the largest storages alive at the peak: so many of one size, category and origin."""

    count: int
    size_bytes: int
    category: str
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolView:
    """One pool, ready to draw.

    Args:
        name: "cuda:0", "host".
        verdict: whether this pool holds the job.
        peak: low, expected and high peak in bytes.
        capacity_bytes: what the pool has, None when unknown.
        other_bytes: what other processes hold of it already.
        spare_bytes: capacity minus others minus the high peak; negative when short; None when unknown.
        shares: the categories, largest first.
        figures: allocated, reserved and used, by name, those that are known.
        peak_at: the place of the tensors' peak in words, empty when unknown.
        steps: a sentence on how the steps' peaks move, empty when they do not.
        largest: the largest tensors at the peak.
    """

    name: str
    verdict: Verdict
    peak: ByteRange
    capacity_bytes: int | None
    other_bytes: int
    spare_bytes: int | None
    shares: tuple[Share, ...]
    figures: tuple[tuple[str, int], ...]
    peak_at: str
    steps: str
    largest: tuple[Tensors, ...]

    @property
    def scale_bytes(self) -> int:
        """The length of the pool's bar: all of its capacity, or of the job where that is more."""
        return max(self.capacity_bytes or 0, self.other_bytes + self.peak.high, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleView:
    """Ranks that need the same: which, how many, and what each of them needs of a device ("" without) and of the host.

    ``at`` is where the device's peak falls, in words.
    """

    ranks: str
    count: int
    device: str
    host: str
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateView:
    """A whole estimate, ready to draw."""

    verdict: Verdict
    target: str
    machine: str
    reason: str
    pools: tuple[PoolView, ...]
    assumptions: tuple[tuple[str, str], ...]
    environment: str
    cost: str
    roles: tuple[RoleView, ...] = ()
    serving: str = ""
    engine: str = ""


def view(estimate: Estimate) -> EstimateView:
    """Everything the report says about an estimate, in plain data."""
    pools = tuple(_pool(pool) for pool in estimate.pools)
    return EstimateView(
        verdict=estimate.verdict,
        target=_target(estimate.target),
        machine=printable(estimate.machine.name),
        reason=_requests(estimate) or _reason(pools, estimate.verdict),
        pools=pools,
        assumptions=tuple((printable(item.slug), _assumption(item)) for item in estimate.assumptions),
        environment=_environment(estimate.environment),
        cost=_cost(estimate.cost),
        roles=tuple(_role(role) for role in estimate.roles),
        serving="" if estimate.serving is None else _serving(estimate.serving),
        engine="" if estimate.serving is None else _engine(estimate.serving.engine),
    )


def _serving(serving: Serving) -> str:
    """How many requests fit, in a sentence."""
    each = f"one of {serving.context:,} tokens keeps {format_bytes(serving.request_bytes)} of a device"
    if serving.fit is None or serving.fit_expected is None:
        return each
    return f"{each}: plan with {serving.fit:,} at once, expect {serving.fit_expected:,}"


def _requests(estimate: Estimate) -> str:
    """The sentence under the verdict where an engine's requests decide it; "" where a pool does."""
    serving, verdict = estimate.serving, estimate.verdict
    if serving is None or serving.engine is None or verdict is Verdict.FITS or serving.verdict is not verdict:
        return ""
    if serving.engine.refusal:
        return _engine(serving.engine)
    return (
        f"{serving.concurrent:,} requests of {serving.context:,} tokens are not held at once: expect "
        f"{serving.fit_expected:,}, plan with {serving.fit:,}; further ones wait"
    )


def _engine(engine: ServingEngine | None) -> str:
    """What an engine would print of its cache, and whether it would start."""
    if engine is None:
        return ""
    name = f"{_ENGINES.get(engine.name, printable(engine.name))} {printable(engine.version)}"
    if engine.refusal:
        return f"{name} would not start: {printable(engine.refusal)}"
    low, expected, high = engine.cache_tokens
    return (
        f"{name} takes {engine.fraction:g} of a device, {format_bytes(engine.requested_bytes)}: "
        f"{format_bytes(engine.cache_bytes.expected)} of it for the cache ({format_bytes(engine.cache_bytes.low)} to "
        f"{format_bytes(engine.cache_bytes.high)}), {expected:,} tokens ({low:,} to {high:,}); "
        f"maximum concurrency {engine.concurrency:.2f}x"
    )


_ENGINES = {"vllm": "vLLM", "sglang": "SGLang"}


def _role(role: Role) -> RoleView:
    devices = [pool for pool in role.pools if pool.pool != "host"]
    hosts = [pool for pool in role.pools if pool.pool == "host"]
    fullest = max(devices or hosts, key=lambda pool: pool.peak_bytes.high)
    return RoleView(
        ranks=printable(role.ranks),
        count=role.count,
        device=_need(fullest) if devices else "",
        host=_need(hosts[0]) if hosts else "",
        at=_place(fullest.peak_at),
    )


def _need(pool: PoolEstimate) -> str:
    return f"{format_bytes(pool.peak_bytes.expected)} to {format_bytes(pool.peak_bytes.high)}"


def _pool(pool: PoolEstimate) -> PoolView:
    other_bytes = pool.other_processes_bytes or 0
    capacity = pool.capacity_bytes
    figures = (
        ("allocated by tensors", pool.allocated_peak_bytes),
        ("reserved by the allocator", pool.reserved_peak_bytes),
        ("used", pool.peak_bytes.expected),
    )
    return PoolView(
        name=printable(pool.pool),
        verdict=pool.verdict,
        peak=pool.peak_bytes,
        capacity_bytes=capacity,
        other_bytes=other_bytes,
        spare_bytes=None if capacity is None else capacity - other_bytes - pool.peak_bytes.high,
        shares=_shares(pool),
        figures=tuple((name, size) for name, size in figures if size is not None),
        peak_at=_place(pool.peak_at),
        steps=describe_steps(pool.steps),
        largest=_largest(pool),
    )


def _shares(pool: PoolEstimate) -> tuple[Share, ...]:
    bases: dict[str, list[str]] = {}
    for part in pool.components:
        seen = bases.setdefault(part.category.value, [])
        if part.basis.value not in seen:
            seen.append(part.basis.value)
    whole = max(pool.peak_bytes.expected, 1)
    return tuple(
        Share(name=_words(name), size_bytes=size, share=size / whole, basis=_bases(bases[name]))
        for name, size in pool.breakdown_bytes.items()
        if size
    )


def _largest(pool: PoolEstimate) -> tuple[Tensors, ...]:
    """The largest storages, those of the same size from like layers counted together ("blocks.*.mlp.0")."""
    alike: dict[tuple[int, str, str], list[str]] = {}
    for size, category, where in pool.top:
        alike.setdefault((size, category, _LAYER_NUMBER.sub("*", where)), []).append(where)
    return tuple(
        Tensors(
            count=len(places),
            size_bytes=size,
            category=_words(category),
            where=printable(_OPERATOR.sub(r"\1", places[0] if len(set(places)) == 1 else where)),
        )
        for (size, category, where), places in islice(alike.items(), LARGEST_SHOWN)
    )


def _reason(pools: tuple[PoolView, ...], verdict: Verdict) -> str:
    """The sentence under the verdict: the pool that decides it, with the figure to plan with."""
    deciding = [pool for pool in pools if pool.verdict is verdict] or list(pools)
    if not deciding:
        return "the job uses no memory that was followed"
    pool = deciding[0]
    plan = f"{pool.name}: expect {format_bytes(pool.peak.expected)}, plan with {format_bytes(pool.peak.high)}"
    if pool.spare_bytes is None or pool.capacity_bytes is None:
        return f"{plan}; the capacity is unknown"
    free_bytes = pool.capacity_bytes - pool.other_bytes
    room = f"{format_bytes(free_bytes)} free" if pool.other_bytes else format_bytes(pool.capacity_bytes)
    if verdict is Verdict.FITS:
        return f"{plan} of {room}: {format_bytes(pool.spare_bytes)} to spare"
    if verdict is Verdict.TIGHT:
        return f"{plan} of {room}: up to {format_bytes(-pool.spare_bytes)} short"
    return f"{plan} of {room}: expect to be {format_bytes(pool.peak.expected - free_bytes)} short"


def _place(at: PeakLocation) -> str:
    phase = None if at.phase is None else at.phase.value
    if phase and at.step:
        phase = f"{phase} of step {at.step}"
    parts = (phase, at.where, at.module, at.operator)
    return " · ".join(printable(part) for part in parts if part)


def _target(target: Mapping[str, Any]) -> str:
    arguments = target.get("arguments")
    words = [str(target.get("name", "a job")), *(map(str, arguments) if isinstance(arguments, list | tuple) else ())]
    return printable(" ".join(words))


def _assumption(item: Assumption) -> str:
    effect = "" if item.effect_bytes is None else f" (up to {format_bytes(abs(item.effect_bytes))})"
    return printable(item.text) + effect


def _environment(environment: Mapping[str, Any]) -> str:
    known = ((name, value) for name, value in environment.items() if isinstance(value, str | int | float) and value)
    return " · ".join(
        f"{_words(name)} {printable(value)}" for name, value in known if len(str(value)) <= _LONGEST_SETTING
    )


def _cost(cost: Mapping[str, Any]) -> str:
    seconds, peak, steps = cost.get("seconds"), cost.get("process_peak_bytes"), cost.get("steps")
    parts = (
        f"{seconds:.1f} s" if isinstance(seconds, int | float) else "",
        f"{format_bytes(peak)} of host memory" if isinstance(peak, int) else "",
        f"{steps} steps simulated" if isinstance(steps, int) and steps else "",
    )
    return ", ".join(part for part in parts if part)


def _bases(names: list[str]) -> str:
    """How a figure came about; of many ways the first and the last, which is the weakest that was listed."""
    return ", ".join(names) if len(names) <= 2 else f"{names[0]} … {names[-1]}"


def _words(name: str) -> str:
    return printable(name).replace("_", " ")
