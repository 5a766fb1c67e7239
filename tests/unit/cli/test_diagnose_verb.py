"""`memfit diagnose`: exit code 4 for a leak, JSON that reads back, a report without a terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memfit.cli.main import main
from memfit.documents import Diagnosis, codec, load
from memfit.quantities import GIB, MIB


@pytest.fixture
def leak(tmp_path: Path) -> Path:
    """A series that loses a MiB in every iteration."""
    path = tmp_path / "leak.csv"
    rows = "\n".join(f"{at},{at * 0.5},{GIB + at * MIB}" for at in range(120))
    path.write_text(f"step,seconds,rss\n{rows}\n", encoding="utf-8")
    return path


@pytest.fixture
def level(tmp_path: Path) -> Path:
    """A series that stays where it is."""
    path = tmp_path / "level.json"
    path.write_text(json.dumps([GIB] * 100), encoding="utf-8")
    return path


def test_leak_is_exit_code_four(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report names leak, rate and date; scripts see the exit code."""
    code = main(["diagnose", str(leak), "--limit", "2GiB"])

    said = capsys.readouterr().out
    assert code == 4
    assert "LEAK" in said
    assert "linear leak" in said
    assert "1.00 MiB per iteration" in said or "1 MiB per iteration" in said
    assert "limit of 2.00 GiB: in about 8 min" in said


def test_level_series_is_exit_code_zero(level: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No leak is no failure."""
    assert main(["diagnose", str(level)]) == 0
    assert "NO LEAK" in capsys.readouterr().out


def test_json_is_a_document(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the diagnosis, and it reads back."""
    main(["diagnose", str(leak), "--json"])

    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "diagnosis"
    assert document["is_leak"] is True
    assert codec.to_json(codec.from_json(document, Diagnosis)) == document


def test_diagnosis_is_saved(leak: Path, tmp_path: Path) -> None:
    """-o keeps the diagnosis."""
    main(["diagnose", str(leak), "-o", str(tmp_path / "said.json")])

    assert load(tmp_path / "said.json", Diagnosis).is_leak is True


def test_wrong_column_is_wrong_usage(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A column that is not there is exit code 2, with the one that was meant."""
    assert main(["diagnose", str(leak), "--column", "rs"]) == 2
    assert "did you mean 'rss'?" in capsys.readouterr().err


def test_missing_file_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is exit code 1 and a sentence."""
    assert main(["diagnose", "nowhere.csv"]) == 1
    assert "cannot read nowhere.csv" in capsys.readouterr().err
