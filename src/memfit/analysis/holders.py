"""What looks into the job found, laid beside how a series behaves: who holds what grows, and what was tried in vain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from memfit.documents import Growth, Holding, Recording, SeriesDiagnosis
from memfit.quantities import format_bytes

_GROWING = (
    Growth.LINEAR_LEAK, Growth.STEPWISE_LEAK, Growth.RISING_SAW_TOOTH, Growth.ACCELERATING, Growth.SWAP_MASKED,
    Growth.LOG_ACCUMULATION, Growth.UNDETERMINED,
)  # fmt: skip
_MOVING = (Growth.ONE_TIME_STEP, Growth.SEVERAL_STEPS, Growth.SATURATING)
_LEVEL = (Growth.CONSTANT, Growth.WANDERING, Growth.SAW_TOOTH)
_SPIKES = (Growth.PERIODIC_SPIKES, Growth.TRANSIENT_SPIKE, Growth.STEPWISE_LEAK)
_PROBES = {"gc": "gc.collect()", "malloc_trim": "malloc_trim(0)"}
_RARE_PHASES = ("checkpoint", "evaluation")
_CROWD = 8
_ONE_GRAPH = "graph of "
_ALIKE = 0.25  # a step is the optimizer's state when it is as large within this
# Of what grows, the first kind that is found says most.
_TELLING = ("graph", "container", "cache", "objects")
_WHAT_TO_DO = {
    "graph": "detach it: keep loss.item() or output.detach() instead of the tensor with its graph",
    "container": "bound it, clear it after each epoch, or keep less in it",
    "cache": "bound the cache: lru_cache(maxsize=…), or clear it",
    "objects": "find who keeps these objects: gc.get_referrers, or compare tracemalloc snapshots",
}


def named(series: SeriesDiagnosis, recording: Recording) -> SeriesDiagnosis:
    """The series with what the recording's looks add: a holder by name, a phase, probes that found nothing.

    Args:
        series: as judged by its readings alone.
        recording: that they come from.
    """
    changed = series
    if series.growth in _GROWING and series.pool.endswith("host"):
        changed = _with_holder(changed, _growing(recording.holdings))
    elif series.growth in _GROWING:
        changed = _with_holder(changed, [one for one in _growing(recording.holdings) if one.category == "graph"])
    if series.growth is Growth.ONE_TIME_STEP:
        changed = _with_state(changed, recording.holdings)
    if series.growth in _SPIKES:
        changed = _with_phase(changed, recording)
    if series.pool.endswith("host") and series.is_leak is not False:
        changed = replace(changed, notes=(*changed.notes, *_tried(recording.holdings)))
    return changed


def fragmented(series: SeriesDiagnosis, others: Sequence[SeriesDiagnosis]) -> SeriesDiagnosis:
    """What an allocator keeps that moves while what is live in it does not: the allocator did that, not the job.

    Args:
        series: of the device; what is live in it is returned as it is.
        others: all series of the same device.
    """
    live = next((one for one in others if one.name.endswith(", live")), None)
    if live is None or live is series or series.growth not in _MOVING or live.growth not in _LEVEL:
        return series
    return replace(series, culprit="the allocator: it had no free block that was large enough (fragmentation)")


def _growing(holdings: Sequence[Holding]) -> list[Holding]:
    """Who has grown at its last look, the most telling first: one entry a holder."""
    latest: dict[tuple[int, str, str], Holding] = {}
    for one in holdings:
        latest[one.pid, one.category, one.label] = one
    grown = [one for one in latest.values() if one.category in _TELLING and (one.grows or _many_graphs(one))]
    return sorted(grown, key=lambda one: (_TELLING.index(one.category), -(one.held_bytes or 0), -one.count))


def _many_graphs(one: Holding) -> bool:
    """A crowd of tensors with their graph in one container: a job that is sound has none, growing or not."""
    alone = one.label.startswith(_ONE_GRAPH)  # counted in operations: the last loss, which lives until the next
    return one.category == "graph" and not alone and one.count >= _CROWD and one.grows is None and bool(one.where)


def _with_holder(series: SeriesDiagnosis, holders: Sequence[Holding]) -> SeriesDiagnosis:
    if not holders:
        return series
    first = holders[0]
    others = [_told(one) for one in holders[1:3]]
    culprit = _told(first) + (f"; also {' and '.join(others)}" if others else "")
    usual = tuple(text for text in series.advice if text != _WHAT_TO_DO[first.category])
    return replace(series, culprit=culprit, advice=(_WHAT_TO_DO[first.category], *usual))


def _told(one: Holding) -> str:
    place = f" ({one.where})" if one.where and one.where not in one.label else ""
    size = f", {format_bytes(one.held_bytes)}" if one.held_bytes and one.category != "graph" else ""
    if one.category == "graph" and one.label.startswith(_ONE_GRAPH):
        return f"a {one.label}{place}, {one.count:,} operations long"
    return {
        "graph": f"{one.count:,} tensors that hold their graph: {one.label}{place}",
        "container": f"a container that grows: {one.label}{place}, {one.count:,} entries{size}",
        "cache": f"a cache that grows: {one.label}{place}, {one.count:,} entries{size}",
    }.get(one.category, f"{one.count:,} objects of {one.label}{place}{size}")


def _with_state(series: SeriesDiagnosis, holdings: Iterable[Holding]) -> SeriesDiagnosis:
    """A step of the size of the optimizer's state is that."""
    moments: dict[tuple[int, float], int] = {}
    for one in holdings:
        if one.category == "optimizer_state" and one.held_bytes:
            key = (one.pid, one.at_s)
            moments[key] = moments.get(key, 0) + one.held_bytes
    state = max(moments.values(), default=0)
    step = series.end_bytes - series.start_bytes
    if not state or abs(step - state) > _ALIKE * state:
        return series
    return replace(series, culprit=f"the optimizer's state: {format_bytes(state)}, which its first step makes")


def _with_phase(series: SeriesDiagnosis, recording: Recording) -> SeriesDiagnosis:
    counts = {name: sum(total.count for total in recording.phase_totals if total.name == name) for name in _RARE_PHASES}
    seen = [f"{name} ({count} times)" for name, count in counts.items() if count]
    return replace(series, culprit=f"{' or '.join(seen)}") if seen else series


def _tried(holdings: Iterable[Holding]) -> list[str]:
    """What the probes found, also where they found nothing."""
    told = []
    for look, call in _PROBES.items():
        freed = [one.held_bytes for one in holdings if one.look == look and one.held_bytes is not None]
        if freed:
            most = max(freed)
            times = f"{len(freed)} times" if len(freed) > 1 else "once"
            told.append(
                f"{call} was tried {times} and freed {format_bytes(most)} at most"
                if most > 1 << 20
                else f"{call} was tried {times} and freed nothing: that is not it"
            )
    return told
