"""Figures as a person says them: lengths of time, shares, counts. Bytes have their own words in memfit.quantities."""

from __future__ import annotations

import math
from collections.abc import Sequence

from memfit.quantities import format_finely


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    >>> duration(3723.4), duration(0.25), duration(12.34)
    ('1 h 2 min', '250 ms', '12.3 s')
    """
    if not math.isfinite(seconds):
        return "—"
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for unit_s, unit, below_s, below in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit_s:
            large, small = divmod(whole, unit_s)
            return f"{large} {unit} {small // below_s} {below}" if small // below_s else f"{large} {unit}"
    return f"{whole} s"


def percent(share: float) -> str:
    """A part of a whole.

    >>> percent(0.004), percent(0.996), percent(0.424)
    ('<1 %', '>99 %', '42 %')
    """
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


def many(count: int, one: str, several: str | None = None) -> str:
    """A number with its noun.

    >>> many(1, "process", "processes"), many(12000, "step")
    ('1 process', '12,000 steps')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def listed(words: Sequence[str]) -> str:
    """Several things in a sentence.

    >>> listed(["a recording"]), listed(["a recording", "an estimate", "a comparison"])
    ('a recording', 'a recording, an estimate and a comparison')
    """
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def signed(size_bytes: float | None) -> str:
    """A change in bytes, its sign always shown."""
    if size_bytes is None or not math.isfinite(size_bytes):
        return "—"
    words = format_finely(size_bytes)
    return words if words.startswith("-") else f"+{words}"


def sentence(words: str) -> str:
    """The words with a capital at their start and a stop at their end.

    >>> sentence("it rises by 3 MiB")
    'It rises by 3 MiB.'
    """
    return words[:1].upper() + words[1:] + ("" if not words or words.endswith((".", "!", "?", "…")) else ".")
