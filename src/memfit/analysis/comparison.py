"""Two documents of one job laid on each other: an estimate beside a recording, or two of a kind, before and after.

Like is held against like: what a monitor shows against what was predicted to be shown, allocated against allocated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from memfit.analysis.growing import per_iteration
from memfit.analysis.measured import was_cut_short
from memfit.analysis.reasons import REST, reasons
from memfit.analysis.sides import Part, PoolSide, iterations_of, pool_sides
from memfit.documents import Comparison, Estimate, PoolComparison, Recording, Row, Side
from memfit.quantities import ByteRange, Category, Standing

_NOTES = {Category.GRADIENTS.value: "measured between iterations"}
_NOTHING = ByteRange.exactly(0)


def compare(first: Estimate | Recording, second: Estimate | Recording) -> Comparison:
    """Lay two documents of one job on each other.

    Args:
        first: what was predicted, or the earlier of two of a kind.
        second: what was measured, or the later. A recording and an estimate may come in either order: what was
            predicted stands first in the comparison.
    """
    if isinstance(first, Recording) and isinstance(second, Estimate):
        first, second = second, first
    before, after = pool_sides(first), pool_sides(second)
    names = [*before, *(name for name in after if name not in before)]
    pools = tuple(_pool(name, before.get(name), after.get(name), first, second) for name in names)
    comparison = Comparison(first=_side(first), second=_side(second), pools=pools)
    return Comparison(
        first=comparison.first,
        second=comparison.second,
        pools=pools,
        reasons=tuple(reasons(first, second, comparison)),
    )


def _side(document: Estimate | Recording) -> Side:
    if isinstance(document, Estimate):
        words = [document.target.get("name", "a job"), *(document.target.get("arguments") or ())]
        return Side(
            kind="estimate",
            name=" ".join(map(str, words)),
            machine=document.machine.name,
            iterations=iterations_of(document),
        )
    return Side(
        kind="recording",
        name=document.title,
        machine=str(document.machine.get("host", "")),
        started=document.started,
        iterations=iterations_of(document),
    )


def _pool(
    name: str,
    before: PoolSide | None,
    after: PoolSide | None,
    first: Estimate | Recording,
    second: Estimate | Recording,
) -> PoolComparison:
    one, other = before or PoolSide(pool=name, peak=None), after or PoolSide(pool=name, peak=None)
    predicts = isinstance(first, Estimate) and isinstance(second, Recording)
    cut_short = isinstance(second, Recording) and was_cut_short(second)
    return PoolComparison(
        pool=name,
        peak=Row(name="peak", first=one.peak, second=other.peak),
        standing=_standing(one.peak, other.peak, at_least=cut_short) if predicts else None,
        at_least=cut_short,
        categories=tuple(_categories(one, other)),
        figures=tuple(_matching(one.figures, other.figures)),
        phases=tuple(_matching(one.phases, other.phases)),
        growth=per_iteration(name, first, second),
    )


def _standing(predicted: ByteRange | None, measured: ByteRange | None, *, at_least: bool) -> Standing | None:
    if predicted is None or measured is None:
        return None
    if measured.expected > predicted.high:
        return Standing.ABOVE
    if measured.expected < predicted.low:
        return None if at_least else Standing.BELOW  # it may still have been on its way
    return Standing.INSIDE


def _matching(first: Mapping[str, ByteRange], second: Mapping[str, ByteRange]) -> Iterable[Row]:
    for name in [*first, *(name for name in second if name not in first)]:
        yield Row(name=name, first=first.get(name), second=second.get(name))


def _categories(one: PoolSide, other: PoolSide) -> Iterable[Row]:
    if one.whole and other.whole:
        yield from _whole(one, other)
        return
    shared = _shared(one, other)
    if not shared:
        return
    for categories in shared:
        name = " + ".join(categories)
        yield Row(
            name=name,
            first=_of(one, categories),
            second=_of(other, categories),
            note=_NOTES.get(name, ""),
        )
    left = sorted({name for side in (one, other) if side.whole for name in _names(side)} - set(sum(shared, ())))
    yield Row(name=REST, first=_rest(one, shared), second=_rest(other, shared), note=", ".join(left))


def _whole(one: PoolSide, other: PoolSide) -> Iterable[Row]:
    names = [*_names(one), *(name for name in _names(other) if name not in _names(one))]
    for name in names:
        yield Row(name=name, first=_of(one, (name,)) or _NOTHING, second=_of(other, (name,)) or _NOTHING)


def _names(side: PoolSide) -> list[str]:
    return [name for part in side.parts for name in part.categories]


def _shared(one: PoolSide, other: PoolSide) -> list[tuple[str, ...]]:
    """What both sides tell apart: a side that knows all of its peak can be summed to what the other knows."""
    if one.whole or other.whole:
        coarse = other if one.whole else one
        unlike = one.unlike | other.unlike
        return [part.categories for part in coarse.parts if not unlike & set(part.categories)]
    known = {part.categories for part in other.parts}
    return [part.categories for part in one.parts if part.categories in known]


def _of(side: PoolSide, categories: tuple[str, ...]) -> ByteRange | None:
    if side.whole:
        return ByteRange.total(part.range for part in side.parts if set(part.categories) <= set(categories))
    return next((part.range for part in side.parts if part.categories == categories), None)


def _rest(side: PoolSide, shared: list[tuple[str, ...]]) -> ByteRange | None:
    """What of the peak is not in the shared parts."""
    if side.whole:
        named = set(sum(shared, ()))
        return ByteRange.total(part.range for part in side.parts if not set(part.categories) <= named)
    if side.peak is None:
        return None
    left = side.peak.expected - sum(_expected(side.parts, categories) for categories in shared)
    return ByteRange.exactly(left) if left >= 0 else None


def _expected(parts: Iterable[Part], categories: tuple[str, ...]) -> int:
    return sum(part.range.expected for part in parts if part.categories == categories)
