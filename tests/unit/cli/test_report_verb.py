"""`memfit report`: kinds told by content, a page on request, private on request, one of a kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.samples.recordings import training

from memfit import api
from memfit.cli.main import main
from memfit.errors import InvalidDocument
from memfit.recording.writer import Writer

DOCUMENTS = Path(__file__).parents[2] / "golden" / "documents"


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> str:
    """A file name under which a recording is found."""
    load: Any = api.load
    monkeypatch.setattr(api, "load", lambda path: training() if path == "job.memfit" else load(path))
    return "job.memfit"


def test_estimate_becomes_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """-o writes the page and prints nothing."""
    code = main(["report", str(DOCUMENTS / "tight.json"), "-o", str(tmp_path / "report.html")])

    assert code == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_estimate_and_recording_share_a_page_with_their_comparison(recording: str, tmp_path: Path) -> None:
    """Both given: the comparison is made and shown."""
    code = main(["report", recording, str(DOCUMENTS / "tight.json"), "-o", str(tmp_path / "report.html")])

    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert code == 0
    assert "Predicted against measured" in text
    assert "What held the peak" in text


def test_private_page_names_nobody(recording: str, tmp_path: Path) -> None:
    """--private reaches the page."""
    main(["report", recording, "--private", "-o", str(tmp_path / "report.html")])

    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "alice" not in text
    assert "openwebtext" not in text


def test_recording_is_shown_in_the_terminal(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without -o the report is printed."""
    code = main(["report", recording])

    assert code == 0
    assert "FINISHED" in capsys.readouterr().out


def test_recording_as_json_is_its_summary(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints what the report says, not every sample."""
    main(["report", recording, "--json"])

    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["kind"]) == (1, "recording_summary")
    assert told["pools"][0]["name"] == "cuda:0"


def test_two_of_a_kind_are_sent_to_compare(capsys: pytest.CaptureFixture[str]) -> None:
    """One report shows one estimate."""
    code = main(["report", str(DOCUMENTS / "tight.json"), str(DOCUMENTS / "fits.json")])

    assert code == 2
    assert "memfit compare A B" in capsys.readouterr().err


def test_page_that_cannot_be_written_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that is not there is a message, not a traceback."""
    code = main(["report", str(DOCUMENTS / "tight.json"), "-o", str(tmp_path / "missing" / "report.html")])

    assert code == 1
    assert "cannot save" in capsys.readouterr().err


def test_recordings_are_told_by_their_first_bytes(tmp_path: Path) -> None:
    """What starts like a recording goes to its reader, whatever the file is called; a folder too."""
    file = tmp_path / "anything.json"
    file.write_bytes(b'{"k":"header","format":1}\t00000000\n')

    with pytest.raises(InvalidDocument) as damaged:
        api.load(file)
    with pytest.raises(InvalidDocument, match="no recording in the folder"):
        api.load(tmp_path)

    assert damaged.value.slug == "damaged-recording"


def test_recorded_file_becomes_a_page(tmp_path: Path) -> None:
    """From the lines of a file to the page, through the reader itself."""
    header = {
        "k": "header", "format": 1, "memfit": "0.1.0", "started": "2026-11-25T10:00:00.000Z",
        "command": ["python", "train.py"], "machine": {"host": "here"}, "environment": {}, "limits": [],
        "recorder": {"pid": 0, "start": 0.0},
    }  # fmt: skip
    writer = Writer(tmp_path / "job.memfit", header)
    writer.add({"k": "series", "id": 0, "pool": "host", "scope": "job", "name": "held"})
    for second in range(1, 50):
        writer.add({"k": "s", "t": float(second), "d": [[0, second << 20]]})
    writer.close({"k": "end", "t": 50.0, "how": "exited", "exit_code": 0, "signal": None, "text": "done"})

    code = main(["report", str(tmp_path / "job.memfit"), "-o", str(tmp_path / "report.html")])

    assert code == 0
    assert "At its peak the job held 49 MiB on host." in (tmp_path / "report.html").read_text(encoding="utf-8")
