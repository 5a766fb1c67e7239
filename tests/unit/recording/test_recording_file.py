"""The file of a recording: lines, thinning, a full disk, and what a reader makes of damage."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from memfit.errors import InvalidDocument
from memfit.recording import reader
from memfit.recording.lines import decode, encode
from memfit.recording.thinning import merge_samples, thin
from memfit.recording.writer import SMALLEST_BYTES, Writer, padding


def header(**changes: Any) -> dict[str, Any]:
    return {
        "k": "header", "format": 1, "memfit": "0.1.0", "started": "2026-11-25T10:00:00.000Z",
        "command": ["python", "train.py"], "machine": {"host": "here"}, "environment": {}, "limits": [],
        "recorder": {"pid": 0, "start": 0.0}, **changes,
    }  # fmt: skip


SERIES = {"k": "series", "id": 0, "pool": "host", "scope": "job", "name": "held"}


def sample(at: float, value: int) -> dict[str, Any]:
    return {"k": "s", "t": at, "d": [[0, value]]}


def write(path: Path, items: list[dict[str, Any]], end: dict[str, Any] | None = None) -> Path:
    writer = Writer(path, header())
    for item in items:
        writer.add(item)
    writer.flush()
    if end is not None:
        writer.close(end)
    return path


END = {"k": "end", "t": 3.0, "how": "exited", "exit_code": 0, "signal": None, "text": "done"}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Samples, iterations, phases, processes, events, holdings and the end come back as they were."""
    items = [
        SERIES,
        sample(0.1, 100),
        {"k": "s", "t": 0.2, "d": [[0, 300, 100, 900]]},
        {"k": "i", "pid": 7, "unit": "step", "n": 5, "t": 0.2, "c": {"host/rss": 300}},
        {"k": "p", "pid": 7, "name": "evaluation", "t0": 0.1, "t1": 0.2, "rss0": 1, "rss1": 2, "high": None},
        {"k": "pt", "pid": 7, "name": "backward", "count": 5, "seconds": 0.1, "high": 400},
        {"k": "proc", "pid": 7, "parent": 1, "name": "python", "command": "python", "t0": 0.0, "t1": 3.0, "peak": 950},
        {"k": "e", "slug": "limit-near", "t": 0.3, "pid": None, "text": "host: 90 %"},
        {"k": "h", "pid": 7, "t": 0.2, "look": "tensors", "held": [["parameters", "2 layers", 80, 2, "", None]]},
        {"k": "env", "values": {"torch": "2.13.0"}},
    ]

    recording = reader.read(write(tmp_path / "job.memfit", items, END))

    series = recording.one("host", "job", "held")
    assert series is not None
    assert list(series.last_bytes) == [100, 300]
    assert list(series.high_bytes) == [100, 900]
    assert recording.peak_bytes("host") == 950
    assert recording.iterations[0].columns["host/rss"][0] == 300
    assert recording.phases[0].name == "evaluation"
    assert recording.phase_totals[0].high_bytes == 400
    assert recording.events[0].slug == "limit-near"
    assert recording.holdings[0].held_bytes == 80
    assert recording.environment["torch"] == "2.13.0"
    assert (recording.ending.how, recording.ending.exit_code, recording.seconds) == ("exited", 0, 3.0)
    assert recording.notes == ()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_cut_file_keeps_its_whole_lines(tmp_path: Path, cut: int) -> None:
    """Cut anywhere behind its first line, a recording is read up to the cut and says that it was lost."""
    path = write(tmp_path / "job.memfit", [SERIES, *[sample(at, 100 + at) for at in range(50)]])
    os.truncate(path, path.stat().st_size - cut)

    recording = reader.read(path)

    series = recording.one("host", "job", "held")
    assert series is not None
    assert len(series.seconds) >= 48
    assert recording.ending.how == "lost"


