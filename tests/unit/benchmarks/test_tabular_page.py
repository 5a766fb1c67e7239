"""The page on the accuracy of fits is what its data gives."""

from __future__ import annotations

from benchmarks.tabular.cases import cases
from benchmarks.tabular.page import PAGE, page


def test_page_is_current() -> None:
    """docs/tabular-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m benchmarks.tabular.page"


def test_the_halves_share_no_fit() -> None:
    """What was looked at while the method was made is not among what judges it: other shapes, other values."""
    shapes = {
        half: {(case.target, case.rows, case.columns) for case in cases() if case.half == half}
        for half in ("tuning", "judging")
    }

    assert not shapes["tuning"] & shapes["judging"]
    assert all(case.values != "normal" for case in cases() if case.half == "judging")
