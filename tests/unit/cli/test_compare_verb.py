"""`memfit compare`: two files in, a table or JSON out, and an exit code only where one was asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.analysis.jobs import predicted, predicted_pool, recorded, series

import memfit
from memfit.cli.main import main
from memfit.documents import save
from memfit.errors import UsageError

SAVED = Path(__file__).parents[2] / "golden" / "documents" / "fits.json"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """An estimate's file and a recording's; the recording is read by what the test makes of it."""
    save(predicted(), tmp_path / "estimate.json")
    from memfit.api import saved

    real = saved.load
    measured = recorded(series("host", "held", [400, 1500]))
    monkeypatch.setattr(saved, "load", lambda path: measured if str(path).endswith(".memfit") else real(path))
    return str(tmp_path / "estimate.json"), str(tmp_path / "job.memfit")


def test_a_missed_prediction_is_no_error(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Measured above the range: the exit code is 0, the report says it."""
    assert main(["compare", *files]) == 0

    assert "ABOVE THE RANGE" in capsys.readouterr().out


def test_a_missed_prediction_fails_where_that_was_asked_for(files: tuple[str, str]) -> None:
    """--fail-outside makes it exit code 3."""
    assert main(["compare", "--fail-outside", *files]) == 3


def test_json_is_the_document(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints a document of kind comparison."""
    main(["compare", "--json", *files])

    document = json.loads(capsys.readouterr().out)

    assert (document["kind"], document["standing"]) == ("comparison", "above")


def test_two_estimates_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before and after a change, from their files."""
    for name, size in (("a", 500), ("b", 400)):
        save(predicted(predicted_pool(framework=300, activations=size)), tmp_path / f"{name}.json")

    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "b.json")]) == 0

    assert "-100 MiB" in capsys.readouterr().out


def test_a_document_without_peaks_is_refused(tmp_path: Path) -> None:
    """A comparison cannot be compared: the message says what can."""
    save(memfit.compare(SAVED, SAVED), tmp_path / "comparison.json")

    with pytest.raises(UsageError, match="cannot be compared"):
        memfit.compare(SAVED, tmp_path / "comparison.json")
