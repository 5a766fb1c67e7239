"""The figures of docs/report.md are those that the benchmark kept."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_docs_tell_what_was_measured() -> None:
    """Size, seconds to make, seconds to draw and the zoom, rounded."""
    kept = json.loads((ROOT / "benchmarks" / "speed" / "data" / "html_page.json").read_text(encoding="utf-8"))["result"]

    row = (
        f"| {kept['page_bytes'] / 1e6:.1f} MB | {kept['make_seconds']:.1f} s "
        f"| {kept['drawn_ms_median'] / 1000:.1f} s | {kept['slowest_zoom_ms_median']:.0f} ms |"
    )

    assert row in (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    assert kept["page_bytes"] < 3_000_000
