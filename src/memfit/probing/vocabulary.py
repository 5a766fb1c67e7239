"""What grows with the different words of texts, not with the texts: Heaps' law, fitted to what the probes have learnt.

Heaps (1978), *Information Retrieval: Computational and Theoretical Aspects*: n texts have K · n^β different words,
β from 0.4 to 0.8 in natural language. β falls slowly as texts become more: carrying it on errs on the large side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from memfit.probing.watching import Reading

_LEAST, _MOST = 0.05, 0.97  # nearer to 0 or to 1, it is a constant or the size itself
_LAST = 3  # readings: earlier ones are steeper


def power_of(readings: Sequence[Reading]) -> float | None:
    """The power of the size that the number of learnt terms grows with; None where there is none, or it is no power.

    >>> told = [Reading(size=n, rise_bytes=1, terms=round(40 * n**0.6)) for n in (1_000, 2_000, 4_000)]
    >>> power_of(told)
    0.6
    """
    told = [(each.size, each.terms) for each in readings if each.rise_bytes is not None and each.terms][-_LAST:]
    if len(told) < 2 or told[0][0] == told[-1][0]:
        return None
    (small, few), (large, many) = told[0], told[-1]
    assert few is not None and many is not None
    power = round(math.log(many / few) / math.log(large / small), 2)
    return power if _LEAST < power < _MOST else None


def terms_with(terms: tuple[str, ...], readings: Sequence[Reading]) -> tuple[str, ...]:
    """The terms of a law, and the power that the vocabulary grows by, where one was learnt."""
    power = power_of(readings)
    return terms if power is None else (*terms, f"n^{power:.2f}")


def note_of(readings: Sequence[Reading], target: int | None) -> str | None:
    """How many different terms were seen, and are to be expected, in a sentence; None where there are none."""
    power = power_of(readings)
    if power is None:
        return None
    last = [each for each in readings if each.rise_bytes is not None and each.terms][-1]
    assert last.terms is not None
    text = f"{last.terms:,} different terms in {last.size:,} rows, growing as n^{power:g} (Heaps' law)"
    if target is None or target <= last.size:
        return text
    expected = float(f"{last.terms * (target / last.size) ** power:.2g}")
    return f"{text}: about {expected:,.0f} in {target:,}"
