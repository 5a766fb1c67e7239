"""A comparison in the terminal says where the peak lies, by how much, and why."""

from __future__ import annotations

import io

import pytest
from tests.unit.analysis.jobs import held, predicted, recorded, series

from memfit.analysis.comparison import compare
from memfit.documents import Comparison, Ending
from memfit.reports import comparison as report


def drawn(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "110")
    page = io.StringIO()
    report.write(comparison, page)
    return page.getvalue()


@pytest.mark.parametrize(
    ("measured_mib", "said"),
    [
        (1000, "inside the range 900 MiB to 1.07 GiB; expected as measured"),
        (1250, "150 MiB above the range 900 MiB to 1.07 GiB; expected 20.0 % under measured"),
        (800, "100 MiB below the range 900 MiB to 1.07 GiB; expected 25.0 % over measured"),
    ],
)
def test_first_line_of_a_pool_is_its_standing(measured_mib: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In or out of the range, and how far the expected figure is off, in per cent of what was measured."""
    text = drawn(compare(predicted(), recorded(series("host", "held", [measured_mib]))), monkeypatch)

    assert said in text


def test_a_lower_bound_is_called_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was killed has no error, and the reader is told why."""
    killed = Ending(how="oom_killed", signal=9, at_s=3.0)

    text = drawn(compare(predicted(), recorded(series("host", "held", [700]), ending=killed)), monkeypatch)

    assert "measured at least 700 MiB" in text
    assert "[measured-cut-short]" in text


def test_before_and_after_are_columns_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recordings: no word of prediction, but the change with its sign."""
    before = recorded(series("host", "held", [1000]), holdings=[held("parameters", 200)])
    after = recorded(series("host", "held", [700]), holdings=[held("parameters", 100)])

    text = drawn(compare(before, after), monkeypatch)

    assert "-300 MiB (-30.0 %)" in text
    assert "predicted" not in text


def test_texts_from_documents_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording from a stranger may hold escape sequences: none comes out."""
    hostile = recorded(command=("\x1b[2J", "train.py"), environment={"torch": "\x1b]0;x\x07"})

    text = drawn(compare(predicted(), hostile), monkeypatch)

    assert "\x1b" not in text and "\x07" not in text
