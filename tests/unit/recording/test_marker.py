"""What a process of a recorded job writes to its spool, with a clock of the test's own."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from memfit.quantities import Held
from memfit.recording.child import spool
from memfit.recording.child.marker import Marker

MIB = 1 << 20


class World:
    """A clock and a memory that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.resident: int | None = 10 * MIB
        self.high = 10 * MIB


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def marker(tmp_path: Path, world: World) -> Marker:
    return Marker(str(tmp_path), clock=lambda: world.now, resident=lambda: world.resident, rising=lambda: world.high)


def in_order(folder: Path) -> list[Path]:
    """The files of a spool folder, as they were begun."""
    return sorted(folder.glob("*.log"), key=lambda path: tuple(map(int, path.stem.split("."))))


def lines(folder: Path, kind: str = "") -> list[list[Any]]:
    """All lines of one kind, or all, in the order of the files."""
    found = [
        json.loads(line) for path in in_order(folder) for line in path.read_text(encoding="ascii").splitlines() if line
    ]
    return [line for line in found if not kind or line[0] == kind]


def test_first_line_says_hello(marker: Marker, tmp_path: Path) -> None:
    """A file begins with who wrote it."""
    marker.hello()

    ((kind, seconds, about),) = lines(tmp_path)
    assert (kind, seconds) == ("h", 100.0)
    assert about["pid"] == os.getpid()
    assert about["python"] == sys.version.split()[0]
    assert about["argv"]


def test_iterations_are_counted_with_their_memory(marker: Marker, world: World, tmp_path: Path) -> None:
    """Slow iterations have a row each, with the resident size at their end."""
    for size in (20, 30):
        world.now += 1
        world.resident = size * MIB
        marker.iteration()

    assert lines(tmp_path, "i") == [
        ["i", 101.0, "step", 1, {"host/rss": 20 * MIB}],
        ["i", 102.0, "step", 2, {"host/rss": 30 * MIB}],
    ]


def test_quick_iterations_share_a_row(marker: Marker, world: World, tmp_path: Path) -> None:
    """A hundred iterations within half a second make about ten rows, and none is lost."""
    for _ in range(100):
        world.now += 0.005
        marker.iteration("batch")
    marker.close()

    rows = lines(tmp_path, "i")
    assert 10 <= len(rows) <= 11
    assert rows[-1][2:4] == ["batch", 100]


def test_memory_given_back_after_the_loop_is_not_the_last_iterations(
    marker: Marker, world: World, tmp_path: Path
) -> None:
    """The row that waited for its turn is written at the end of the job, without what the job holds by then."""
    for _ in range(3):
        world.now += 0.004
        marker.iteration()
    world.now += 5
    world.resident = 3 * MIB
    marker.close()

    assert lines(tmp_path, "i")[-1] == ["i", pytest.approx(100.012), "step", 3, {}]


def test_units_are_counted_apart(marker: Marker, world: World, tmp_path: Path) -> None:
    """Rounds do not move the count of steps."""
    marker.iteration("step")
    marker.iteration("round", 5)

    assert [(row[2], row[3]) for row in lines(tmp_path, "i")] == [("step", 1), ("round", 5)]


def test_what_the_job_counts_itself_counts(marker: Marker, world: World, tmp_path: Path) -> None:
    """A loop that counts its steps by hand, with an optimizer that is followed too, has each step once."""
    for _ in range(5):
        world.now += 1
        marker.iteration()
        marker.by_hand()
    marker.close()

    assert [row[3] for row in lines(tmp_path, "i")] == [1, 1, 2, 3, 4, 5]


def test_high_water_is_told_only_where_it_rose(marker: Marker, world: World, tmp_path: Path) -> None:
    """A row carries the process's high-water mark if it rose since the row before."""
    world.now, world.high = 101.0, 50 * MIB
    marker.iteration()
    world.now = 102.0
    marker.iteration()

    first, second = lines(tmp_path, "i")
    assert first[4]["host/rss_high"] == 50 * MIB
    assert "host/rss_high" not in second[4]


def test_gauges_are_read_with_each_row(marker: Marker, world: World, tmp_path: Path) -> None:
    """A gauge that knows nothing is left out, one that fails is asked no more and does no harm."""
    asked = []

    def failing() -> int:
        asked.append(1)
        raise RuntimeError

    marker.gauge("cuda:0/allocated", lambda: 7)
    marker.gauge("cuda:0/reserved", lambda: None)
    marker.gauge("cuda:1/allocated", failing)
    for _ in range(3):
        world.now += 1
        marker.iteration()

    assert [row[4] for row in lines(tmp_path, "i")] == [{"host/rss": 10 * MIB, "cuda:0/allocated": 7}] * 3
    assert len(asked) == 1