def test_damaged_lines_are_left_out_and_counted(tmp_path: Path) -> None:
    """A flipped digit in a line costs that line."""
    path = write(tmp_path / "job.memfit", [SERIES, sample(1.0, 111), sample(2.0, 222)], END)
    path.write_bytes(path.read_bytes().replace(b"111", b"911"))

    recording = reader.read(path)

    series = recording.one("host", "job", "held")
    assert series is not None
    assert list(series.last_bytes) == [222]
    assert recording.notes == ("1 damaged lines were left out",)


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"", "invalid-document"),
        (b"PK\x03\x04 something else", "invalid-document"),
        (b'{"k":"header","format"', "damaged-recording"),
        (encode(header(format=2)), "newer-schema"),
        (encode(header(command=[1])), "damaged-recording"),
    ],
)
def test_foreign_newer_and_broken_files_are_refused(tmp_path: Path, content: bytes, slug: str) -> None:
    """What is no recording of ours is an error with a name."""
    path = tmp_path / "x.memfit"
    path.write_bytes(content)

    with pytest.raises(InvalidDocument) as error:
        reader.read(path)

    assert error.value.slug == slug


@pytest.mark.parametrize(
    "item",
    [
        {"k": "s", "t": "now", "d": [[0, 1]]},
        {"k": "s", "t": -1.0, "d": [[0, 1]]},
        {"k": "s", "t": 1.0, "d": [[0, -5]]},
        {"k": "s", "t": 1.0, "d": [[0, 5, 9, 3]]},
        {"k": "s", "t": 1.0, "d": [[0, 1 << 70]]},
        {"k": "s", "t": 1.0, "d": 3},
        {"k": "s"},
        {"k": "i", "pid": 1, "unit": "step", "n": 1.5, "t": 1.0, "c": {}},
        {"k": "proc", "pid": True, "name": "x", "command": "x", "t0": 0.0},
        {"k": "h", "pid": 1, "t": 1.0, "look": "x", "held": [["a"]]},
        {"k": "env", "values": []},
    ],
)
def test_items_of_the_wrong_form_are_left_out(tmp_path: Path, item: dict[str, Any]) -> None:
    """An item that checks out but makes no sense costs itself alone."""
    path = write(tmp_path / "job.memfit", [SERIES, item, sample(2.0, 7)], END)

    recording = reader.read(path)

    series = recording.one("host", "job", "held")
    assert series is not None
    assert list(series.last_bytes) == [7]
    assert recording.notes == ("1 damaged lines were left out",)


def test_kinds_of_lines_that_are_not_known_are_passed_over(tmp_path: Path) -> None:
    """A later memfit may say more within the same format."""
    path = write(tmp_path / "job.memfit", [{"k": "mood", "x": 1}, SERIES, sample(1.0, 7)], END)

    assert reader.read(path).notes == ()


def test_an_endless_line_is_not_held(tmp_path: Path) -> None:
    """A line beyond the bound is skipped, what follows it is read."""
    path = write(tmp_path / "job.memfit", [SERIES])
    with path.open("ab") as file:
        file.write(b"x" * (3 << 20) + b"\n" + encode(sample(1.0, 7)))

    series = reader.read(path).one("host", "job", "held")

    assert series is not None
    assert list(series.last_bytes) == [7]


def test_a_long_recording_is_thinned_and_keeps_its_peaks(tmp_path: Path) -> None:
    """Beyond its size the file is rewritten: fewer samples, the same highest and lowest, everything rare."""
    writer = Writer(tmp_path / "job.memfit", header(), largest_bytes=SMALLEST_BYTES)
    writer.add(SERIES)
    writer.add({"k": "e", "slug": "limit-near", "t": 0.5, "pid": None, "text": "x"})
    for at in range(60_000):
        writer.add(sample(at / 10, 5_000 if at == 12_345 else 1_000 + at % 7))
        writer.add({"k": "i", "pid": 1, "unit": "step", "n": at + 1, "t": at / 10, "c": {"host/rss": at % 11}})
        if at % 40 == 0:
            writer.flush()
    writer.close({**END, "t": 6000.0})

    recording = reader.read(tmp_path / "job.memfit")

    assert (tmp_path / "job.memfit").stat().st_size < 2 * SMALLEST_BYTES
    series = recording.one("host", "job", "held")
    assert series is not None
    assert series.peak_bytes == 5_000
    assert min(series.low_bytes) == 1_000
    assert list(series.seconds) == sorted(series.seconds)
    steps = recording.iterations[0]
    assert steps.numbers[-1] == 60_000
    assert max(steps.columns["host/rss_high"]) == 10
    assert [event.slug for event in recording.events] == ["limit-near"]
    assert recording.notes == ()


