"""From the ranks of a job to its nodes: what one device holds, what all ranks of a node hold on the host. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from memfit.documents import Assumption, Component, Estimate, PoolEstimate, Role
from memfit.estimating.host_pool import HOST, SHARED_SOURCE
from memfit.quantities import ByteRange

# Ranks whose devices differ by less than this need the same: shards are rounded, and one of them logs.
_ALIKE = 0.001


def same_needs(one: Estimate, other: Estimate) -> bool:
    """Whether two ranks' peaks are the same, on their devices or, without any, on the host."""
    pairs = zip(_own(one), _own(other), strict=False)
    sizes = [(a.peak_bytes.expected, b.peak_bytes.expected) for a, b in pairs]
    return len(_own(one)) == len(_own(other)) and all(abs(a - b) <= _ALIKE * max(a, b) for a, b in sizes)


def node_estimate(
    first: Estimate,
    seen: Mapping[int, Estimate],
    spread: Mapping[int, Sequence[range]],
    *,
    per_node: int,
    nodes: int,
) -> Estimate:
    """One estimate for all ranks.

    Args:
        first: rank 0's.
        seen: rank → its estimate, of those that were simulated.
        spread: rank → the ranks that it stands for.
        per_node: ranks on a node.
        nodes: how many there are.
    """
    roles = tuple(
        Role(
            ranks=", ".join(_words(ranks) for ranks in parts),
            count=sum(len(ranks) for ranks in parts),
            rank=rank,
            pools=seen[rank].pools,
        )
        for rank, parts in spread.items()
    )
    fullest = max((seen[rank] for rank in spread), key=_device_bytes)
    host = max((_host(seen, spread, node, per_node) for node in _nodes(spread, per_node, nodes)), key=_high)
    shared = _on_one_device(seen, per_node)
    devices = [pool for pool in fullest.pools if pool.pool != HOST]
    if shared is not None:
        devices = [shared]
    assumptions = {item.slug: item for rank in spread for item in seen[rank].assumptions}
    text = f"{len(seen)} of {per_node * nodes} ranks were simulated: {', '.join(map(str, sorted(seen)))}"
    assumptions["ranks-by-role"] = Assumption(slug="ranks-by-role", text=text)
    if shared is not None:
        text = f"all ranks of a node put tensors on {shared.pool}: does the script call torch.cuda.set_device?"
        assumptions["ranks-share-device"] = Assumption(slug="ranks-share-device", text=text)
    return replace(
        first,
        pools=(*devices, host),
        assumptions=tuple(assumptions.values()),
        roles=roles,
        target={**first.target, "nodes": nodes, "ranks_per_node": per_node},
        cost={
            **first.cost,
            "seconds": round(sum(float(each.cost.get("seconds", 0)) for each in seen.values()), 2),
        },
    )


def _own(estimate: Estimate) -> tuple[PoolEstimate, ...]:
    return tuple(pool for pool in estimate.pools if pool.pool != HOST) or estimate.pools


def _device_bytes(estimate: Estimate) -> int:
    return max(pool.peak_bytes.high for pool in _own(estimate))


def _high(pool: PoolEstimate) -> int:
    return pool.peak_bytes.high


def _words(ranks: range) -> str:
    return str(ranks.start) if len(ranks) == 1 else f"{ranks.start}-{ranks.stop - 1}"


def _nodes(spread: Mapping[int, Sequence[range]], per_node: int, nodes: int) -> Iterable[int]:
    """The nodes that may differ: those on which a role begins or ends."""
    edges = {edge for parts in spread.values() for ranks in parts for edge in (ranks.start, ranks.stop - 1)}
    return sorted({min(edge // per_node, nodes - 1) for edge in edges})


def _host(
    seen: Mapping[int, Estimate], spread: Mapping[int, Sequence[range]], node: int, per_node: int
) -> PoolEstimate:
    """The host of one node: each rank's part, the pages that they share once."""
    here = range(node * per_node, (node + 1) * per_node)
    counts = {
        rank: sum(len(range(max(r.start, here.start), min(r.stop, here.stop))) for r in parts)
        for rank, parts in spread.items()
    }
    present = [(seen[rank].pool(HOST), count) for rank, count in counts.items() if count]
    largest = max((pool for pool, _ in present), key=_high)
    parts: list[Component] = []
    highs = lows = 0
    for pool, count in present:
        shared = sum(part.range.expected for part in pool.components if part.source == SHARED_SOURCE)
        parts += [_times(part, count) for part in pool.components if part.source != SHARED_SOURCE]
        lows += count * (pool.peak_bytes.low - shared)
        highs += count * (pool.peak_bytes.high - shared)
    once = [part for part in largest.components if part.source == SHARED_SOURCE]
    parts += once
    shared = sum(part.range.expected for part in once)
    peak = ByteRange(low=lows + shared, expected=sum(part.range.expected for part in parts), high=highs + shared)
    return _with_figures(replace(largest, peak_bytes=peak, components=tuple(parts)), present)


def _with_figures(pool: PoolEstimate, present: Sequence[tuple[PoolEstimate, int]]) -> PoolEstimate:
    """The pool with what all of them hold in tensors."""

    def added(figure: Callable[[PoolEstimate], int | None]) -> int | None:
        sizes = [(figure(each), count) for each, count in present]
        return sum((size or 0) * count for size, count in sizes) if all(size is not None for size, _ in sizes) else None

    return replace(
        pool,
        allocated_peak_bytes=added(lambda each: each.allocated_peak_bytes),
        requested_peak_bytes=added(lambda each: each.requested_peak_bytes),
        reserved_peak_bytes=added(lambda each: each.reserved_peak_bytes),
    )


def _times(part: Component, count: int) -> Component:
    size = part.range
    source = part.source if count == 1 else f"{count} x {part.source}"
    return replace(
        part,
        range=ByteRange(low=count * size.low, expected=count * size.expected, high=count * size.high),
        source=source,
    )


def _on_one_device(seen: Mapping[int, Estimate], per_node: int) -> PoolEstimate | None:
    """The device that a node's ranks share by mistake, with all that they hold on it; None where each has its own."""
    for rank, estimate in seen.items():
        local = rank % per_node
        own = [pool for pool in estimate.pools if pool.pool != HOST]
        stray = next((pool for pool in own if pool.pool != f"cuda:{local}"), None)
        if local and stray is not None:
            peak = stray.peak_bytes
            together = ByteRange(low=per_node * peak.low, expected=per_node * peak.expected, high=per_node * peak.high)
            parts = tuple(_times(part, per_node) for part in stray.components)
            return _with_figures(replace(stray, peak_bytes=together, components=parts), [(stray, per_node)])
    return None