def test_long_phases_are_listed_and_short_ones_summed(marker: Marker, world: World, tmp_path: Path) -> None:
    """A backward pass of 60 ms has its lines, one of 20 ms is only in the sum."""
    for seconds in (0.02, 0.06):
        with marker.phase("backward"):
            world.now += seconds
    marker.close()

    (begin,), (end,) = lines(tmp_path, "b"), lines(tmp_path, "e")
    assert begin == ["b", pytest.approx(100.02), "backward", 10 * MIB]
    assert end == ["e", pytest.approx(100.08), "backward", 10 * MIB, None]
    (totals,) = lines(tmp_path, "t")
    assert totals[2] == {"backward": [2, pytest.approx(0.08), None]}


def test_phases_with_a_name_of_their_own_are_told_when_they_begin(marker: Marker, tmp_path: Path) -> None:
    """A kill within an evaluation leaves its beginning."""
    marker.begin("evaluation")

    assert [line[2] for line in lines(tmp_path, "b")] == ["evaluation"]


def test_a_named_phase_that_turns_out_a_routine_is_listed_no_more(marker: Marker, world: World, tmp_path: Path) -> None:
    """A user's phase of every iteration does not fill the spool."""
    for _ in range(1000):
        with marker.phase("mine"):
            world.now += 0.002

    assert 0 < len(lines(tmp_path, "b")) < 100


def test_phase_in_which_the_high_water_rose_has_it(marker: Marker, world: World, tmp_path: Path) -> None:
    """The peak is of the phase that was open when it was set, and of no other."""
    with marker.phase("forward"):
        pass
    with marker.phase("checkpoint"):
        world.high = 99 * MIB
    marker.close()

    (totals,) = lines(tmp_path, "t")
    assert totals[2]["forward"][2] is None
    assert totals[2]["checkpoint"][2] == 99 * MIB
    (end,) = lines(tmp_path, "e")
    assert end[4] == 99 * MIB


def test_laps_are_phases_at_less_cost(marker: Marker, world: World, tmp_path: Path) -> None:
    """All are counted with their time, a long one among quick ones is listed, a rise of the high water is found."""
    lap = marker.lap("data")
    for number in range(1000):
        started = lap.start()
        world.now += 2.0 if number == 500 else 0.0005
        world.high += number == 3
        lap.stop(started)
    marker.close()

    assert lines(tmp_path, "t")[-1][2] == {"data": [1000, pytest.approx(2.4995), 10 * MIB + 1]}
    assert [line[2] for line in lines(tmp_path, "b")] == ["data"]
    assert lines(tmp_path, "e")[0][1] - lines(tmp_path, "b")[0][1] == pytest.approx(2.0)


def test_laps_of_a_forked_child_begin_anew(marker: Marker, world: World, tmp_path: Path) -> None:
    """A lap that the parent made counts in the child from nothing."""
    lap = marker.lap("data")
    for _ in range(100):
        lap.stop(lap.start())
    marker.forked()
    marker.hello()

    lap.stop(lap.start())
    marker.close()

    assert lines(tmp_path, "t")[-1][2] == {"data": [1, 0.0, None]}


def test_phases_nest_and_close_out_of_order(marker: Marker, world: World, tmp_path: Path) -> None:
    """An outer phase that ends first does not take the inner one along; an end without beginning is nothing."""
    marker.begin("evaluation")
    marker.begin("data")
    world.now += 1
    marker.end("evaluation")
    marker.end("evaluation")
    world.now += 1
    marker.end("data")
    marker.close()

    totals = lines(tmp_path, "t")[-1]
    assert totals[2] == {"evaluation": [1, 1.0, None], "data": [1, 2.0, None]}


def test_what_is_open_at_the_end_ends_there(marker: Marker, world: World, tmp_path: Path) -> None:
    """An evaluation after which nothing comes ends with the process."""
    marker.begin("evaluation")
    world.now += 3
    marker.close()

    assert [line[1:3] for line in lines(tmp_path, "e")] == [[103.0, "evaluation"]]
    assert lines(tmp_path, "t")[-1][2] == {"evaluation": [1, 3.0, None]}


def test_phases_left_open_do_not_pile_up(marker: Marker, world: World) -> None:
    """Ten thousand beginnings without an end hold no more memory than a few."""
    for _ in range(10_000):
        marker.begin("optimizer")

    assert sum(map(len, marker._stays.values())) <= 64


def test_threads_have_phases_of_their_own(marker: Marker, world: World, tmp_path: Path) -> None:
    """A phase that is open in one thread is not ended by another, and all of their iterations count."""
    marker.begin("checkpoint")

    def work() -> None:
        marker.end("checkpoint")
        for _ in range(1000):
            marker.iteration()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lines(tmp_path, "e") == []
    marker.close()
    assert lines(tmp_path, "i")[-1][3] == 4000


