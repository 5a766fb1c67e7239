"""`memfit calibrate`: learn, show, hand on, forget; MEMFIT_LEARNT says where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.analysis.jobs import predicted, predicted_pool, recorded, series

from memfit.api import saved
from memfit.cli.main import main
from memfit.documents import save
from memfit.machines import load_learnt


@pytest.fixture
def learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of this user."""
    monkeypatch.setenv("MEMFIT_LEARNT", str(tmp_path / "learnt.json"))
    return tmp_path / "learnt.json"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A recording beside its estimate, as words of the command line."""
    pool = predicted_pool(framework=300, activations=600, fragmentation=100, reserved_mib=700)
    save(predicted(pool), tmp_path / "estimate.json")
    real = saved.load
    measured = recorded(series("host", "held", [400, 1070]))
    monkeypatch.setattr(saved, "load", lambda path: measured if str(path).endswith(".memfit") else real(path))
    return [str(tmp_path / "job.memfit"), "--estimate", str(tmp_path / "estimate.json")]


def test_a_job_beside_its_estimate_is_learnt(learnt: Path, job: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What was learnt is shown and kept."""
    assert main(["calibrate", *job]) == 0

    assert "1.10 ×" in capsys.readouterr().out
    assert [one.kind for one in load_learnt(learnt)] == ["host_allocator"]


def test_learnt_constants_go_to_another_machine(
    learnt: Path, job: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exported here, imported there."""
    main(["calibrate", *job])
    main(["calibrate", "--export", str(tmp_path / "out.json")])
    monkeypatch.setenv("MEMFIT_LEARNT", str(tmp_path / "other.json"))

    assert main(["calibrate", "--import", str(tmp_path / "out.json")]) == 0

    assert [one.range for one in load_learnt(tmp_path / "other.json")] == [one.range for one in load_learnt(learnt)]


def test_what_is_known_can_be_shown_and_removed(
    learnt: Path, job: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--show --json lists it, --remove forgets it."""
    main(["calibrate", *job])
    capsys.readouterr()

    main(["calibrate", "--show", "--json"])
    shown = json.loads(capsys.readouterr().out)
    main(["calibrate", "--remove"])

    assert (shown["kind"], len(shown["constants"])) == ("learnt", 1)
    assert load_learnt(learnt) == ()


@pytest.mark.parametrize(
    "words", [[], ["--show", "--measure"], ["--show", "--remove"], ["--remove", "nonsense"], ["--import", "/no/file"]]
)
def test_what_makes_no_sense_is_wrong_usage(words: list[str], learnt: Path) -> None:
    """Nothing to do, two things at once, a kind or a file that is not there: exit code 2, nothing written."""
    assert main(["calibrate", *words]) == 2

    assert not learnt.exists()


def test_an_estimate_teaches_nothing_alone(learnt: Path, job: list[str]) -> None:
    """An estimate in a recording's place is refused."""
    assert main(["calibrate", job[2]]) == 2