def test_merging_keeps_the_spread() -> None:
    """Two samples become one at the later time, with the lowest and the highest of both."""
    merged = merge_samples({"k": "s", "t": 1, "d": [[0, 5], [1, 9]]}, {"k": "s", "t": 2, "d": [[0, 3, 1, 4]]})

    assert merged == {"k": "s", "t": 2, "d": [[0, 3, 1, 5], [1, 9]]}


def test_thinning_keeps_what_is_rare() -> None:
    """Headers, events, endings and the phases that somebody named stay."""
    rare = [
        {"k": "e", "slug": "x", "t": 1.0, "pid": None, "text": "x"},
        {"k": "p", "pid": 1, "name": "my phase", "t0": 1.0, "t1": 1.1},
        END,
    ]
    spans = [{"k": "p", "pid": 1, "name": "backward", "t0": float(at), "t1": at + 0.5} for at in range(5000)]

    kept = list(thin([*rare, *spans]))

    assert [item for item in kept if item in rare] == rare
    assert len(kept) < 2100


class FullDisk:
    """os.pwrite on a disk that has no block beyond those a file has already."""

    def __init__(self, blocks_bytes: int) -> None:
        self.blocks_bytes, self.real = blocks_bytes, os.pwrite

    def __call__(self, file: int, data: Any, at: int) -> int:
        if at + len(data) > self.blocks_bytes:
            raise OSError(28, "No space left on device")
        return self.real(file, data, at)


def test_a_full_disk_loses_samples_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer goes on, keeps what it can in memory, and its last words are in the file all the same."""
    path = tmp_path / "job.memfit"
    writer = Writer(path, header())
    writer.add(SERIES)
    writer.add(sample(1.0, 7))
    assert writer.flush()
    monkeypatch.setattr(os, "pwrite", FullDisk(path.stat().st_size))

    for at in range(100_000):
        writer.add(sample(2.0 + at, 8))
    assert not writer.flush()
    writer.last_words([{"k": "e", "slug": "disk-full", "t": 2.0, "pid": None, "text": "no room"}])
    writer.close(END)

    recording = reader.read(path)
    series = recording.one("host", "job", "held")
    assert series is not None
    assert list(series.last_bytes) == [7]
    assert recording.ending.how == "exited"
    assert writer.lost_lines > 0


def test_the_reserve_is_a_line_like_others() -> None:
    """Padding has the size that was asked for and says nothing."""
    line = padding(4096)

    assert len(line) == 4096
    assert (decode(line) or {})["k"] == "pad"


def test_a_folder_reads_as_one(tmp_path: Path) -> None:
    """Files of one machine add up; a second machine has pools and processes of its own."""
    for name, host, value in (("a", "one", 100), ("b", "one", 50), ("c", "two", 70)):
        writer = Writer(tmp_path / f"{name}.memfit", header(machine={"host": host}, started="2026-11-25T10:00:00.000Z"))
        for item in (SERIES, sample(1.0, value), {**sample(2.0, value * 2)}):
            writer.add(item)
        writer.add({"k": "proc", "pid": 7, "name": "python", "command": name, "t0": 0.0, "t1": None, "peak": 1})
        writer.close(END)

    recording = reader.read(tmp_path)

    assert recording.pools == ("host", "node1/host")
    assert recording.peak_bytes("host") == 300
    assert recording.peak_bytes("node1/host") == 140
    assert [process.pid for process in recording.processes].count(7) == 2
    assert recording.notes[0].startswith("joined from 3 files")


def test_a_job_that_ended_counts_no_longer_than_it_lasted(tmp_path: Path) -> None:
    """Of two ranks one ends early: the sum goes down by what it held."""
    for name, ends in (("a", 3.0), ("b", 9.0)):
        writer = Writer(tmp_path / f"{name}.memfit", header())
        for item in (SERIES, sample(1.0, 100), sample(ends - 0.5, 100)):
            writer.add(item)
        writer.close({**END, "t": ends})

    held = reader.read(tmp_path).one("host", "job", "held")

    assert held is not None
    assert [value for at, value in zip(held.seconds, held.last_bytes, strict=True) if 3 < at < 9] == [100]
    assert held.peak_bytes == 200


def test_a_file_that_cannot_be_read_costs_a_folder_no_more_than_itself(tmp_path: Path) -> None:
    """An empty file of a rank that never began is told, the others are read."""
    write(tmp_path / "a.memfit", [SERIES, sample(1.0, 100)], END)
    (tmp_path / "b.memfit").write_bytes(b"")
    (tmp_path / "c.memfit").mkdir()

    recording = reader.read(tmp_path)

    assert recording.ending.how == "exited"
    assert [note for note in recording.notes if "b.memfit is empty" in note]


def test_an_unfinished_last_line_is_no_damage(tmp_path: Path) -> None:
    """It is what a death leaves behind, or what is being written at this moment."""
    path = write(tmp_path / "job.memfit", [SERIES, sample(1.0, 1), sample(2.0, 2)])
    os.truncate(path, path.stat().st_size - 5)

    recording = reader.read(path)

    assert recording.seconds == 1.0
    assert recording.notes == ()


def test_what_would_steer_a_terminal_is_taken_out(tmp_path: Path) -> None:
    """Escape sequences, direction marks and halves of characters in a stranger's file."""
    event = {"k": "e", "slug": "x", "t": 1.0, "pid": None, "text": "a\x1b[2Jb\u202ec\udcff\n"}
    path = write(tmp_path / "job.memfit", [SERIES, event], END)

    assert reader.read(path).events[0].text == "a\ufffd[2Jb\ufffdc\ufffd\n"


