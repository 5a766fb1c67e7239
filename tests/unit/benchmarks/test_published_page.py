"""The page on published figures is what its data gives, and its data is whole."""

from __future__ import annotations

import shlex

from benchmarks.published.figures import HALVES, METRICS, rows, sources
from benchmarks.published.page import PAGE, judged, text

from memfit.recipes import naming
from memfit.recipes.wishes import read


def test_page_is_current() -> None:
    """docs/published-accuracy.md is generated, and was generated from the data that is there."""
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m benchmarks.published.page"


def test_every_row_can_be_asked() -> None:
    """Its model comes along, its words are the recipe's, its half and metric are known, and it is there once."""
    seen = set()
    for row in rows():
        read(["-", *shlex.split(row.words)], row.name)
        assert row.model in naming.known(), row.model
        assert row.half in HALVES and row.metric in METRICS and row.peak_bytes > 1 << 28, row.name
        assert (row.source, row.name, row.metric) not in seen, row.name
        seen.add((row.source, row.name, row.metric))


def test_sources_say_where_and_when() -> None:
    """Every source has its address, and what it leaves uncovered has its reason."""
    for source in sources():
        assert source["address"].startswith("https://"), source["name"]
        assert source["date"] and source["versions"] and source["measured"], source["name"]
        assert all(each["rows"] > 0 and each["why"] for each in source.get("not_covered", ()))


def test_every_miss_has_its_cause() -> None:
    """A row that is off by more than a tenth, or above `high`, says why."""
    assert [each.row.name for each in judged() if each.missed and not each.row.why] == []
