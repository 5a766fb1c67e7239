"""What --private leaves out: paths, host, user, command words; and what it leaves in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.samples.recordings import training

from memfit import documents
from memfit.documents import Event
from memfit.reports.html import Content, page, render
from memfit.reports.private import secrets_of, without_private

GOLDEN = Path(__file__).parents[2] / "golden" / "documents"
PRIVATE = ("alice", "gpu-box-17", "/home", "/srv", "openwebtext", "--nproc", "--data")


def test_private_page_tells_no_path_host_user_or_command_word() -> None:
    """Nothing of it is anywhere in the page, not in the charts' data either."""
    recording = training()
    told = Event(
        slug="warning", at_s=1.0, pid=None, text="alice@gpu-box-17 could not read /srv/data/openwebtext/train.bin"
    )

    text = render(page(Content(recording=without_private(replace(recording, events=(told,)))), private=True))

    assert [word for word in PRIVATE if word in text] == []
    assert "without paths, host, user and command words" in text


def test_private_page_keeps_file_names_versions_and_figures() -> None:
    """The line of code at the peak, versions and sizes are what the reader needs."""
    text = render(page(Content(recording=without_private(training())), private=True))

    for word in ("train_gpt.py:131", "2.13.0", "4.31 GiB", "loader worker", "evaluation"):
        assert word in text


def test_open_page_shows_what_the_private_one_hides() -> None:
    """The test above can fail: without the switch the words are there."""
    text = render(page(Content(recording=training())))

    assert [word for word in PRIVATE if word not in text] == []


def test_private_estimate_has_no_arguments_and_no_folders() -> None:
    """The target is a file name; `where` fields are file names with lines."""
    estimate = documents.load(GOLDEN / "tight.json", documents.Estimate)
    place = replace(estimate.pools[0].peak_at, where="/home/bob/secret-project/train.py:42")
    pool = replace(estimate.pools[0], peak_at=place, top=((8, "parameters", "/home/bob/secret-project/model.py:7"),))
    target = {"kind": "script", "name": "/home/bob/secret-project/train.py", "arguments": ["--token=hunter2"]}

    cleaned = without_private(replace(estimate, target=target, pools=(pool,)))

    assert cleaned.target == {"kind": "script", "name": "train.py", "arguments": []}
    assert cleaned.pools[0].peak_at.where == "train.py:42"
    assert cleaned.pools[0].top[0][2] == "model.py:7"


def test_environment_keeps_versions_only() -> None:
    """A value that is no number or version may be anything: it is blotted out, its name stays."""
    recording = replace(
        training(), environment={"torch": "2.13.0+cu126", "LD_PRELOAD": "/opt/x.so", "JOB": "merger-with-acme"}
    )

    cleaned = without_private(recording)

    assert cleaned.environment == {"torch": "2.13.0+cu126", "LD_PRELOAD": "…", "JOB": "…"}


def test_secrets_of_one_document_are_secrets_in_the_other() -> None:
    """The recording gives the host away; the comparison's texts must not tell it."""
    words = secrets_of([training()])

    cleaned = without_private(Event(slug="x", at_s=0.0, pid=None, text="ran on gpu-box-17 for alice"), words)

    assert cleaned.text == "ran on … for …"
