"""`memfit machines`: the list with its filters, a saved estimate against it, exit codes, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.analysis.jobs import predicted

import memfit
from memfit.api import placed
from memfit.cli.main import main
from memfit.documents import Estimate, save
from memfit.errors import JobFailed, UsageError
from memfit.machines import all_machines

GOLDEN = Path(__file__).parents[2] / "golden" / "documents"


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Alone, the verb prints every machine; --only keeps what it names."""
    assert main(["machines", "--json"]) == 0
    everything = json.loads(capsys.readouterr().out)["machines"]
    assert main(["machines", "--only", "scaleway"]) == 0
    shown = capsys.readouterr().out

    assert len(everything) == len(all_machines())
    assert "H100-1-80G" in shown and "g5.xlarge" not in shown


def test_saved_estimate_is_placed(capsys: pytest.CaptureFixture[str]) -> None:
    """Host and device shares are told, options may stand behind the file, and what is carried over is marked."""
    assert main(["machines", str(GOLDEN / "fits.json"), "--only", "g5"]) == 0
    told = capsys.readouterr().out
    assert main(["machines", "--json", str(GOLDEN / "fits.json")]) == 0
    rows = json.loads(capsys.readouterr().out)["placements"]

    assert "FITS" in told and "~" in told and "too large" in told
    assert {row["kind"] for row in rows} <= {"cloud", "server", "workstation", "laptop"}


def test_a_page_is_written_beside_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The option may stand behind a saved estimate; JSON is printed as without it. Without a job there is no page."""
    path = tmp_path / "machines.html"

    assert main(["machines", str(GOLDEN / "fits.json"), "--json", "-o", str(path)]) == 0
    smallest = json.loads(capsys.readouterr().out)["placements"][0]["machine"]
    assert main(["machines", "-o", str(path)]) == 2

    assert smallest in path.read_text(encoding="utf-8")
    assert "TARGET is missing" in capsys.readouterr().err


def test_a_request_is_printed_and_written_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same lines in both; a folder that is not there is said before anything is made."""
    path, job = tmp_path / "request.html", str(GOLDEN / "fits.json")

    assert main(["request", "--for", "slurm", job, "-o", str(path)]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    assert main(["request", "--for", "slurm", job, "-o", str(tmp_path / "none" / "request.html")]) == 1

    assert line.startswith("#SBATCH") and line in path.read_text(encoding="utf-8")
    assert capsys.readouterr().out == ""


def test_what_fits_nowhere_is_exit_code_three(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest machine and what is missing there are named."""
    assert main(["machines", "--only", "g5.xlarge", str(GOLDEN / "does-not-fit.json")]) == 3

    assert "short" in capsys.readouterr().out


def test_other_documents_are_refused(tmp_path: Path) -> None:
    """A comparison says nothing of machines."""
    save(memfit.compare(predicted(), predicted()), tmp_path / "comparison.json")

    with pytest.raises(UsageError, match="an estimate is needed") as refusal:
        memfit.machines_for(tmp_path / "comparison.json")
    assert refusal.value.slug == "not-an-estimate"


def test_devices_that_matter_are_estimated_again() -> None:
    """The smallest are asked for by name, three and two of other kernels at most; a failure leaves what there was."""
    first = memfit.load(GOLDEN / "fits.json")
    assert isinstance(first, Estimate)
    asked: list[str] = []

    def again(on: str) -> Estimate:
        asked.append(on)
        raise JobFailed("not on this one")

    rows = placed(first, again, only=["aws"])

    assert len(asked) == len(set(asked)) == 5 and asked[3:] == ["t4-16gb", "v100-32gb"]
    assert not any(row.estimated for row in rows if row.device != "rtx4090-24gb")
