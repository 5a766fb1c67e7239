"""docs/gguf-accuracy.md says what the data say."""

from __future__ import annotations

from benchmarks.gguf import page


def test_the_page_is_what_the_data_say():
    """A change of the rules, of the data or of the page alone shows here."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text()


def test_graphs_of_published_logs_stay_under_high():
    assert [row["find"] for row in page.logs() if row["graph"] and float(row["graph"]) > page.said(row)["high"]] == []
