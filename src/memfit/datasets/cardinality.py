"""How many different values a column has, from a sample, with a range that its counts allow.

Low is what was seen. High takes every value seen once for one of as many unseen ones as the sampling ratio (Charikar
and others 2000, "Towards estimation error guarantees for distinct values"). Expected lies between: the larger of their
guaranteed-error estimator and Chao's (1984) lower bound, capped by the number of rows.

Samples are taken in blocks. Where a value's repeats stand together (a sorted key), rows of a block are no independent
draws: then blocks are counted instead of rows, which is what the second counting is for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from memfit.documents.data import Count
from memfit.quantities import Basis

_CLUSTERED = (
    1.5  # times as many values that stand in one block alone as values that were seen once: they stand together
)


def distinct(blocks: Sequence[Sequence[Hashable]], rows: int, *, whole: bool = False) -> Count:
    """The number of different values among `rows` values, of which the blocks are a sample.

    Args:
        blocks: the sampled values, missing ones left out, block by block.
        rows: how many values there are in all.
        whole: the blocks are all there is.
    """
    values: Counter[Hashable] = Counter(value for block in blocks for value in block)
    seen, drawn = len(values), sum(values.values())
    if whole or rows <= drawn or not drawn:
        return Count.exactly(seen)
    by_block = Counter(value for block in blocks for value in set(block))
    once = sum(1 for number in values.values() if number == 1)
    lone = sum(1 for number in by_block.values() if number == 1)
    ratio = rows / drawn
    if len(blocks) > 1 and lone > _CLUSTERED * once and lone > 10:
        counts: Iterable[int] = by_block.values()
        expected = seen - lone + lone * ratio  # repeats stand together: as many new ones in every block
    else:
        counts, lone = values.values(), once
        expected = _expected(list(counts), seen, drawn, rows)
    high = min(rows, seen - lone + math.ceil(lone * ratio))
    inside = min(max(seen, round(expected)), max(high, seen))
    return Count(low=seen, expected=inside, high=max(high, inside), basis=Basis.EXTRAPOLATED)


def _expected(counts: list[int], seen: int, drawn: int, rows: int) -> float:
    once, twice = counts.count(1), counts.count(2)
    if once == drawn:
        return rows  # nothing repeats: a key
    guaranteed = seen - once + math.sqrt(rows / drawn) * once
    chao = seen + once * (once - 1) / (2 * (twice + 1))
    return min(rows, max(guaranteed, chao)) if once > 0.5 * drawn else min(rows, max(chao, min(guaranteed, 2 * seen)))
