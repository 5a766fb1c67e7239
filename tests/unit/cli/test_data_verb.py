"""`memfit data` as a user meets it: the report, JSON, a saved document shown again, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memfit.cli.main import main


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    cities, remark = ("Oslo", "Rome", "Lima"), "a longer remark of the clerk"
    lines = [f"{at},{cities[at % 3]},{at / 7:.3f},{remark * (at % 3)}" for at in range(120_000)]
    path.write_text("order,city,price,remark\n" + "\n".join(lines) + "\n")
    return path


def test_report_names_the_peak_and_the_code_of_lighter_ways(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is on disk, what reading peaks at, and lines to type."""
    code = main(["data", str(sales)])

    shown = capsys.readouterr().out
    assert code == 0
    assert "MiB on disk" in shown.splitlines()[0]
    assert "pandas.read_csv" in shown
    assert 'dtype={"city":"category"' in "".join(shown.split())
    assert "a sample: " in shown


def test_saved_document_is_shown_again_without_the_file(
    sales: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`memfit report` needs the document alone, and has no page of it yet."""
    saved = tmp_path / "data.json"
    main(["data", str(sales), "-o", str(saved)])
    first = capsys.readouterr().out
    sales.unlink()

    assert main(["report", str(saved)]) == 0
    assert capsys.readouterr().out == first
    assert main(["report", str(saved), "-o", str(tmp_path / "data.html")]) == 2


def test_json_is_the_document_and_errors_are_json_too(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Other programs read both."""
    assert main(["data", str(sales), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], told["tables"][0]["rows"]["expected"]) == ("data", 120_000)

    assert main(["data", str(sales.parent / "none.csv"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["slug"] == "unreadable-data"


def test_what_cannot_be_read_is_told_beside_the_rest(sales: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One broken file among good ones is no failure."""
    broken = sales.with_name("broken.npy")
    broken.write_bytes(b"\x93NUMPY\x01\x00")

    assert main(["data", str(sales), str(broken)]) == 0
    assert "broken.npy" in "".join(capsys.readouterr().out.split())
