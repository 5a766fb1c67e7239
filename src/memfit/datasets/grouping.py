"""Many columns told together: like ones as one, so that a table of a million columns stays a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memfit.documents.data import Column, Count, TextSize

SHOWN = 200  # columns that are told one by one


def grouped(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """The columns as they are where they are few; else one for each kind and type, with the means of its members.

    Args:
        columns: those that were looked at.
        width: how many there are in all; those looked at are spread evenly over them.
    """
    if width <= SHOWN and len(columns) == width:
        return tuple(columns)
    alike: dict[tuple[object, str, bool], list[Column]] = {}
    for column in columns:
        alike.setdefault((column.kind, column.stored, column.missing_share > 0), []).append(column)
    left, found = width, []
    for position, members in enumerate(alike.values()):
        last = position == len(alike) - 1
        number = left if last else min(max(round(width * len(members) / len(columns)), 1), left - len(alike) + position)
        left -= number
        found.append(together(members, number))
    return tuple(found)


def together(members: Sequence[Column], number: int) -> Column:
    """One column that stands for `number` like these."""
    first, last = members[0], members[-1]
    known = [column.distinct for column in members if column.distinct is not None]
    return replace(
        first,
        name=first.name if number == 1 else f"{first.name} … {last.name}",
        columns=number,
        missing_share=_mean([column.missing_share for column in members]),
        zero_share=_mean([column.zero_share for column in members]),
        distinct=_counts(known) if len(known) == len(members) else None,
        minimum=min((column.minimum for column in members if column.minimum is not None), default=None),
        maximum=max((column.maximum for column in members if column.maximum is not None), default=None),
        text=_texts([column.text for column in members if column.text is not None]),
        file_bytes=_mean([column.file_bytes for column in members]),
    )


def _counts(counts: Sequence[Count]) -> Count:
    low, expected, high = (round(_mean([getattr(one, end) for one in counts])) for end in ("low", "expected", "high"))
    return Count(low=low, expected=expected, high=high, basis=counts[0].basis)


def _texts(texts: Sequence[TextSize]) -> TextSize | None:
    if not texts:
        return None
    names = ("mean_bytes", "spread_bytes", "long_share", "object_bytes", "own_share")
    means = {name: _mean([getattr(text, name) for text in texts]) for name in names}
    long = [text.long_mean_bytes * text.long_share for text in texts]
    return TextSize(
        longest_bytes=max(text.longest_bytes for text in texts),
        long_mean_bytes=_mean(long) / means["long_share"] if means["long_share"] else 0.0,
        **means,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
