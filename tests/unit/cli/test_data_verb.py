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
    """`memfit report` needs the document alone, for the terminal and for the page."""
    saved = tmp_path / "data.json"
    main(["data", str(sales), "-o", str(saved)])
    first = capsys.readouterr().out
    sales.unlink()

    assert main(["report", str(saved)]) == 0
    assert capsys.readouterr().out == first
    assert main(["report", str(saved), "-o", str(tmp_path / "data.html")]) == 0
    assert "Lighter ways" in (tmp_path / "data.html").read_text()


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


def test_verdict_is_held_against_the_room_that_others_and_the_container_leave(
    sales: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each way to read is said to fit or not, beside what bounds the machine; swap is told and not counted."""
    from memfit.api import assessing
    from memfit.sensors.host import HostMemory, MemoryLimit

    bounds = (
        MemoryLimit(name="RAM", limit_bytes=64 << 30, others_bytes=1 << 30),
        MemoryLimit(name="container limit", limit_bytes=80 << 20, others_bytes=60 << 20),
    )
    host = HostMemory(total_bytes=64 << 30, available_bytes=63 << 30, swap_total_bytes=4 << 30, swap_free_bytes=2 << 30,
                      overcommit=0, commit_limit_bytes=None, limits=bounds)  # fmt: skip
    monkeypatch.setattr(assessing, "host_capacity", lambda: host)

    main(["data", str(sales)])
    shown = " ".join(capsys.readouterr().out.split())
    main(["data", str(sales), "--host-memory", "64GiB"])
    elsewhere = " ".join(capsys.readouterr().out.split())

    assert "does not fit" in shown
    assert "container limit of 80 MiB, others hold 60 MiB: 20 MiB to spare; 2.00 GiB of swap" in shown
    assert "does not fit" not in elsewhere
    assert "RAM of 64.00 GiB: 64.00 GiB to spare" in elsewhere
