"""docs/operators-accuracy.md says what the data say."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from benchmarks.operators import page

pytestmark = pytest.mark.torch


def test_the_page_is_what_the_data_say():
    """A change of the data or of the page alone shows here."""
    assert page.PAGE.read_text(encoding="utf-8") == page.text()