def test_marks_from_a_signal_handler_within_a_mark(tmp_path: Path) -> None:
    """A job that saves a checkpoint in its SIGTERM handler does not wait for itself."""
    marker = Marker(str(tmp_path))
    marker.gauge("x", lambda: os.kill(os.getpid(), signal.SIGUSR1))  # arrives while the row is being written
    before = signal.signal(signal.SIGUSR1, lambda *_: marker.phase("checkpoint").__enter__())

    try:
        marker.iteration()
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert [line[2] for line in lines(tmp_path, "b")] == ["checkpoint"]


def test_a_role_is_said_once(marker: Marker, tmp_path: Path) -> None:
    """Said again, it is not written again."""
    marker.role("trainer", 3)
    marker.role("trainer", 3)

    assert lines(tmp_path, "r") == [["r", 100.0, "trainer", 3]]


def test_looks_are_taken_at_doubling_iterations(marker: Marker, world: World, tmp_path: Path) -> None:
    """At the iterations 2 and 3, then whenever their count has doubled."""
    found = Held(category="container", label="list `x`", held_bytes=5, count=2, where="a.py:1", grows=True)
    marker.attribution("containers", lambda: [found])

    for _ in range(40):
        world.now += 10
        marker.iteration()

    looks = lines(tmp_path, "a")
    assert looks[0] == ["a", 120.0, "containers", [["container", "list `x`", 5, 2, "a.py:1", True]]]
    assert [round((line[1] - 100) / 10) for line in looks] == [2, 3, 6, 12, 24]


def test_a_look_costs_no_more_than_its_share(marker: Marker, world: World, tmp_path: Path) -> None:
    """A look of a second is not taken twice before the run has lasted some hundred times as long."""

    def slow() -> list[Held]:
        world.now += 1.0
        return []

    marker.attribution("slow", slow)
    while world.now < 700:
        world.now += 0.1
        marker.iteration()

    assert [line[2] for line in lines(tmp_path, "a")] in (["slow"] * 2, ["slow"] * 3)


def test_what_was_asked_for_is_done_at_its_times(marker: Marker, world: World, tmp_path: Path) -> None:
    """A probe, which disturbs, is made after 5 and 30 seconds, 5 and 30 minutes, and does not wait for its share."""

    class Probe:
        asked_for = True

        def __call__(self) -> list[Held]:
            world.now += 1.0
            return []

    marker.attribution("gc", Probe())
    while world.now < 4100:
        world.now += 0.5
        marker.iteration()

    assert [line[1] - 100 for line in lines(tmp_path, "a")] == pytest.approx([6, 31, 301, 1801], abs=1)


def test_a_look_that_fails_is_not_taken_again(marker: Marker, world: World, tmp_path: Path) -> None:
    """It leaves a note, and the job goes on."""

    def failing() -> list[Held]:
        raise ZeroDivisionError("x")

    marker.attribution("mine", failing)
    for _ in range(20):
        world.now += 10
        marker.iteration()

    (note,) = lines(tmp_path, "n")
    assert note[2] == "look-failed"
    assert "'mine' ended with ZeroDivisionError: x" in note[3]


def test_a_full_file_is_followed_by_another(
    marker: Marker, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file begins with hello; while the recorder takes files away, there is no end."""
    monkeypatch.setattr(spool, "ROTATE_BYTES", 1000)

    for _ in range(500):
        world.now += 1
        marker.iteration()
        for path in in_order(tmp_path)[:-1]:
            path.unlink()

    (left,) = tmp_path.iterdir()
    assert int(left.name.split(".")[2]) > 10
    assert lines(tmp_path)[0][0] == "h"
    assert lines(tmp_path, "i")[-1][3] == 500


def test_it_stops_when_nobody_reads(
    marker: Marker, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder that is gone leaves a few files, not a full disk."""
    monkeypatch.setattr(spool, "ROTATE_BYTES", 1000)

    for _ in range(1000):
        world.now += 1
        marker.iteration()

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 6000


def test_a_spool_that_is_gone_is_nothing_to_the_job(marker: Marker, tmp_path: Path, world: World) -> None:
    """The folder is taken away in the middle."""
    marker.iteration()
    shutil.rmtree(tmp_path)

    for _ in range(10):
        world.now += 1
        marker.iteration()
        with marker.phase("evaluation"):
            world.now += 1
    marker.close()

    assert not tmp_path.exists()


def test_descriptors_that_the_job_closed_are_not_written_to(marker: Marker, tmp_path: Path, world: World) -> None:
    """A job that closes everything and opens a file of its own finds no line of ours in it."""
    (tmp_path / "own").mkdir()
    marker.iteration()
    os.close(marker._spool._fd)
    own = os.open(tmp_path / "own" / "result", os.O_WRONLY | os.O_CREAT)
    assert own == marker._spool._fd

    world.now += 1
    marker.iteration()
    marker.close()

    os.write(own, b"mine")
    os.close(own)
    assert (tmp_path / "own" / "result").read_bytes() == b"mine"
    assert [row[3] for row in lines(tmp_path, "i")] == [1, 2]


def test_a_full_disk_pauses_it_and_the_count_goes_on(tmp_path: Path, world: World) -> None:
    """Lines that do not fit are lost; once there is room, what follows is whole and its numbers are right."""
    script = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from memfit.recording.child import spool
from memfit.recording.child.marker import Marker
now = 0.0
spool.monotonic = lambda: now
marker = Marker({str(tmp_path)!r}, clock=lambda: now)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400, most))
for number in range(40):
    now += 1
    if number == 30:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    marker.iteration()
