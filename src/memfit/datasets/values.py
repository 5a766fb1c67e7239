"""Columns of texts as readers of CSV take them: the kind of the values, what is missing, how long they are.

The rules are those of pandas 3.1's C parser (its default missing values, what it takes for a number or a truth).
Nothing is evaluated: a cell is a number because int() or float() reads it.
"""

from __future__ import annotations

import math
import re
import sys
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from statistics import quantiles

from memfit.datasets.cardinality import distinct
from memfit.documents.data import Column, ColumnKind, Count, TextSize

# pandas._libs.parsers.STR_NA_VALUES, pandas 3.1.
MISSING = frozenset({
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
})  # fmt: skip
_TRUTHS = frozenset({"True", "TRUE", "true", "False", "FALSE", "false"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?")
VIEW_INLINE_BYTES = 12  # of a string view, Arrow columnar format 1.4
_MALLOC_STEP = 16  # pymalloc's alignment on 64-bit machines since Python 3.8, and glibc's
_CONFIDENCE = 2.0  # standard errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """The sampled cells of a column.

    Args:
        blocks: cells, place by place.
        rows: how many rows the whole has.
        whole: the cells are all there is.
        chunk_rows: how many rows pandas' reader takes at a time; it shares equal texts within them.
    """

    blocks: Sequence[Sequence[str]]
    rows: int
    whole: bool = False
    chunk_rows: int = 1 << 17


def column(name: str, sampled: Sampled) -> Column:
    """What the cells say of their column."""
    blocks = [[cell for cell in block if cell not in MISSING] for block in sampled.blocks]
    cells = sum(map(len, sampled.blocks))
    flat = [cell for block in blocks for cell in block]
    missing = 1 - len(flat) / cells if cells else 0.0
    if not flat:
        return Column(name=name, kind=ColumnKind.EMPTY, missing_share=missing)
    rows = max(round(sampled.rows * (1 - missing)), len(flat))
    width = sum(map(len, flat)) / len(flat) * (1 - missing)
    counted = distinct(blocks, rows, whole=sampled.whole)
    kind, numbers = kind_of(flat)
    if kind.is_number:
        low, high = _ends(numbers)
        zeros = sum(1 for number in numbers if not number) / cells
        return Column(name=name, kind=kind, missing_share=missing, zero_share=zeros, distinct=counted,
                      minimum=low, maximum=high, file_bytes=width, deciles=deciles(numbers),
                      commonest_share=commonest_share(flat))  # fmt: skip
    mixed = kind is ColumnKind.TEXT and _has_numbers(flat)
    return Column(name=name, kind=kind, missing_share=missing, distinct=counted, mixed=mixed, file_bytes=width,
                  text=text_size(blocks, counted, sampled), commonest_share=commonest_share(flat))  # fmt: skip


def deciles(numbers: Sequence[float]) -> tuple[float, ...]:
    """The nine values that cut the finite ones into tenths; () of less than two.

    >>> deciles([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0)
    """
    finite = sorted(float(number) for number in numbers if math.isfinite(number))
    return tuple(quantiles(finite, n=10, method="inclusive")) if len(finite) > 1 else ()


def commonest_share(values: Sequence[Hashable]) -> float | None:
    """Of the values, the share of the one that is seen most."""
    return Counter(values).most_common(1)[0][1] / len(values) if values else None


def kind_of(cells: Sequence[str]) -> tuple[ColumnKind, Sequence[float]]:
    """The kind of cells that are not missing, and their numbers where they are such."""
    if cells[0] in _TRUTHS and _TRUTHS.issuperset(cells):
        return ColumnKind.BOOLEAN, [cell[0] in "Tt" for cell in cells]
    if not any("_" in cell for cell in cells):  # int() and float() read 1_000, pandas does not
        try:
            numbers = [float(cell) for cell in cells]
        except ValueError:
            pass
        else:
            return (ColumnKind.INTEGER if _all_whole(cells) else ColumnKind.FLOAT), numbers
    if all(map(_MOMENT.fullmatch, cells)):
        return ColumnKind.DATETIME, ()
    if all(map(_DATE.fullmatch, cells)):  # 3/4/2024 stays text: which is the month cannot be told
        return ColumnKind.DATE, ()
    return ColumnKind.TEXT, ()


def text_size(blocks: Sequence[Sequence[str]], counted: Count, sampled: Sampled) -> TextSize:
    """How long the texts are."""
    flat = [cell for block in blocks for cell in block]
    sizes = [_utf8(cell) for cell in flat]
    mean = sum(sizes) / len(sizes)
    long = [size for size in sizes if size > VIEW_INLINE_BYTES]
    return TextSize(
        mean_bytes=mean,
        spread_bytes=0.0 if sampled.whole else _CONFIDENCE * _standard_error(blocks, sizes),
        longest_bytes=max(sizes),
        long_share=len(long) / len(sizes),
        long_mean_bytes=sum(long) / len(long) if long else 0.0,
        object_bytes=sum(map(object_bytes, flat)) / len(flat),
        own_share=min(_own_share(counted.expected, sampled.chunk_rows, max(sampled.rows, 1)), _seen_share(blocks)),
    )


def object_bytes(text: str) -> int:
    """A str of CPython as malloc rounds it."""
    return (sys.getsizeof(text) + _MALLOC_STEP - 1) // _MALLOC_STEP * _MALLOC_STEP


def _own_share(values: int, chunk: int, rows: int) -> float:
    """Of a chunk of the rows, the share of values that differ, where all values are equally common."""
    if chunk >= rows:
        return min(1.0, values / rows)
    repeats = rows / max(min(values, rows), 1)
    drawn = 1.0 - math.pow(1 - chunk / rows, repeats)
    return min(1.0, max(values, 1) * drawn / chunk)


def _seen_share(blocks: Sequence[Sequence[str]]) -> float:
    """Of the values of a place, those that differ: few, where repeats stand together, and fewer in a longer stretch."""
    return sum(len(set(block)) for block in blocks) / max(sum(map(len, blocks)), 1)


def _standard_error(blocks: Sequence[Sequence[str]], sizes: Sequence[int]) -> float:
    """Of the mean size: by the means of the places where there are several, since neighbours are alike."""
    if len(sizes) < 2:
        return 0.0
    means, start = [], 0
    for block in blocks:
        if block:
            means.append(sum(sizes[start : start + len(block)]) / len(block))
            start += len(block)
    values: Sequence[float] = means if len(means) > 7 else sizes
    centre = sum(values) / len(values)
    return math.sqrt(sum((value - centre) ** 2 for value in values) / (len(values) - 1) / len(values))


def _all_whole(cells: Sequence[str]) -> bool:
    try:
        for cell in cells:
            int(cell)
    except ValueError:  # a fraction, an exponent, or thousands of digits
        return False
    return True


def _has_numbers(cells: Sequence[str]) -> bool:
    found = 0
    for cell in cells[:2000]:
        try:
            float(cell)
        except ValueError:
            continue
        found += 1
    return found * 2 > min(len(cells), 2000)


def _ends(numbers: Sequence[float]) -> tuple[float | None, float | None]:
    finite = [number for number in numbers if math.isfinite(number)]
    return (float(min(finite)), float(max(finite))) if finite else (None, None)


def _utf8(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