@pytest.mark.parametrize(
    "recorder",
    [{"pid": -1, "start": 0.0}, {"pid": 10**400, "start": 1}, {"pid": os.getpid(), "start": 10**400}, {"pid": True}, 7],
)
def test_a_recorder_that_cannot_be_is_not_looked_for(tmp_path: Path, recorder: Any) -> None:
    """Whatever a stranger writes there, the recording is one that just stops."""
    path = tmp_path / "job.memfit"
    path.write_bytes(encode(header(recorder=recorder)) + encode(SERIES) + encode(sample(1.0, 1)))

    assert reader.read(path).ending.how == "lost"


def test_columns_without_number_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that each have columns of their own would make a table of rows times columns."""
    monkeypatch.setattr("memfit.recording.building._MOST_VALUES", 1000)
    rows = [{"k": "i", "pid": 1, "unit": "x", "n": n, "t": 1.0, "c": {f"c{n}": 1}} for n in range(500)]

    table = reader.read(write(tmp_path / "job.memfit", rows, END)).iterations[0]

    assert len(table.numbers) == 500
    assert len(table.columns) == 2


def test_thinning_keeps_first_rows_and_the_largest_processes() -> None:
    """The first sample and the first iteration stay as they are; of ever new workers those that held the most stay."""
    rows = [{"k": "i", "pid": 1, "unit": "step", "n": n, "t": n / 10, "c": {"host/rss": n}} for n in range(1, 100)]
    workers = [
        {"k": "proc", "pid": 7, "name": "w", "command": "w", "t0": float(n), "t1": n + 1.0, "peak": n}
        for n in range(9000)
    ]

    kept = list(thin([SERIES, *[sample(float(at), at) for at in range(100)], *rows, *workers]))

    assert kept[0] == sample(0.0, 0)
    assert next(item for item in kept if item["k"] == "i") == rows[0]
    assert [item["peak"] for item in kept if item["k"] == "proc"] == list(range(7000, 9000))