marker.close()
"""
    subprocess.run([sys.executable, "-c", script], check=True)

    whole, broken = [], 0
    for line in b"\n".join(path.read_bytes() for path in tmp_path.iterdir()).splitlines():
        try:
            whole.append(json.loads(line or b"[0]"))
        except ValueError:
            broken += 1
    assert broken <= 5
    assert [line[3] for line in whole if line[0] == "i"][-1] == 40
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 400


def test_a_forked_child_has_a_file_of_its_own_once_it_marks(tmp_path: Path) -> None:
    """Its count begins anew, its parent's file is untouched, and one that marks nothing leaves nothing."""
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from memfit.recording.child.start import start
marker = start({str(tmp_path)!r})
for _ in range(5):
    marker.iteration()
silent = os.fork()
if silent == 0:
    os._exit(0)
os.waitpid(silent, 0)
child = os.fork()
if child == 0:
    marker.iteration()
    os._exit(0)
os.waitpid(child, 0)
print(os.getpid(), silent, child)
"""
    told = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    parent, silent, child = told.split()

    by_pid = {path.name.split(".")[0]: path for path in tmp_path.iterdir()}
    assert set(by_pid) == {parent, child}
    assert silent not in by_pid
    told_by = {pid: [json.loads(line) for line in path.read_text().splitlines()] for pid, path in by_pid.items()}
    assert told_by[child][0][2]["pid"] == int(child)
    assert [line[3] for line in told_by[child] if line[0] == "i"] == [1]
    assert [line[3] for line in told_by[parent] if line[0] == "i"][-1] == 5
    assert told_by[parent][-1][0] == "x"
    assert told_by[child][-1][0] == "x"
    assert told_by[parent][-1][2] > 5 * MIB


def test_what_is_wrong_with_the_marker_is_not_the_jobs(tmp_path: Path, world: World) -> None:
    """It leaves a note and marks no more; every call returns as if nothing were."""

    def failing() -> int:
        raise KeyError("of ours")

    marker = Marker(str(tmp_path), clock=lambda: world.now, resident=lambda: 0, rising=lambda: world.high)
    marker._resident = failing

    for _ in range(3):
        world.now += 1
        marker.iteration()
        marker.by_hand("batch")
        with marker.phase("evaluation"):
            lap = marker.lap("data")
            lap.stop(lap.start())
    marker.role("trainer")
    marker.close()

    assert [line[2:] for line in lines(tmp_path, "n")] == [["marks-failed", "marks ended: KeyError: 'of ours'"]]


def test_the_end_holds_back_nothing(tmp_path: Path) -> None:
    """os._exit, which runs no exit handlers, loses no iteration either."""
    script = f"""
import os, sys
sys.path[:0] = {sys.path!r}
from memfit.recording.child.start import start
marker = start({str(tmp_path)!r})
for _ in range(1000):
    marker.iteration()
os._exit(3)
"""
    code = subprocess.run([sys.executable, "-c", script]).returncode

    assert code == 3
    assert lines(tmp_path, "i")[-1][3] == 1000
    assert lines(tmp_path)[-1][0] == "x"


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'quoted "x"',
        "\udc80 a name that is no text",
        "日本",
        3,
        -1,
        1.5,
        1e300,
        True,
        None,
        [1, [2]],
        {"a": {}},
    ],
)
def test_lines_are_json(value: object) -> None:
    """What is written reads back as it was, whatever the job's names hold."""
    assert json.loads(spool.encode(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_null(value: float) -> None:
    """NaN is no JSON."""
    assert json.loads(spool.encode([value])) == [None]
