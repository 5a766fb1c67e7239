"""The page on jobs of several processes is what its data gives."""

from __future__ import annotations

from benchmarks.ranks.page import PAGE, text


def test_page_is_current() -> None:
    """docs/ranks-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m benchmarks.ranks.page"
