"""The page on models by name is what its data gives."""

from __future__ import annotations

from benchmarks.recipes.page import PAGE, text


def test_page_is_current() -> None:
    """docs/models-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m benchmarks.recipes.page"
