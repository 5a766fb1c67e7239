"""The writer under what may befall it: its file removed, renamed or too large, a full disk, interrupted slices."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from memfit.recording import reader, writer
from memfit.recording.lines import LONGEST_BYTES
from memfit.recording.writer import SMALLEST_BYTES, Writer

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files are removed and renamed while they are open")

HEADER = {
    "k": "header", "format": 1, "memfit": "0.1.0", "started": "2026-11-25T10:00:00.000Z",
    "command": ["python", "train.py"], "machine": {"host": "here"}, "environment": {}, "limits": [], "recorder": None,
}  # fmt: skip
SERIES = {"k": "series", "id": 0, "pool": "host", "scope": "job", "name": "held"}
END = {"k": "end", "t": 9e5, "how": "exited", "exit_code": 0, "signal": None, "text": "done"}


def sample(at: float, value: int = 7) -> dict[str, Any]:
    return {"k": "s", "t": at, "d": [[0, value]]}


def event(slug: str) -> dict[str, Any]:
    return {"k": "e", "slug": slug, "t": 1.0, "pid": None, "text": slug}


def begun(path: Path, **options: Any) -> Writer:
    made = Writer(path, HEADER, **options)
    made.add(SERIES)
    made.add(sample(0.0))
    assert made.flush()
    return made


def fill(one: Writer, lines: int, *, start: int = 1, each: int = 40) -> None:
    for at in range(start, start + lines):
        one.add(sample(float(at)))
        if at % each == 0:
            one.flush()


def times(path: Path) -> list[float]:
    series = reader.read(path).one("host", "job", "held")
    assert series is not None
    return list(series.seconds)


def test_a_file_has_a_header_from_the_moment_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recorder that is killed before its first line is written leaves no file that cannot be read."""

    def die(file: int, data: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", die)
    if not hasattr(os, "O_TMPFILE"):
        pytest.skip("files without a name are Linux's")
    with pytest.raises(KeyboardInterrupt):
        Writer(tmp_path / "job.memfit", HEADER)

    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_taken_is_not_overwritten(tmp_path: Path) -> None:
    """Two recorders with one name: the second is refused."""
    begun(tmp_path / "job.memfit")

    with pytest.raises(FileExistsError):
        Writer(tmp_path / "job.memfit", HEADER)


def test_without_files_that_have_no_name_it_works_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network file system knows no O_TMPFILE."""
    monkeypatch.setattr(writer.os, "O_TMPFILE", 1 << 30, raising=False)  # the kernel: no such flag

    begun(tmp_path / "job.memfit").close(END)

    assert times(tmp_path / "job.memfit") == [0.0]


def test_a_copy_that_is_not_finished_leaves_the_recording_whole(tmp_path: Path) -> None:
    """While the smaller copy is made, all that was flushed is in the file; killed then, it opens as it is."""
    one = begun(tmp_path / "job.memfit", largest_bytes=SMALLEST_BYTES)

    seen = []
    for at in range(1, 12_000):
        one.add(sample(float(at)))
        if at % 100 == 0:
            one.flush()
            if (tmp_path / ".job.memfit.part").exists():
                seen.append(times(tmp_path / "job.memfit")[-1] == at)

    assert one.thinned > 0
    assert len(seen) > 5
    assert all(seen)


def test_closing_within_a_copy_loses_nothing(tmp_path: Path) -> None:
    """The copy is given up, the file stays, and nothing lies about."""
    one = begun(tmp_path / "job.memfit", largest_bytes=SMALLEST_BYTES)
    at = 0
    while not (tmp_path / ".job.memfit.part").exists():
        at += 40
        fill(one, 40, start=at)

    one.close(END)

    assert reader.read(tmp_path / "job.memfit").ending.how == "exited"
    assert [path.name for path in tmp_path.iterdir()] == ["job.memfit"]


def test_another_recording_under_our_name_is_left_alone(tmp_path: Path) -> None:
    """A second run has moved the first's file aside: the first goes on in it, and never takes the second's place."""
    path = tmp_path / "job.memfit"
    first = begun(path, largest_bytes=SMALLEST_BYTES)
    path.rename(tmp_path / "job.memfit.old")
    second = begun(path)
    second.close({**END, "exit_code": 5})

    fill(first, 20_000)
    first.close(END)

    assert reader.read(path).ending.exit_code == 5
    assert times(tmp_path / "job.memfit.old")[-1] == 20_000.0


def test_a_removed_file_is_written_anew(tmp_path: Path) -> None:
    """A job that cleans its output folder takes no recording with it."""
    one = begun(tmp_path / "job.memfit")
    (tmp_path / "job.memfit").unlink()

    one.add(sample(1.0))
    assert one.flush()
    one.close(END)

    assert one.removed == 1
    assert times(tmp_path / "job.memfit") == [0.0, 1.0]


def test_a_removed_folder_sends_the_recording_to_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder was, nothing can be written."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "runs").mkdir()
    one = begun(tmp_path / "runs" / "job.memfit")
    (tmp_path / "runs" / "job.memfit").unlink()
    (tmp_path / "runs").rmdir()

    one.flush()
    one.close(END)

    assert one.path.name == "job.memfit"
    assert one.path.parent.parent == tmp_path
    assert times(one.path) == [0.0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="RLIMIT_FSIZE")
def test_a_limit_on_files_makes_the_recording_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files may have 300 KiB, the recording is thinned below that and goes on."""
    real = os.pwrite

    def pwrite(file: int, data: Any, at: int) -> int:
        if at + len(data) > 300 << 10:
            raise OSError(27, "File too large")
        return real(file, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    one = begun(tmp_path / "job.memfit")

    fill(one, 30_000)
    one.close(END)

    assert one.thinned > 0
    assert one.lost_lines == 0
    assert times(tmp_path / "job.memfit")[-1] == 30_000.0


def test_the_last_words_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the disk was full stays said when the end goes into the reserve as well, and what waited with it."""
    one = begun(tmp_path / "job.memfit")
    full, real = one.size_bytes, os.pwrite

    def pwrite(file: int, data: Any, at: int) -> int:
        if at + len(data) > full:
            raise OSError(28, "No space left on device")
        return real(file, data, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    one.last_words([event("disk-full")])
    one.add(event("samples-lost"))
    for number in range(200):
        one.last_words([event(f"more-{number}")])
    one.close(END)

    recording = reader.read(tmp_path / "job.memfit")
    slugs = [found.slug for found in recording.events]
    assert recording.ending.how == "exited"
    assert "samples-lost" in slugs
    assert "more-199" in slugs
    assert recording.notes == ()


def test_a_disk_that_takes_nothing_at_all_raises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even the reserve can be written: the job must not suffer from it."""
    one = begun(tmp_path / "job.memfit")

    def pwrite(file: int, data: Any, at: int) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pwrite", pwrite)
    one.add(sample(1.0))
    assert not one.flush()
    one.last_words([event("disk-full")])
    one.close(END)

    assert times(tmp_path / "job.memfit") == [0.0]


def test_what_waits_for_a_full_disk_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The vital as well: a week on a full disk must not fill the memory."""
    one = begun(tmp_path / "job.memfit")
    real = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: (_ for _ in ()).throw(OSError(28, "full")))
    for number in range(40_000):
        one.add({"k": "proc", "pid": number, "name": "x" * 50, "command": "y", "t0": 0.0, "t1": None, "peak": 1})
    assert not one.flush()
    monkeypatch.setattr(os, "pwrite", real)

    one.close(END)

    assert 5_000 < len(reader.read(tmp_path / "job.memfit").processes) < 20_000
    assert one.lost_lines > 0


def test_a_line_too_long_to_be_read_is_not_written(tmp_path: Path) -> None:
    """It would be taken for damage."""
    one = begun(tmp_path / "job.memfit")
    one.add({"k": "note", "text": "x" * LONGEST_BYTES})
    one.close(END)

    assert one.lost_lines == 1
    assert reader.read(tmp_path / "job.memfit").notes == ()
