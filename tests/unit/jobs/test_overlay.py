"""Files that a job writes land in a scratch folder and are found again under their own names."""

from __future__ import annotations

import builtins
import io
import os
import shutil
from pathlib import Path

import pytest

from memfit.jobs.overlay import Overlay

_OF_OS = ("stat", "rename", "replace", "mkdir", "remove", "unlink", "chmod", "utime", "access")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, with the overlay at work until the test ends."""
    (tmp_path / "own" / "scratch").mkdir(parents=True)
    (tmp_path / "user").mkdir()
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    for place, name in ((builtins, "open"), (io, "open"), *((os, name) for name in _OF_OS)):
        monkeypatch.setattr(place, name, getattr(place, name))
    Overlay(tmp_path / "own" / "scratch").install()
    return tmp_path / "user"


def test_a_written_file_is_read_back_and_not_there(folder: Path) -> None:
    """The job reads what it wrote; the user's folder stays empty."""
    path = folder / "log.txt"

    path.write_text("step 1")

    assert path.read_text() == "step 1"
    assert list(folder.iterdir()) == []


def test_a_file_moved_into_place_can_be_given_its_mode(folder: Path, tmp_path: Path) -> None:
    """fsspec writes a checkpoint beside, moves it into place and sets its mode."""
    beside, path = tmp_path / "beside", folder / "epoch=0.ckpt"
    beside.write_text("weights")

    shutil.move(beside, path)
    path.chmod(0o600)

    assert path.stat().st_mode & 0o777 == 0o600
    assert os.access(path, os.R_OK)
    assert list(folder.iterdir()) == []
