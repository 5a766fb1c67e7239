"""The page on JAX, Keras and TensorFlow is what its data gives, and its halves are kept apart."""

from __future__ import annotations

from collections import Counter

from benchmarks.compiled.cases import CASES, FLAVOURS
from benchmarks.compiled.page import PAGE, comparisons, page


def test_page_is_current() -> None:
    """docs/compiled-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m benchmarks.compiled.page"


def test_the_halves_share_no_job() -> None:
    """What judges has other widths than what tunes, and every framework has six families in both."""
    sizes = {
        half: {(case.model, case.width) for case in CASES.values() if case.half == half}
        for half in ("tuning", "judging")
    }
    families = Counter(
        (case.flavour, case.half) for case in {(c.flavour, c.half, c.family): c for c in CASES.values()}.values()
    )

    assert not sizes["tuning"] & sizes["judging"]
    assert families == {(flavour, half): 6 for flavour in FLAVOURS for half in sizes}


def test_only_what_was_measured_is_judged() -> None:
    """A refusal, and a prediction without its measurement, are not among the errors."""
    first, second, third = list(CASES)[:3]
    ends = {"setting": "default", "expected_bytes": 90, "high_bytes": 99}
    predicted = [{"job": first, **ends}, {"job": second, **ends}, {"job": third, "setting": "default", "failure": "no"}]

    found = comparisons({(first, "default"): [100, 98], (third, "default"): [1]}, predicted, "default")

    assert [(row.job, row.runs_above_high) for row in found] == [(first, 1)]
