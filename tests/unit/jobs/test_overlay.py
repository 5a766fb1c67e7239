"""Files that a job writes land in a scratch folder and are found again under their own names."""

from __future__ import annotations

import builtins
import io
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from memfit.jobs.overlay import Overlay

_OF_OS = ("stat", "rename", "replace", "mkdir", "remove", "unlink", "chmod", "utime", "access")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, empty, with the overlay at work until the test ends; beside it one with a run of before."""
    (tmp_path / "own" / "scratch").mkdir(parents=True)
    (tmp_path / "user").mkdir()
    (tmp_path / "before" / "run").mkdir(parents=True)
    (tmp_path / "before" / "best.pt").write_text("weights")
    (tmp_path / "before" / "run" / "log.txt").write_text("epoch 1")
    time.sleep(0.02)  # file systems stamp by a coarse clock
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "temporary"))
    for place, name in ((builtins, "open"), (io, "open"), (shutil, "rmtree"), *((os, name) for name in _OF_OS)):
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


def really(path: Path) -> list[str]:
    """What is in a folder, as another process sees it."""
    listed = subprocess.run(["find", ".", "-type", "f"], cwd=path, capture_output=True, text=True, check=True)
    return sorted(listed.stdout.split())


def test_what_a_job_removes_is_gone_for_it_alone(folder: Path) -> None:
    """An old checkpoint that a training script would replace stays the user's."""
    before = folder.parent / "before"

    (before / "best.pt").unlink()

    assert not (before / "best.pt").exists()
    assert not os.access(before / "best.pt", os.R_OK)
    with pytest.raises(FileNotFoundError):
        (before / "best.pt").read_text()
    with pytest.raises(FileNotFoundError):
        (before / "best.pt").unlink()
    (before / "best.pt").write_text("new")
    assert (before / "best.pt").read_text() == "new"
    (before / "best.pt").unlink()
    assert not (before / "best.pt").exists()
    assert really(before) == ["./best.pt", "./run/log.txt"]


def test_a_tree_of_before_stays_and_can_be_made_anew(folder: Path) -> None:
    """``shutil.rmtree("run")`` at the begin of a script."""
    before = folder.parent / "before"

    shutil.rmtree(before / "run")
    assert not (before / "run").exists()
    assert not (before / "run" / "log.txt").exists()
    (before / "run").mkdir()
    (before / "run" / "log.txt").write_text("epoch 0")

    assert (before / "run" / "log.txt").read_text() == "epoch 0"
    assert really(before) == ["./best.pt", "./run/log.txt"]
    assert (before / "best.pt").read_text() == "weights"


def test_what_a_job_moves_away_stays_too(folder: Path) -> None:
    """It is found under its new name, and there under its old one."""
    before = folder.parent / "before"

    (before / "best.pt").rename(before / "last.pt")
    (before / "run").rename(before / "old")

    assert (before / "last.pt").read_text() == "weights"
    assert not (before / "best.pt").exists()
    assert really(before) == ["./best.pt", "./run/log.txt"]


def test_what_the_job_made_itself_is_removed(folder: Path) -> None:
    """Files that a library wrote past the overlay, and folders of them."""
    made = folder / "cache"
    made.mkdir()
    subprocess.run(["touch", "a", "b"], cwd=made, check=True)

    (made / "a").unlink()
    assert really(folder) == ["./cache/b"]
    shutil.rmtree(made)

    assert really(folder) == []
