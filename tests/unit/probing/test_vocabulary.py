"""Heaps' law of what was learnt, and laws with a power below one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from memfit.errors import UsageError
from memfit.probing.child.vocabulary import terms_of
from memfit.probing.law import Point, fit_law
from memfit.probing.vocabulary import note_of, power_of
from memfit.probing.watching import Reading
from memfit.quantities import MIB


def readings(power: float, *, constant: int = 0) -> list[Reading]:
    return [
        Reading(size=n, rise_bytes=MIB, terms=constant + round(40 * n**power)) for n in (1_000, 2_000, 4_000, 8_000)
    ]


def test_a_power_below_one_is_recovered_with_the_line_beside_it() -> None:
    """Texts by the line, their vocabulary by the root: both coefficients come out, and the size beyond."""
    points = [Point(size=n, rise_bytes=round(8 * MIB + 900 * n + 60_000 * n**0.6)) for n in (2_000, 4_000, 8_000)]

    law = fit_law(points, terms=("n", "n^0.60"))

    assert law.at(100_000) == pytest.approx(8 * MIB + 900 * 100_000 + 60_000 * 100_000**0.6, rel=0.01)
    assert law.at(100_000) < fit_law(points).at(100_000) * 0.95


def test_a_power_above_one_is_no_term() -> None:
    """What grows faster than the size is n² or nothing."""
    with pytest.raises(UsageError):
        fit_law([Point(size=1, rise_bytes=1)], terms=("n^1.5",))


def test_the_power_is_that_of_the_learnt_terms() -> None:
    """Heaps' law by the last readings; constants, and terms that are as many as rows, are none."""
    assert power_of(readings(0.6)) == pytest.approx(0.6, abs=0.01)
    assert power_of(readings(0.0, constant=100)) is None
    assert power_of(readings(1.0)) is None
    assert power_of([Reading(size=10, rise_bytes=1)]) is None


def test_the_note_tells_what_is_to_be_expected() -> None:
    """At 16 times the texts 16 ** 0.5 = 4 times the words."""
    found = note_of(readings(0.5), 128_000)

    assert found is not None
    assert "3,578 different terms in 8,000 rows, growing as n^0.5" in found
    assert "about 14,000 in 128,000" in found


def test_terms_are_found_in_what_is_within() -> None:
    """Vocabularies and categories of steps and of a column transformer's parts, added; a model alone has none."""
    words = SimpleNamespace(vocabulary_={"a": 0, "b": 1})
    codes = SimpleNamespace(categories_=[["x"], ["y", "z"]])
    columns = SimpleNamespace(transformers_=[("w", words, "text"), ("c", codes, ["k"]), ("r", "passthrough", [])])
    pipeline = SimpleNamespace(steps=[("columns", columns), ("model", SimpleNamespace(coef_=[1.0]))])

    assert terms_of(pipeline) == 5
    assert terms_of((pipeline, [0, 1])) == 5
    assert terms_of(SimpleNamespace(coef_=[1.0])) is None
    assert terms_of(None) is None
